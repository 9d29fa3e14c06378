/**
 * The mesh over libp2p. Of each pair of nodes the one with the lower id is the *opener*: it alone opens the stream of the pair, on
 * the first libp2p connection that stands, and closes any further one, so that simultaneous dials settle on one connection. Only
 * when the one it has was silent for a while (the other end may have restarted) does a new one take its place.
 */
import type { Connection as Libp2pConnection, Stream } from '@libp2p/interface'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from 'libp2p'
import { nodeId, SelvedgeError, type CloseReason, type Connection, type NodeId, type Timer } from '@selvedge/core'
import { closeCodes, networkErrors } from '../errors.js'
import { MeshDialler } from '../mesh-dialler.js'
import { meshSilentMs, type Mesh, type MeshOptions } from '../mesh.js'
import { createNode, startNode } from './libp2p-node.js'
import { StreamConnection } from './stream-connection.js'

export const meshProtocol = '/selvedge/1'
/** How long a connection may stand without its stream. */
const streamTimeoutMs = 5_000
const peersMax = 1024

/** See `openMesh`. */
export async function openLibp2pMesh(options: MeshOptions): Promise<Mesh> {
  const peers = (options.peers ?? []).slice(0, peersMax).map(parseAddress)
  options.listen.forEach(parseAddress)
  const mesh = new Libp2pMesh(options)
  await mesh.start(peers)
  return mesh
}

class Libp2pMesh implements Mesh {
  private node!: Libp2p
  private readonly self: NodeId
  private readonly links = new Map<NodeId, StreamConnection>()
  /** Closed ones that are still sending their last. */
  private readonly ending = new Set<StreamConnection>()
  private readonly opening = new Set<NodeId>()
  private readonly waiting = new Map<Libp2pConnection, Timer>()
  private readonly dials = new Map<NodeId, Set<(connection: Connection | undefined) => void>>()
  private readonly dialler: MeshDialler
  private blocked: (node: NodeId) => boolean = () => false
  private closing: Promise<void> | undefined

  constructor(private readonly options: MeshOptions) {
    this.self = options.key.node
    this.dialler = new MeshDialler({
      clock: options.clock,
      random: options.random,
      log: options.log,
      dial: async addresses => nodeId((await this.node.dial(addresses.map(address => multiaddr(address)))).remotePeer.toString()),
      isLinked: node => this.links.has(node),
      isAllowed: node => this.admits(node),
      isSelf: error => error instanceof Error && /dial self/i.test(error.message)
    })
  }

  async start(peers: readonly Multiaddr[]): Promise<void> {
    this.node = await createNode({
      key: this.options.key,
      listen: this.options.listen,
      mdns: this.options.mdns ?? false,
      admits: node => this.admits(node),
      discovered: (node, addresses) => {
        if (this.admits(node)) this.dialler.discovered(node, addresses)
      }
    })
    await this.node.handle(meshProtocol, (stream, link) => this.accepted(stream, link), {
      maxInboundStreams: 2,
      maxOutboundStreams: 2
    })
    this.node.addEventListener('connection:open', event => this.opened(event.detail))
    this.node.addEventListener('connection:close', event => this.stopWaiting(event.detail))
    await startNode(this.node, this.options.listen)
    for (const address of peers) {
      const node = nodeOfAddress(address)
      if (node !== this.self) this.dialler.add(address.toString(), node)
    }
    this.options.log.info({ node: this.self, addresses: this.addresses }, 'the mesh is open')
  }

  get addresses(): readonly string[] {
    return this.node.getMultiaddrs().map(address => address.toString())
  }

  get connections(): readonly Connection[] {
    return [...this.links.values()]
  }

