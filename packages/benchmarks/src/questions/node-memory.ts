/**
 * How much memory does a node of a building take? Three nodes, each a process as users run it (no flag of Node's), meshed with each
 * other over libp2p; one holds the trunk to a relay. 10,000 points, then a steady load, then the resident set. Beside it: three
 * processes of bare libp2p, connected to each other and idle.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadNodeKey } from '@selvedge/network'
import { startChild, type Child } from '../child.js'
import type { ProcessMemory } from '../node-memory/process-memory.js'
import { until } from '../polling.js'
import { figure, row, type Bench, type Figure, type Row } from '../row.js'
import { sample } from '../sample.js'

const points = 10_000
const names = ['hq-1', 'hq-2', 'hq-3']
const mebibyte = 1 << 20

interface NodeState {
  readonly peers: number
  readonly holdsTrunk: boolean
  readonly registers: number
  readonly caughtUp: boolean
}

export async function run(bench: Bench): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'selvedge-bench-'))
  try {
    const loadMs = bench.quick ? 1_000 : 10_000
    bench.progress('three nodes and a relay')
    const nodes = await measureNodes(directory, loadMs, [])
    bench.progress('three nodes with a small young generation')
    const small = bench.quick ? nodes : await measureNodes(directory, loadMs, ['--max-semi-space-size=2'])
    bench.progress('three processes of bare libp2p')
    const bare = await measureBare()
    const conditions =
      `three nodes by openSite (Level, ${points.toLocaleString('en')} points, mesh of three, one trunk), each a process of its own and a relay in a ` +
      `fifth; ${loadMs / 1e3} s of 500 writes/s by all, then 5 s of rest; VmRSS of the holder of the trunk, least and most of the three; no flags of ` +
      `Node's: the young generation is then up to 48 MiB, of which --max-semi-space-size=2 leaves 6`
    const holder = (all: readonly Measured[]) => all.find(({ holdsTrunk }) => holdsTrunk)!
    const resident = (name: string, all: readonly Measured[], value: number): Figure => ({
      ...figure(name, 'MiB', sample(all.map(({ rss }) => rss / mebibyte))),
      value
    })
    return [
      row(
        bench,
        {
          title: 'resident memory of a node, 10,000 points, mesh and trunk',
          ours: resident('selvedge', nodes, holder(nodes).rss / mebibyte),
          beside: [
            figure('bare libp2p', 'MiB', sample(bare.map(({ rss }) => rss / mebibyte))),
            resident('selvedge, --max-semi-space-size=2', small, holder(small).rss / mebibyte),
            figure('selvedge, shared pages by their share', 'MiB', sample(nodes.map(({ pss }) => pss / mebibyte)))
          ],
          conditions
        },
        { atMost: 128, unit: 'MiB' }
      )
    ]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Measured extends ProcessMemory {
  readonly holdsTrunk: boolean
}

async function measureNodes(parent: string, loadMs: number, execArgv: readonly string[]): Promise<Measured[]> {
  const directory = mkdtempSync(join(parent, 'nodes-'))
  const keyOf = (name: string): string => {
    mkdirSync(join(directory, name))
    return loadNodeKey(join(directory, name, 'node.key')).key.node
  }
  const relayRoster = { name: 'relay', node: keyOf('relay') }
  const roster = { site: 'hq', nodes: names.map(name => ({ name, node: keyOf(name) })), relay: relayRoster }
  const file = join(directory, 'roster.json')
  writeFileSync(file, JSON.stringify(roster))
  const relay = startChild(new URL('../relay/relay-process.js', import.meta.url))
  const nodes = names.map(() => startChild(new URL('../node-memory/site-process.js', import.meta.url), { plain: true, execArgv }))
  try {
    const { url } = await relay.ask<{ url: string }>('open', { dataDir: join(directory, 'relay'), rosters: file })
    const peers: string[] = []
    for (const [i, node] of nodes.entries())
      peers.push((await node.ask<string[]>('open', { dataDir: join(directory, names[i]!), roster: file, peers, relay: url }))[0]!)
    const states = () => Promise.all(nodes.map(node => node.ask<NodeState>('status')))
    await until(
      'the mesh and the trunk',
      states,
      all => all.every(({ peers }) => peers === 2) && all.some(({ holdsTrunk }) => holdsTrunk)
    )
    for (let from = 0; from < points; from += 500) await nodes[0]!.ask('write', { from, count: 500, round: 0 })
    await load(nodes, loadMs)
    const settled = await until('catching up', states, all =>
      all.every(({ caughtUp, registers }) => caughtUp && registers >= points)
    )
    await sleep(loadMs / 2)
    return await Promise.all(
      nodes.map(async (node, i) => ({ ...(await node.ask<ProcessMemory>('memory')), holdsTrunk: settled[i]!.holdsTrunk }))
    )
  } finally {
    await Promise.all([relay, ...nodes].map(child => child.end()))
  }
}

/** 500 writes a second, by all nodes alike. */
async function load(nodes: readonly Child[], durationMs: number): Promise<void> {
  const end = performance.now() + durationMs
  for (let round = 1; performance.now() < end; round++) {
    for (const [i, node] of nodes.entries())
      await node.ask('write', { from: (round * 100 + i * 3_333) % (points - 100), count: 17, round })
    await sleep(100)
  }
}

async function measureBare(): Promise<ProcessMemory[]> {
  const nodes = names.map(() => startChild(new URL('../node-memory/libp2p-process.js', import.meta.url), { plain: true }))
  try {
    const addresses: string[] = []
    for (const node of nodes) {
      const [address] = await node.ask<string[]>('open')
      for (const other of addresses) await node.ask('dial', other)
      addresses.push(address!)
    }
    await sleep(2_000)
    return await Promise.all(nodes.map(node => node.ask<ProcessMemory>('memory')))
  } finally {
    await Promise.all(nodes.map(node => node.end()))
  }
}
