/** A building for tests: real nodes with keys and rosters in temporary directories, and a relay of the bare parts. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { silentLogger, siteId, spaceId, systemClock, systemRandom, type NodeId } from '@selvedge/core'
import { definePoints } from '@selvedge/documents'
import { acceptTrunks, loadNodeKey, Roster } from '@selvedge/network'
import { Replica } from '@selvedge/replica'
import { MemoryStore, type MemoryDisk } from '@selvedge/store'
import { openSite } from '../open-site.js'
import type { Site } from '../site.js'
import type { SiteOptions } from '../site-options.js'

export const points = definePoints({
  'ahu/:unit/supply-temp': { type: 'number', unit: '°C', min: -40, max: 120, maxAgeMs: 60_000 },
  'door/:id/locked': { type: 'boolean' },
  'meter/:id/kwh': { type: 'counter' },
  'room/:id/badges': { type: 'set' },
  'zone/:id/level': { type: 'priority', value: { type: 'number', min: 0, max: 100 }, relinquishDefault: 20 }
})

const closers: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

export async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'selvedge-site-'))
  closers.push(() => rm(path, { recursive: true, force: true }))
  return path
}

export interface Building {
  readonly roster: Roster
  readonly dirs: readonly string[]
  readonly relay: { key: ReturnType<typeof loadNodeKey>['key']; dir: string }
}

export async function building(names: readonly string[]): Promise<Building> {
  const dirs = await Promise.all(names.map(() => directory()))
  const relayDir = await directory()
  const relay = loadNodeKey(join(relayDir, 'node.key')).key
  const nodes = dirs.map((dir, i) => ({ name: names[i]!, node: loadNodeKey(join(dir, 'node.key')).key.node }))
  return {
    roster: new Roster(siteId('hq'), nodes, { name: 'cloud', node: relay.node }),
    dirs,
    relay: { key: relay, dir: relayDir }
  }
}

export async function open(
  place: Building,
  index: number,
  more: Partial<SiteOptions<typeof points>> = {}
): Promise<Site<typeof points>> {
  const site = await openSite({
    site: 'hq',
    dataDir: place.dirs[index]!,
    roster: place.roster,
    points,
    mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false },
    control: false,
    log: silentLogger,
    ...more
  })
  closers.push(() => site.close())
  return site
}

export async function until(condition: () => boolean, what: string, withinMs = 60_000): Promise<void> {
  const end = performance.now() + withinMs
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain for: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

export interface BareRelay {
  readonly url: string
  readonly port: number
  readonly replica: Replica
  /** Idempotent. */
  close(): Promise<void>
}

/** A relay of the bare parts, on a disk that may outlive it: what `openRelay` adds is not needed here. */
export async function bareRelay(place: Building, options: { disk?: MemoryDisk; port?: number } = {}): Promise<BareRelay> {
  const environment = { clock: systemClock, random: systemRandom, log: silentLogger }
  const store = new MemoryStore({ ...environment, disk: options.disk })
  const replica = new Replica({ node: place.relay.key.node, role: 'relay', environment, store })
  const members = (): { node: NodeId; role: 'node' }[] => place.roster.nodes.map(({ node }) => ({ node, role: 'node' as const }))
  for (const name of ['state', 'config']) await replica.openSpace(spaceId(`hq/${name}`), { residency: 'trunk', members })
  const server = createServer()
  await new Promise<void>(resolve => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const trunks = acceptTrunks({
    ...environment,
    server,
    key: place.relay.key,
    rosters: () => place.roster,
    onConnection: connection => void replica.attach(connection, { admits: () => true })
  })
  let closing: Promise<void> | undefined
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      await replica.close()
      trunks.close()
      await new Promise(resolve => {
        server.close(resolve)
        server.closeAllConnections()
      })
      await store.close()
    })())
  closers.push(close)
  const { port } = server.address() as AddressInfo
  return { port, url: `ws://127.0.0.1:${port}/trunk`, replica, close }
}