  async dial(address: string): Promise<Connection> {
    const target = parseAddress(address)
    const failed = (cause: unknown) =>
      new SelvedgeError(
        networkErrors.meshDialFailed,
        `${address} can't be dialled: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          cause,
          details: { address }
        }
      )
    if (this.closing) throw new SelvedgeError(networkErrors.meshClosed, 'the mesh is closed')
    let link: Libp2pConnection
    try {
      link = await this.node.dial(target)
    } catch (cause) {
      throw failed(cause)
    }
    const connection = await this.admission(nodeId(link.remotePeer.toString()))
    if (!connection) throw failed('the other end does not admit this node')
    return connection
  }

  disconnect(node: NodeId): void {
    const link = this.links.get(node)
    if (link) link.close({ code: closeCodes.disconnected, message: 'disconnected by hand' })
    else for (const other of this.linksTo(node)) other.abort(new Error('disconnected by hand'))
  }

  setBlocked(blocked: (node: NodeId) => boolean): void {
    this.blocked = blocked
    for (const [node, link] of [...this.links])
      if (!this.admits(node)) link.abort({ code: closeCodes.blocked, message: 'the node is blocked on this side' })
    for (const link of this.node.getConnections())
      if (!this.admits(nodeId(link.remotePeer.toString()))) link.abort(new Error('the node is blocked'))
    this.dialler.retry()
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  private async shutDown(): Promise<void> {
    this.dialler.close()
    for (const timer of this.waiting.values()) timer.cancel()
    this.waiting.clear()
    for (const link of [...this.links.values()]) link.close({ code: closeCodes.meshClosed, message: 'the node shuts down' })
    for (const settle of [...this.dials.values()].flatMap(set => [...set])) settle(undefined)
    await Promise.all([...this.ending].map(link => link.finished))
    await this.node.stop()
    this.options.log.info({ node: this.self }, 'the mesh is closed')
  }

  private admits(node: NodeId): boolean {
    return !this.closing && node !== this.self && this.options.roster.admits(node) && !this.blocked(node)
  }

  private linksTo(node: NodeId): Libp2pConnection[] {
    return this.node.getConnections().filter(link => link.remotePeer.toString() === node)
  }

  private opened(link: Libp2pConnection): void {
    const node = nodeId(link.remotePeer.toString())
    guardAbort(link)
    if (!this.admits(node)) return link.abort(new Error('the node is not admitted'))
    if (this.self > node) {
      // The other end opens the stream; one that does not would hold a connection for nothing.
      this.waiting.set(
        link,
        this.options.clock.setTimer(streamTimeoutMs, () => link.abort(new Error('no stream was opened')))
      )
      return
    }
    const { silentMs = meshSilentMs } = this.options
    if (this.opening.has(node) || this.links.get(node)?.heardWithin(silentMs)) closeQuietly(link)
    else void this.open(node, link)
  }

  private async open(node: NodeId, link: Libp2pConnection): Promise<void> {
    this.opening.add(node)
    const abort = new AbortController()
    const timer = this.options.clock.setTimer(streamTimeoutMs, () => abort.abort())
    try {
      this.adopt(await link.newStream(meshProtocol, { signal: abort.signal }), link)
    } catch (error) {
      this.options.log.debug({ node, error }, 'a peer did not take the stream')
      link.abort(error instanceof Error ? error : new Error(String(error)))
      this.settle(node, undefined)
    } finally {
      timer.cancel()
      this.opening.delete(node)
    }
  }

  private accepted(stream: Stream, link: Libp2pConnection): void {
    this.stopWaiting(link)
    if (this.self < link.remotePeer.toString()) stream.abort(new Error('the other end is not the opener'))
    else this.adopt(stream, link)
  }

  private adopt(stream: Stream, link: Libp2pConnection): void {
    const node = nodeId(link.remotePeer.toString())
    if (!this.admits(node) || link.status !== 'open') {
      link.abort(new Error('the node is not admitted'))
      return
    }
    // The opener knows best: a second stream means that it holds the first one for dead.
    this.links.get(node)?.abort({ code: closeCodes.replaced, message: 'a newer connection to the same node took its place' })
    const { roster, clock } = this.options
    const remote = {
      node,
      site: roster.site,
      role: 'node',
      name: roster.nameOf(node),
      address: shortAddress(link.remoteAddr)
    } as const
    const connection = new StreamConnection({ stream, link, remote, clock, ended: (ended, reason) => this.ended(ended, reason) })
    this.links.set(node, connection)
    this.dialler.linked(node)
    this.options.log.info(
      { node, name: remote.name, address: remote.address, outgoing: connection.outgoing },
      'a node is connected'
    )
    this.options.onConnection(connection)
    this.settle(node, connection)
  }

  private ended(connection: StreamConnection, reason: CloseReason): void {
    const { node, name } = connection.remote
    this.ending.add(connection)
    void connection.finished.then(() => this.ending.delete(connection))
    if (this.links.get(node) !== connection) return
    this.links.delete(node)
    this.options.log.info({ node, name, reason }, 'a node is no longer connected')
    this.dialler.lost(node, this.options.clock.monotonicMs() - connection.sinceMs)
  }

  /** Waits for the connection to `node`, or for its refusal: then the libp2p connection closes. */
  private admission(node: NodeId): Promise<Connection | undefined> {
    const present = this.links.get(node)
    if (present) return Promise.resolve(present)
    return new Promise(resolve => {
      const settle = (connection: Connection | undefined) => {
        timer.cancel()
        this.node.removeEventListener('connection:close', closed)
        waiters.delete(settle)
        if (waiters.size === 0) this.dials.delete(node)
        resolve(connection)
      }
      const closed = () => {
        if (this.linksTo(node).length === 0) settle(undefined)
      }
      const timer = this.options.clock.setTimer(streamTimeoutMs, () => settle(undefined))
      const waiters = this.dials.get(node) ?? new Set()
      this.dials.set(node, waiters.add(settle))
      this.node.addEventListener('connection:close', closed)
      queueMicrotask(closed)
    })
  }

  private settle(node: NodeId, connection: Connection | undefined): void {
    for (const settle of [...(this.dials.get(node) ?? [])]) settle(connection)
  }

  private stopWaiting(link: Libp2pConnection): void {
    this.waiting.get(link)?.cancel()
    this.waiting.delete(link)
  }
}

// libp2p's connection monitor aborts a silent connection where nobody catches: should that throw (it says goodbye over a stream that
// may be closed already), the process would end.
function guardAbort(link: Libp2pConnection): void {
  const abort = link.abort.bind(link)
  link.abort = error => {
    try {
      abort(error)
    } catch {
      // It throws only when there is nothing left to abort.
    }
  }
}

function closeQuietly(link: Libp2pConnection): void {
  link.close().catch((error: unknown) => link.abort(error instanceof Error ? error : new Error(String(error))))
}

function parseAddress(address: string): Multiaddr {
  try {
    const parsed = multiaddr(address)
    if (parsed.getComponents().some(part => part.name === 'tcp')) return parsed
  } catch (cause) {
    throw new SelvedgeError(networkErrors.meshAddressInvalid, `${JSON.stringify(address)} is not a multiaddr`, {
      cause,
      details: { address }
    })
  }
  throw new SelvedgeError(networkErrors.meshAddressInvalid, `${address} is not a multiaddr of TCP`, { details: { address } })
}

function nodeOfAddress(address: Multiaddr): NodeId | undefined {
  const id = address.getComponents().findLast(part => part.name === 'p2p')?.value
  return id === undefined ? undefined : nodeId(id)
}

function shortAddress(address: Multiaddr): string {
  const parts = address.getComponents()
  const host = parts.find(part => part.name.startsWith('ip') || part.name.startsWith('dns'))
  const port = parts.find(part => part.name === 'tcp')
  const shown = host?.name === 'ip6' ? `[${host.value}]` : host?.value
  return shown === undefined ? address.toString() : `${shown}:${port?.value ?? ''}`
}
