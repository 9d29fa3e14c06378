/**
 * The mesh of a site on a simulated network: the real dialler, and the rules of the real mesh. Of each pair the node with the lower id
 * decides which connection stands; only nodes of the roster are admitted, on both sides. Every node of the roster is found, as mDNS
 * finds it.
 */
import { nodeId, SelvedgeError, type CloseReason, type Connection, type NodeId } from '@selvedge/core'
import { closeCodes, MeshDialler, meshSilentMs, networkErrors, type Mesh, type MeshOptions } from '@selvedge/network'
import type { Caller, SimulatedConnection, SimulatedHost } from './simulated-network.js'

export class SimulatedMesh implements Mesh {
  private readonly links = new Map<NodeId, SimulatedConnection>()
  private readonly dialler: MeshDialler
  private blocked: (node: NodeId) => boolean = () => false
  private closed = false

  constructor(
    private readonly options: MeshOptions,
    private readonly host: SimulatedHost,
    /** The host of each node of the building. */
    private readonly hostOf: (node: NodeId) => string
  ) {
    const { clock, random, log, roster } = options
    this.dialler = new MeshDialler({
      clock,
      random,
      log,
      dial: async ([address]) => {
        await this.connect(nodeId(address!))
        return nodeId(address!)
      },
      isLinked: node => this.links.has(node),
      isAllowed: node => this.admits(node),
      isSelf: () => false
    })
    host.services.set('mesh', (caller, connection) => this.accept(caller, connection))
    for (const { node } of roster.nodes) if (node !== this.self) this.dialler.discovered(node, [node])
  }

  get addresses(): readonly string[] {
    return [`/simulated/${this.host.name}/p2p/${this.self}`]
  }

  get connections(): readonly Connection[] {
    return [...this.links.values()]
  }

  async dial(address: string): Promise<Connection> {
    return this.connect(nodeId(address.slice(address.lastIndexOf('/') + 1)))
  }

  disconnect(node: NodeId): void {
    this.links.get(node)?.close({ code: closeCodes.disconnected, message: 'disconnected by hand' })
  }

  setBlocked(blocked: (node: NodeId) => boolean): void {
    this.blocked = blocked
    const reason = { code: closeCodes.blocked, message: 'the node is blocked on this side' }
    for (const [node, link] of [...this.links]) if (!this.admits(node)) link.close(reason)
    this.dialler.retry()
  }

  close(): Promise<void> {
    this.closed = true
    this.host.services.delete('mesh')
    this.dialler.close()
    for (const link of [...this.links.values()]) link.close({ code: closeCodes.meshClosed, message: 'the node shuts down' })
    return Promise.resolve()
  }

  private get self(): NodeId {
    return this.options.key.node
  }

  private admits(node: NodeId): boolean {
    return !this.closed && node !== this.self && this.options.roster.admits(node) && !this.blocked(node)
  }

  private async connect(node: NodeId): Promise<Connection> {
    const { roster } = this.options
    const { connection, node: found } = await this.host.connect(this.hostOf(node), 'mesh', { node: this.self, site: roster.site })
    const present = this.links.get(node)
    // The opener of a pair keeps what it has; the other end takes what the opener has taken.
    if (found === node && this.admits(node) && !(this.self < node && present && this.isHeard(present)))
      return this.adopt(node, connection)
    connection.close({ code: closeCodes.closed, message: 'not needed' })
    if (found === node && present) return present
    throw new SelvedgeError(networkErrors.meshDialFailed, `${this.hostOf(node)} is not node ${node}`)
  }

  private accept({ node }: Caller, connection: SimulatedConnection): NodeId {
    const present = this.links.get(node)
    if (!this.admits(node)) throw new SelvedgeError(networkErrors.meshDialFailed, 'the node is not admitted')
    if (this.self < node && present && this.isHeard(present))
      throw new SelvedgeError(networkErrors.meshDialFailed, 'there is a connection already')
    this.adopt(node, connection)
    return this.self
  }

  private isHeard(connection: SimulatedConnection): boolean {
    return this.options.clock.monotonicMs() - connection.heardMs < (this.options.silentMs ?? meshSilentMs)
  }

  private adopt(node: NodeId, connection: SimulatedConnection): Connection {
    const { clock, log, roster } = this.options
    const name = roster.nameOf(node)
    connection.remote = { node, site: roster.site, role: 'node', name, address: this.hostOf(node) }
    const replaced: CloseReason = { code: closeCodes.replaced, message: 'a newer connection to the same node took its place' }
    this.links.get(node)?.close(replaced)
    const sinceMs = clock.monotonicMs()
    connection.open(clock, reason => {
      if (this.links.get(node) !== connection) return
      this.links.delete(node)
      log.info({ node, name, reason }, 'a node is no longer connected')
      this.dialler.lost(node, clock.monotonicMs() - sinceMs)
    })
    this.links.set(node, connection)
    this.dialler.linked(node)
    log.info({ node, name }, 'a node is connected')
    this.options.onConnection(connection)
    return connection
  }
}
