/** A relay on loopback, and nodes of sites that dial it over real WebSockets: what the tests of this package stand on. */
import { request } from 'node:http'
import {
  SelvedgeError,
  seededRandom,
  silentLogger,
  siteId,
  spaceId,
  systemClock,
  type CloseReason,
  type Connection,
  type SpaceId
} from '@selvedge/core'
import { dialTrunk, type NodeKey, type Roster } from '@selvedge/network'
import { Replica, SpaceApi, type Peer, type ReplicaTiming, type Residency } from '@selvedge/replica'
import { MemoryStore } from '@selvedge/store'
import { recordingLogger, testKey, testRoster } from '../../../network/src/testing/fixtures.js'
import { openRelay, type Relay } from '../relay.js'
import type { RelayOptions, RelaySystem } from '../relay-options.js'
import { relayMachine } from '../system/relay-machine.js'

export const relayKey = testKey(1)
export const timing: Partial<ReplicaTiming> = { compareIntervalMs: 50, trunkKeepaliveMs: 100 }

/** The key of the node `index` (from 0) of a site. */
export function keyOf(site: string, index = 0): NodeKey {
  let number = 1_000 + index
  for (const character of site) number = (number * 31 + character.charCodeAt(0)) | 0
  return testKey(number)
}

export function rosterOf(site: string, nodes = 1): Roster {
  return testRoster(
    site,
    Array.from({ length: nodes }, (_, i) => keyOf(site, i)),
    relayKey
  )
}

export function rostersOf(...sites: string[]): Map<ReturnType<typeof siteId>, Roster> {
  return new Map(sites.map(site => [siteId(site), rosterOf(site)]))
}

const cleanups: (() => unknown)[] = []

/** Undoes what the helpers of this file opened, newest first. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}

export function afterwards(cleanup: () => unknown): void {
  cleanups.push(cleanup)
}

export interface TestRelay extends Relay {
  readonly lines: ReturnType<typeof recordingLogger>['lines']
}

/** A relay with the key that every roster names; in memory unless told otherwise. */
export async function openTestRelay(
  options: Partial<Omit<RelayOptions, 'system'>> = {},
  system: Partial<RelaySystem> = {}
): Promise<TestRelay> {
  const log = recordingLogger()
  const relay = await openRelay({
    dataDir: 'memory',
    rosters: rostersOf('hq'),
    timing,
    drainTimeoutMs: 500,
    control: false,
    log,
    ...options,
    listen: { port: 0, ...options.listen },
    system: { ...relayMachine, loadKey: () => relayKey, ...system }
  })
  afterwards(() => relay.close())
  return Object.assign(relay, { lines: log.lines })
}

export interface TestNode {
  readonly replica: Replica
  readonly connection: Connection
  readonly peer: Peer
  /** Why its session ended. */
  readonly ended: Promise<CloseReason>
  space(name: string): SpaceApi
  /** Dials again after its session has ended, as the holder of a trunk does. */
  reconnect(): Promise<Peer>
  close(): Promise<void>
}

export interface TestNodeOptions {
  readonly index?: number
  /** By id. Default: `state` and `config` of the site, and `local`, which stays in the building. */
  readonly spaces?: Readonly<Record<string, Residency>>
}

/** Opens a node of a site, as `openSite` does but without a mesh, and attaches it to the relay. */
export async function openTestNode(url: string, site: string, options: TestNodeOptions = {}): Promise<TestNode> {
  const key = keyOf(site, options.index)
  const roster = rosterOf(site, (options.index ?? 0) + 1)
  const environment = { clock: systemClock, random: seededRandom(key.publicKey[0]! * 256 + key.publicKey[1]!), log: silentLogger }
  const store = new MemoryStore(environment)
  let tellEnd: (reason: CloseReason) => void
  const ended = new Promise<CloseReason>(resolve => (tellEnd = resolve))
  const replica = new Replica({
    node: key.node,
    role: 'node',
    environment,
    store,
    timing,
    events: { peerDown: (_, reason) => tellEnd(reason) }
  })
  const residencies = options.spaces ?? { [`${site}/state`]: 'trunk', [`${site}/config`]: 'trunk', [`${site}/local`]: 'site' }
  const members = () => [
    ...roster.nodes.map(({ node }) => ({ node, role: 'node' as const })),
    { node: relayKey.node, role: 'relay' as const }
  ]
  const apis = new Map<SpaceId, SpaceApi>()
  for (const [id, residency] of Object.entries(residencies)) {
    const space = await replica.openSpace(spaceId(id), { residency, members })
    apis.set(space.id, new SpaceApi(space, undefined, { isPresent: () => undefined, nameOf: node => roster.nameOf(node) }))
  }
  afterwards(async () => {
    await replica.close()
    await store.close()
  })
  const dial = () => dialTrunk({ ...environment, url, key, roster })
  const attach = (connection: Connection) => replica.attach(connection, { admits: space => space.residency === 'trunk' })
  const connection = await dial()
  const peer = attach(connection)
  return {
    replica,
    connection,
    peer,
    ended,
    reconnect: async () => attach(await dial()),
    close: () => replica.close(),
    space(name) {
      const id = name.includes('/') ? name : `${site}/${name}`
      const api = apis.get(id as SpaceId)
      if (!api) throw new SelvedgeError('TEST_NO_SPACE', `the test node has no space ${id}`)
      return api
    }
  }
}

export interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
}

export function fetchPage(url: string, options: { method?: string; headers?: Record<string, string> } = {}): Promise<Page> {
  return new Promise((resolve, reject) => {
    const call = request(url, { agent: false, ...options }, response => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body }))
    })
    call.on('error', reject)
    call.end()
  })
}

/** The samples of a metrics text: `name{labels}` → value. Throws for a line that is none. */
export function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) [a-z_0-9]+ /.test(line)) continue
    const [, name, value] = /^([a-z_0-9]+(?:\{(?:[a-z_]+="[^"]*",?)+\})?) (nan|[+-]?inf|[-+0-9.e]+)$/i.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Error(`no sample: ${line}`)
    if (samples.has(name)) throw new Error(`told twice: ${name}`)
    samples.set(name, Number(value))
  }
  return samples
}
