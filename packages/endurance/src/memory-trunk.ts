/**
 * A building of one node and its relay in one process, in simulated time: the real `openSite` and `openRelay`, on real disks, with a
 * trunk of memory between them that can be cut. Time passes only by `pass`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ManualClock,
  seededRandom,
  silentLogger,
  siteId,
  type CloseReason,
  type Connection,
  type ConnectionHandlers,
  type Environment
} from '@selvedge/core'
import { generateNodeKey, MemoryNetwork, Roster } from '@selvedge/network'
import { openRelay, type Relay, type RelaySite, type RelaySystem } from '@selvedge/relay'
import { openSite, type Site, type SiteSystem } from '@selvedge/site'
import { openLevelStore } from '@selvedge/store'

const siteName = 'hq'
/** Upkeep looks at every register: each simulated minute would be most of a run. */
const timing = { gcIntervalMs: 600_000 }
const nodeEnd = 'node'
const relayEnd = 'relay'

export interface LonelyBuilding {
  readonly clock: ManualClock
  readonly directory: string
  readonly node: Site
  readonly relay: Relay
  /** The building as services on the relay see it. */
  readonly cloud: RelaySite
  cut(): void
  heal(): void
  close(): Promise<void>
}

export async function openLonelyBuilding(seed: number): Promise<LonelyBuilding> {
  const directory = await mkdtemp(join(tmpdir(), 'selvedge-exile-'))
  const clock = new ManualClock()
  const random = seededRandom(seed)
  const network = new MemoryNetwork({ clock, latencyMs: 5 })
  const keys = { node: generateNodeKey(), relay: generateNodeKey() }
  const roster = new Roster(siteId(siteName), [{ name: 'n1', node: keys.node.node }], { name: 'relay', node: keys.relay.node })
  const machine = {
    clock,
    random,
    defaultLog: () => silentLogger,
    openStore: (dataDir: string, environment: Environment) =>
      openLevelStore({ directory: join(dataDir, 'store'), ...environment }),
    serveControl: () => Promise.reject(new Error('nobody asks over a control socket here'))
  }
  const relaySystem: RelaySystem = {
    ...machine,
    loadKey: () => keys.relay,
    loadRosters: () => new Map([[roster.site, roster]]),
    listen(options) {
      const end = network.endpoint({ name: relayEnd, node: keys.relay.node, role: 'relay' })
      end.listen(connection => options.trunks?.onConnection(new MemoryTrunk(connection)))
      return Promise.resolve({ host: 'memory', port: 1, secure: false, close: async () => end.close() })
    },
    processMetrics: () => Promise.resolve('')
  }
  const end = network.endpoint({ name: nodeEnd, node: keys.node.node, role: 'node', site: roster.site })
  const nodeSystem: SiteSystem = {
    ...machine,
    loadKey: () => keys.node,
    loadRoster: () => roster,
    openMesh: () => Promise.reject(new Error('a lonely node has no mesh')),
    dialTrunk: async () => new MemoryTrunk(await end.dial(relayEnd))
  }
  const relay = await openRelay({
    dataDir: join(directory, relayEnd),
    rosters: new Map([[roster.site, roster]]),
    control: false,
    timing,
    system: relaySystem
  })
  const cloud = await relay.site(siteName)
  const node = await openSite({
    site: siteName,
    dataDir: join(directory, nodeEnd),
    roster,
    mesh: false,
    trunk: { url: 'ws://memory/trunk' },
    control: false,
    timing,
    system: nodeSystem
  })
  return {
    clock,
    directory,
    node,
    relay,
    cloud,
    cut: () => network.cut(nodeEnd, relayEnd, 'close'),
    heal: () => network.heal(nodeEnd, relayEnd),
    async close() {
      await passUntil(clock, Promise.all([node.close(), relay.close()]))
      await rm(directory, { recursive: true, force: true })
    }
  }
}

/** Lets simulated time pass, and the disk and the promises of the process have their turn. */
export async function pass(clock: ManualClock, ms: number): Promise<void> {
  clock.advance(ms)
  await new Promise(resolve => setImmediate(resolve))
}

/** Waits for a promise that needs time to pass. */
export async function passUntil<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  const waiting = { over: false }
  const settled = promise.finally(() => (waiting.over = true))
  settled.catch(() => undefined)
  while (!waiting.over) await pass(clock, 1)
  return settled
}

/** A connection of memory that says it is a trunk, so that sessions over it compress and ping as over one. */
class MemoryTrunk implements Connection {
  readonly kind = 'trunk'

  constructor(private readonly inner: Connection) {}

  get remote(): Connection['remote'] {
    return this.inner.remote
  }

  get outgoing(): boolean {
    return this.inner.outgoing
  }

  get bytesIn(): number {
    return this.inner.bytesIn
  }

  get bytesOut(): number {
    return this.inner.bytesOut
  }

  send(frame: Uint8Array): boolean {
    return this.inner.send(frame)
  }

  attach(handlers: ConnectionHandlers): void {
    this.inner.attach(handlers)
  }

  close(reason?: CloseReason): void {
    this.inner.close(reason)
  }
}
