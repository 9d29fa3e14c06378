/**
 * What does a relay pay for a site? Memory a trunk connection, with 0, 500 and 2,000 of them, and updates delivered through it in a
 * second. Beside it: a bare `ws` hub with as many sockets, forwarding as many messages between the same pairs.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeId } from '@selvedge/core'
import { loadNodeKey } from '@selvedge/network'
import { startChild, type Child } from '../child.js'
import { until } from '../polling.js'
import { roster } from '../relay/test-sites.js'
import { figure, row, type Bench, type Figure, type Row } from '../row.js'
import { interleaved, sample } from '../sample.js'

const pointsPerSite = 10

interface Memory {
  readonly heap: number
  readonly external: number
  readonly rss: number
}

interface Opened {
  readonly url: string
  readonly loadedMs: number
}

export async function run(bench: Bench): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'selvedge-bench-'))
  try {
    return [await memory(bench, join(directory, 'memory')), await deliveries(bench, join(directory, 'deliveries'))]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** A relay's directory with its key, and the rosters of so many sites. */
function prepare(
  directory: string,
  sites: number,
  nodesPerSite: number
): { dataDir: string; rosters: string; relayNode: NodeId } {
  const dataDir = join(directory, 'relay')
  mkdirSync(dataDir, { recursive: true })
  const { node } = loadNodeKey(join(dataDir, 'node.key')).key
  const rosters = join(directory, 'rosters.json')
  const listed = Array.from({ length: sites }, (_, i) => {
    const { site, nodes, relay } = roster(i, nodesPerSite, node)
    return { site, nodes, relay }
  })
  writeFileSync(rosters, JSON.stringify(listed))
  return { dataDir, rosters, relayNode: node }
}

function startRelay(): Child {
  return startChild(new URL('../relay/relay-process.js', import.meta.url))
}

function startClients(): Child {
  return startChild(new URL('../relay/trunk-clients.js', import.meta.url))
}

function startHub(): { hub: Child; hubClients: Child } {
  const [hub, hubClients] = ['hub-process.js', 'hub-clients.js'].map(file =>
    startChild(new URL(`../relay/${file}`, import.meta.url))
  )
  return { hub: hub!, hubClients: hubClients! }
}

// ── memory ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

async function memory(bench: Bench, directory: string): Promise<Row> {
  const [few, many] = bench.quick ? [50, 200] : [500, 2_000]
  const { relayNode, ...choice } = prepare(directory, many, 1)
  const clients = startClients()
  let relay = startRelay()
  const { hub, hubClients } = startHub()
  try {
    bench.progress(`${many} nodes of ${many} sites`)
    await clients.ask('open', { relayNode, sites: many, nodesPerSite: 1, pointsPerSite })
    const first = await relay.ask<Opened>('open', choice)
    const before = await settled(relay, 0)
    bench.progress('their first connection: the relay stores the sites')
    await clients.ask('connect', { url: first.url, upTo: many })
    const withSites = await settled(relay, many)
    await clients.ask('disconnect')
    await relay.ask('close')
    await relay.end()
    bench.progress('a relay that knows the sites')
    relay = startRelay()
    const { url, loadedMs } = await relay.ask<Opened>('open', choice)
    await relay.ask('openSites')
    const levels = [await settled(relay, 0)]
    for (const upTo of [few, many]) {
      bench.progress(`${upTo} trunks`)
      await clients.ask('connect', { url, upTo })
      levels.push(await settled(relay, upTo))
    }
    bench.progress(`${many} sockets of a bare hub`)
    const { url: hubUrl } = await hub.ask<{ url: string }>('open')
    const hubBefore = await settled(hub, 0)
    await hubClients.ask('connect', { url: hubUrl, upTo: many, roomSize: 1 })
    const hubAfter = await settled(hub, many)
    const [none, some, all] = levels
    return row(
      bench,
      {
        title: 'relay: memory a trunk connection',
        ours: each('selvedge', none!, all!, many, used),
        beside: [
          each('bare ws hub', hubBefore, hubAfter, many, used),
          each(`selvedge, the first ${few}`, none!, some!, few, used),
          each('selvedge, resident', none!, all!, many, ({ rss }) => rss),
          each('bare ws hub, resident', hubBefore, hubAfter, many, ({ rss }) => rss),
          each('selvedge, a new site and its connection', before, withSites, many, used)
        ],
        conditions:
          `${many.toLocaleString('en')} trunks of ${many.toLocaleString('en')} sites, each with a key, a roster and ${pointsPerSite} points of its own, ws on ` +
          `loopback, Level; heap and external memory after collection, caught up and at rest but for pings and hash comparisons; all sites' ` +
          `replicas are open before the first trunk; restarted with ${many.toLocaleString('en')} stored sites it had read them in ` +
          `${(loadedMs / 1e3).toFixed(1)} s; the hub has no compression, no TLS and a small object a socket`
      },
      { atMost: 25, unit: 'KB' }
    )
  } finally {
    await Promise.all([relay, clients, hub, hubClients].map(child => child.end()))
  }
}

