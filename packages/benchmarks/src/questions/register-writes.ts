/**
 * How fast is a write to a point in memory? 10,000 points, written in random order, one at a time: our register table beside a
 * last-writer-wins map written by hand (the floor: no sync, no dots, no hash) and beside a Y.Map.
 */
import { nodeId, seededRandom, systemClock, TrustedClock } from '@selvedge/core'
import { RegisterTable } from '@selvedge/documents'
import * as Y from 'yjs'
import { figure, row, type Bench, type Row } from '../row.js'
import { interleaved } from '../sample.js'

const pointCount = 10_000
const paths = Array.from({ length: pointCount }, (_, i) => `ahu/${i % 100}/sensor-${Math.floor(i / 100)}/value`)

interface LwwEntry {
  value: number
  time: number
  writer: string
}

/** What anyone would write first. */
class LwwMap {
  private readonly entries = new Map<string, LwwEntry>()

  set(path: string, value: number, time: number, writer: string): void {
    const held = this.entries.get(path)
    if (!held) this.entries.set(path, { value, time, writer })
    else if (time > held.time || (time === held.time && writer > held.writer)) {
      held.value = value
      held.time = time
      held.writer = writer
    }
  }
}

export async function run(bench: Bench): Promise<Row[]> {
  const writes = bench.quick ? 20_000 : 200_000
  const order = new Uint16Array(writes)
  const random = seededRandom(1)
  for (let i = 0; i < writes; i++) order[i] = Math.floor(random.float() * pointCount)
  const rate = (each: (path: string, i: number) => void, count = writes): number => {
    globalThis.gc?.()
    const start = process.cpuUsage()
    for (let i = 0; i < count; i++) each(paths[order[i]!]!, i)
    const { user, system } = process.cpuUsage(start)
    return count / ((user + system) / 1e6)
  }
  bench.progress(`${writes.toLocaleString('en')} writes a round`)
  const table = new RegisterTable({ node: nodeId('bench'), trusted: new TrustedClock(systemClock, 300_000), random })
  const map = new LwwMap()
  const yMap = new Y.Doc().getMap<number>('points')
  for (const path of paths) {
    table.set(path, 0)
    map.set(path, 0, 0, 'bench')
    yMap.set(path, 0)
  }
  const measured = await interleaved(bench.quick ? 2 : 21, {
    ours: () => rate((path, i) => table.set(path, i)),
    map: () => rate((path, i) => map.set(path, i, Date.now(), 'bench')),
    yMap: () => rate((path, i) => yMap.set(path, i), writes / 10)
  })
  const ours = figure('selvedge', '/s', measured.ours)
  const conditions = `${pointCount.toLocaleString('en')} points, random order, one write at a time; per second of CPU time, garbage collection and all`
  return [
    row(
      bench,
      { title: 'register writes in memory', ours, beside: [figure('LWW Map', '/s', measured.map)], conditions },
      { atLeast: 0.5, times: 'the Map' }
    ),
    row(
      bench,
      { title: 'register writes in memory', ours, beside: [figure('Y.Map', '/s', measured.yMap)], conditions },
      { atLeast: 6, times: 'Y.Map' }
    )
  ]
}
