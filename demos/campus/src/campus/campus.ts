/**
 * The campus: a relay and three buildings of three nodes, ten real processes on this machine, each with its own key, its own data
 * directory and its own store. What can go wrong is done to them for real.
 */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadNodeKey } from '@selvedge/network'
import { Child } from './child.js'
import { TrunkWire } from './trunk-wire.js'

export interface Building {
  readonly id: string
  readonly nodes: readonly Child[]
  readonly wire: TrunkWire
  split: boolean
}

export interface CampusOptions {
  readonly trace: string | undefined
  /** Where to keep the data; default: a temporary directory, removed at the end. */
  readonly dataDir: string | undefined
  readonly onEvent: (text: string) => void
}

const buildingIds = ['a', 'b', 'c']
const nodesEach = 3

export class Campus {
  private constructor(
    readonly directory: string,
    private readonly keepData: boolean,
    readonly relay: Child,
    readonly buildings: readonly Building[],
    private readonly onEvent: (text: string) => void
  ) {}

  static async open(options: CampusOptions): Promise<Campus> {
    const directory = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'selvedge-campus-')))
    await mkdir(directory, { recursive: true })
    const relayDir = join(directory, 'relay')
    const relayNode = { name: 'cloud', node: loadNodeKey(join(relayDir, 'node.key')).key.node }
    const rosters = buildingIds.map(site => ({
      site,
      nodes: Array.from({ length: nodesEach }, (_, i) => {
        const name = `${site}-${i + 1}`
        return { name, node: loadNodeKey(join(directory, name, 'node.key')).key.node }
      }),
      relay: relayNode
    }))
    const rosterFile = join(directory, 'rosters.json')
    await writeFile(rosterFile, JSON.stringify(rosters, undefined, 2))
    const relay = new Child(
      'cloud',
      join(directory, 'cloud.log'),
      { kind: 'relay', dataDir: relayDir, rosters: rosterFile },
      options.onEvent
    )
    const buildings: Building[] = []
    const campus = new Campus(directory, options.dataDir !== undefined, relay, buildings, options.onEvent)
    try {
      await relay.start()
      if (relay.port === undefined) throw new Error('the relay told no port')
      for (const roster of rosters) buildings.push(await campus.build(roster, relay.port, options.trace))
      await Promise.all(buildings.flatMap(({ nodes }) => nodes.map(node => node.start())))
    } catch (error) {
      await campus.close({ keepData: true })
      throw error
    }
    return campus
  }

  private async build(
    roster: { site: string; nodes: { name: string }[] },
    relayPort: number,
    trace: string | undefined
  ): Promise<Building> {
    const { site } = roster
    const wire = await TrunkWire.lay(relayPort)
    const file = join(this.directory, `roster-${site}.json`)
    await writeFile(file, JSON.stringify(roster, undefined, 2))
    const ports = await Promise.all(roster.nodes.map(() => freePort()))
    const addresses = ports.map(port => `/ip4/127.0.0.1/tcp/${port}`)
    const nodes = roster.nodes.map(
      ({ name }, place) =>
        new Child(
          name,
          join(this.directory, `${name}.log`),
          {
            kind: 'node',
            site,
            place,
            places: roster.nodes.length,
            dataDir: join(this.directory, name),
            roster: file,
            listen: addresses[place]!,
            peers: addresses.filter((_, i) => i !== place),
            trunkUrl: `ws://127.0.0.1:${wire.port}/trunk`,
            trace
          },
          this.onEvent
        )
    )
    return { id: site, nodes, wire, split: false }
  }

  building(id: string): Building {
    const building = this.buildings.find(other => other.id === id)
    if (!building) throw new Error(`there is no building ${id}`)
    return building
  }

  /** Splits a building: its first node on one side, the others on the other; or joins it again. */
  async setSplit(building: Building, split: boolean): Promise<void> {
    building.split = split
    const ids = building.nodes.map(node => node.nodeReport?.status.node ?? '')
    const others = (i: number): string[] => (split ? ids.filter((_, j) => (i === 0) !== (j === 0)) : [])
    await Promise.all(
      building.nodes.flatMap((node, i) => (node.state === 'up' ? [node.ask({ op: 'isolate', nodes: others(i) })] : []))
    )
  }

  /** Ends every process. With `keepData` what they stored and logged stays, for whoever looks why. */
  async close(options: { keepData?: boolean } = {}): Promise<void> {
    await Promise.all(this.buildings.flatMap(({ nodes }) => nodes.map(node => node.stop())))
    await this.relay.stop()
    for (const { wire } of this.buildings) wire.close()
    if (!this.keepData && !options.keepData) await rm(this.directory, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address')
  return address.port
}