function used({ heap, external }: Memory): number {
  return heap + external
}

/** Waits until so many sessions stand, their sites have caught up, and all is on disk. */
async function atRest(child: Child, sessions: number, sites = sessions): Promise<void> {
  await until(
    `${sessions} sessions at rest`,
    () => child.ask<{ sessions: number; caughtUp: number; unstored: number }>('sessions'),
    now => now.sessions === sessions && now.caughtUp === sites && now.unstored === 0
  )
}

/** The least of a few readings at rest. */
async function settled(child: Child, sessions: number): Promise<Memory> {
  await atRest(child, sessions)
  const readings: Memory[] = []
  for (let i = 0; i < 3; i++) {
    await sleep(1_000)
    readings.push(await child.ask<Memory>('memory'))
  }
  return readings.reduce((least, reading) => (used(reading) < used(least) ? reading : least))
}

function each(name: string, from: Memory, to: Memory, connections: number, amount: (memory: Memory) => number): Figure {
  return figure(name, 'KB', sample([(amount(to) - amount(from)) / connections / 1e3]))
}

// ── deliveries ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

async function deliveries(bench: Bench, directory: string): Promise<Row> {
  const sites = 50
  const window = 400
  const updates = bench.quick ? 20_000 : 200_000
  const { relayNode, ...choice } = prepare(directory, sites, 2)
  const [clients, relay] = [startClients(), startRelay()]
  const { hub, hubClients } = startHub()
  try {
    const { url } = await relay.ask<Opened>('open', choice)
    await clients.ask('open', { relayNode, sites, nodesPerSite: 2, pointsPerSite })
    await clients.ask('connect', { url, upTo: 2 * sites })
    await atRest(relay, 2 * sites, sites)
    const { url: hubUrl } = await hub.ask<{ url: string }>('open')
    await hubClients.ask('connect', { url: hubUrl, upTo: 2 * sites, roomSize: 2 })
    const wall = { selvedge: [] as number[], hub: [] as number[] }
    const measure = async (name: keyof typeof wall, server: Child, users: Child): Promise<number> => {
      bench.progress(`deliveries: ${name}`)
      const before = await server.ask<NodeJS.CpuUsage>('cpu')
      const { perSecond, delivered } = await users.ask<{ perSecond: number; delivered: number }>('load', { updates, window })
      const after = await server.ask<NodeJS.CpuUsage>('cpu')
      wall[name].push(perSecond)
      return (delivered / (after.user + after.system - before.user - before.system)) * 1e6
    }
    const measured = await interleaved(bench.quick ? 1 : 3, {
      selvedge: () => measure('selvedge', relay, clients),
      hub: () => measure('hub', hub, hubClients)
    })
    return row(
      bench,
      {
        title: 'relay: updates delivered in a second of its CPU',
        ours: figure('selvedge', '/s', measured.selvedge),
        beside: [
          figure('bare ws hub', '/s', measured.hub),
          // The first round warms up.
          figure('selvedge, by the clock', '/s', sample(wall.selvedge.slice(1))),
          figure('bare ws hub, by the clock', '/s', sample(wall.hub.slice(1)))
        ],
        conditions:
          `${sites} sites of two nodes, each with a trunk: one writes, the other watches, at most ${window} updates of different points under way a site, ` +
          `${updates.toLocaleString('en')} a round; the relay merges, stores (fsync) and forwards, and a round ends when its last write is durable there; ` +
          `the hub forwards one message an update (path, value, time) between the same pairs and keeps nothing; all clients are one process on ` +
          `the same machine, and replicas cost more than bare sockets do: by the clock it is they that set the rate`
      },
      { atLeast: 0.5, times: 'the bare hub' }
    )
  } finally {
    await Promise.all([relay, clients, hub, hubClients].map(child => child.end()))
  }
}
