/**
 * Does state that is overwritten for years grow? 10,000 points, overwritten 1, 10 and 50 times: the bytes of a full copy, as a trunk
 * carries it, and the heap that the table takes, beside a Y.Map's full copy (V2, deflated alike) and its heap.
 */
import { deflateRawSync } from 'node:zlib'
import { ManualClock, nodeId, seededRandom, TrustedClock, type Random } from '@selvedge/core'
import { RegisterTable } from '@selvedge/documents'
import * as Y from 'yjs'
import { selvedge } from '../engines/selvedge-engine.js'
import { settledBytes } from '../memory.js'
import { figure, row, type Bench, type Figure, type Row } from '../row.js'
import { sample } from '../sample.js'
import { buildingPaths, reading } from '../workload.js'

const pointCount = 10_000
const steps = [1, 10, 50]

/** Overwrites every point `times` times, each time in a new random order. */
function overwrite(times: number, random: Random, write: (index: number, value: number) => void): void {
  const order = Array.from({ length: pointCount }, (_, index) => index)
  for (let time = 0; time < times; time++)
    for (let left = pointCount; left > 0; left--) {
      const drawn = Math.floor(random.float() * left)
      ;[order[drawn], order[left - 1]] = [order[left - 1]!, order[drawn]!]
      write(order[left - 1]!, reading(random))
    }
}

interface Held {
  readonly copyBytes: number[]
  readonly heapBytes: number[]
}

async function ofTable(quick: boolean): Promise<Held> {
  const clock = new ManualClock(Date.UTC(2026, 0, 5, 8))
  const held: Held = { copyBytes: [], heapBytes: [] }
  const before = (await settledBytes()).heap
  const table = new RegisterTable({
    node: nodeId('bench'),
    trusted: new TrustedClock(clock, 300_000),
    random: seededRandom(1)
  })
  // Paths of its own: whoever holds points holds their paths.
  const paths = buildingPaths(pointCount)
  for (const path of paths) table.set(path, 0)
  const random = seededRandom(2)
  for (const [i, times] of steps.entries()) {
    const more = times - (steps[i - 1] ?? 0)
    overwrite(quick ? Math.min(more, 1) : more, random, (index, value) => {
      clock.advance(20)
      table.set(paths[index]!, value)
    })
    held.heapBytes.push((await settledBytes()).heap - before)
  }
  // Asked for once more, so that it was held until here.
  for (const path of paths) if (table.get(path) === undefined) throw new Error(`${path} is lost`)
  return held
}

async function copies(quick: boolean): Promise<number[]> {
  let nowMs = Date.UTC(2026, 0, 5, 8)
  const paths = buildingPaths(pointCount)
  const full = selvedge.open('b', () => nowMs)
  for (const path of paths) full.write([[path, 0]])
  const random = seededRandom(2)
  const bytes: number[] = []
  for (const [i, times] of steps.entries()) {
    const more = times - (steps[i - 1] ?? 0)
    overwrite(quick ? Math.min(more, 1) : more, random, (index, value) => {
      nowMs += 20
      full.write([[paths[index]!, value]])
    })
    bytes.push(await full.meet(selvedge.open(`new-${times}`, () => nowMs)))
  }
  return bytes
}

async function ofYMap(quick: boolean): Promise<Held> {
  const held: Held = { copyBytes: [], heapBytes: [] }
  const before = (await settledBytes()).heap
  const doc = new Y.Doc()
  const map = doc.getMap<number>('points')
  const paths = buildingPaths(pointCount)
  doc.transact(() => {
    for (const path of paths) map.set(path, 0)
  })
  const random = seededRandom(2)
  for (const [i, times] of steps.entries()) {
    const more = times - (steps[i - 1] ?? 0)
    overwrite(quick ? Math.min(more, 1) : more, random, (index, value) => void map.set(paths[index]!, value))
    held.heapBytes.push((await settledBytes()).heap - before)
    held.copyBytes.push(deflateRawSync(Y.encodeStateAsUpdateV2(doc), { level: 6 }).length)
  }
  return held
}

export async function run(bench: Bench): Promise<Row[]> {
  bench.progress('the register table')
  const table = { ...(await ofTable(bench.quick)), copyBytes: await copies(bench.quick) }
  bench.progress('Y.Map')
  const yMap = await ofYMap(bench.quick)
  const each = (name: string, bytes: number): Figure => figure(name, 'B/point', sample([bytes / pointCount]))
  const conditions = '10,000 points, numbers with one decimal, each time all of them in a new random order, 20 ms apart'
  const rows: Row[] = []
  for (const [i, times] of steps.entries()) {
    const often = `${times} ${times === 1 ? 'overwrite' : 'overwrites'} each`
    rows.push(
      row(
        bench,
        {
          title: `growth: a full copy after ${often}`,
          ours: each('selvedge', table.copyBytes[i]!),
          beside: [each('Y.Map', yMap.copyBytes[i]!)],
          conditions: `${conditions}; ours: everything that a session sends to an empty replica, deflated; Y.Map: its state as an update V2, deflated`
        },
        { atMost: 24, unit: 'B/point' }
      ),
      row(
        bench,
        {
          title: `growth: heap after ${often}`,
          ours: each('selvedge', table.heapBytes[i]!),
          beside: [each('Y.Map', yMap.heapBytes[i]!)],
          conditions: `${conditions}; heap in use after collection, paths included`
        },
        { atMost: 400, unit: 'B/point' }
      )
    )
  }
  const [first, last] = [table.copyBytes[0]!, table.copyBytes.at(-1)!]
  rows.push(
    row(
      bench,
      {
        title: 'growth: a full copy after 50 overwrites beside one after 1',
        ours: each('selvedge, 50', last),
        beside: [each('selvedge, 1', first), each('Y.Map, 50', yMap.copyBytes.at(-1)!), each('Y.Map, 1', yMap.copyBytes[0]!)],
        conditions
      },
      { atMost: 1.05, times: 'after 1 overwrite' }
    )
  )
  return rows
}
