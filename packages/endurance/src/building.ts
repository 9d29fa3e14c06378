/** A building of nodes and its relay, each a process of its own with its own key, data directory and port on loopback. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Random } from '@selvedge/core'
import { loadNodeKey } from '@selvedge/network'
import type { ReplicaTiming } from '@selvedge/replica'
import type { ElectionTimes } from './process/protocol.js'
import { ReplicaProcess, type ProcessEvents } from './replica-process.js'
import { TrunkWire } from './trunk-wire.js'

export interface BuildingOptions {
  /** What is run, for the name of the directory. */
  readonly purpose: string
  readonly nodes: number
  /** Where to keep all data; default: a directory of its own, removed by `close`. */
  readonly directory?: string | undefined
  /** Leads the trunk through a wire that can be cut. */
  readonly wire?: boolean
  readonly timing?: Partial<ReplicaTiming>
  readonly election?: ElectionTimes
  readonly random: Random
  readonly events: ProcessEvents
}

const site = 'hq'

export class Building {
  private constructor(
    readonly directory: string,
    readonly nodes: readonly ReplicaProcess[],
    readonly relay: ReplicaProcess,
    readonly wire: TrunkWire | undefined,
    private readonly temporary: boolean
  ) {}

  static async open(options: BuildingOptions): Promise<Building> {
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), `selvedge-${options.purpose}-`)))
    const names = Array.from({ length: options.nodes }, (_, i) => `n${i + 1}`)
    const place = (name: string): string => join(directory, name)
    for (const name of [...names, 'relay']) await mkdir(place(name), { recursive: true })
    const idOf = (name: string): string => loadNodeKey(join(place(name), 'node.key')).key.node
    const roster = {
      site,
      nodes: names.map(name => ({ name, node: idOf(name) })),
      relay: { name: 'relay', node: idOf('relay') }
    }
    const rosterFile = join(directory, 'roster.json')
    const rostersFile = join(directory, 'rosters.json')
    await writeFile(rosterFile, JSON.stringify(roster, undefined, 2))
    await writeFile(rostersFile, JSON.stringify([roster], undefined, 2))
    const ports = await freePorts(options.nodes + 1, options.random)
    const relayPort = ports[options.nodes]!
    const wire = options.wire ? await TrunkWire.lay(relayPort) : undefined
    const common = { site, timing: options.timing ?? {}, election: options.election ?? {}, trunkPort: wire?.port ?? relayPort }
    const make = (name: string, config: { kind: 'node' | 'relay'; roster: string; port: number; peerPorts: number[] }) =>
      new ReplicaProcess({ ...common, ...config, name, dataDir: place(name) }, join(directory, `${name}.log`), options.events)
    const nodes = names.map((name, i) =>
      make(name, {
        kind: 'node',
        roster: rosterFile,
        port: ports[i]!,
        peerPorts: ports.slice(0, options.nodes).filter((_, j) => j !== i)
      })
    )
    const relay = make('relay', { kind: 'relay', roster: rostersFile, port: relayPort, peerPorts: [] })
    const building = new Building(directory, nodes, relay, wire, options.directory === undefined)
    try {
      await Promise.all(building.all.map(process_ => process_.start()))
    } catch (error) {
      await building.close({ keep: true })
      throw error
    }
    return building
  }

  /** The nodes, then the relay. */
  get all(): readonly ReplicaProcess[] {
    return [...this.nodes, this.relay]
  }

  /** The process that ended though nobody had asked it to, if there is one. */
  get unexpected(): string | undefined {
    return this.all.find(({ unexpected }) => unexpected !== undefined)?.unexpected
  }

  /** Ends every process. With `keep` the data stays, for whoever looks why. */
  async close({ keep = false } = {}): Promise<void> {
    this.wire?.restore()
    await Promise.all(this.all.map(process_ => (keep ? process_.kill() : process_.stop())))
    this.wire?.close()
    if (this.temporary && !keep) await rm(this.directory, { recursive: true, force: true })
  }
}

// Below those that the system hands out for outgoing connections: a process that is down for a moment must find its port again.
const portsFrom = 20_000
const portsTo = 32_000
const attemptsMax = 1_000

async function freePorts(count: number, random: Random): Promise<number[]> {
  const ports: number[] = []
  for (let attempt = 0; ports.length < count; attempt++) {
    if (attempt === attemptsMax) throw new Error('no free ports on loopback')
    const port = portsFrom + Math.floor(random.float() * (portsTo - portsFrom))
    if (!ports.includes(port) && (await isFree(port))) ports.push(port)
  }
  return ports
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
