/**
 * What does it take to merge after a partition? Two replicas share 10,000 points; apart, both overwrite 2,000 of them 20 times and
 * add 100; then they meet over a trunk's session, deflated frames and all. Beside the bytes of both directions: gzip -9 of what
 * changed, as sorted lines `path,value,time`.
 */
import { gzipSync } from 'node:zlib'
import { seededRandom } from '@selvedge/core'
import { selvedge } from '../engines/selvedge-engine.js'
import { figure, row, type Bench, type Row } from '../row.js'
import { sample } from '../sample.js'
import { buildingPaths, reading } from '../workload.js'

const pointCount = 10_000
const changedCount = 2_000
const addedCount = 100
const overwrites = 20

interface Write {
  readonly value: number
  readonly atMs: number
}

interface Merge {
  readonly bytes: number
  readonly ms: number
  readonly gzipBytes: number
}

async function merge(round: number): Promise<Merge> {
  const random = seededRandom(round + 1)
  let nowMs = Date.UTC(2026, 0, 5, 8)
  const paths = buildingPaths(pointCount)
  const sides = ['b', 'cloud'].map(name => ({
    engine: selvedge.open(name, () => nowMs),
    added: buildingPaths(addedCount, `${name}-new`),
    last: new Map<string, Write>()
  }))
  for (const path of paths) {
    nowMs += 20
    sides[0]!.engine.write([[path, reading(random)]])
  }
  await sides[0]!.engine.meet(sides[1]!.engine)
  const write = ({ engine, last }: (typeof sides)[number], path: string): void => {
    nowMs += Math.floor(random.float() * 90)
    const value = reading(random)
    engine.write([[path, value]])
    last.set(path, { value, atMs: nowMs })
  }
  const changed = sides.map(() => sampled(paths, changedCount, random.float.bind(random)))
  for (let i = 0; i < changedCount * overwrites; i++)
    for (const [s, side] of sides.entries()) write(side, changed[s]![Math.floor(random.float() * changedCount)]!)
  for (const side of sides) for (const path of side.added) write(side, path)
  const lines = sides.flatMap(({ last }) =>
    [...last].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, { value, atMs }]) => `${path},${value},${atMs}\n`)
  )
  const gzipBytes = gzipSync(lines.join(''), { level: 9 }).length
  // No forced collection here: it throws compiled code away with the objects of the last round, which no running node sees.
  const start = performance.now()
  const bytes = await sides[0]!.engine.meet(sides[1]!.engine)
  return { bytes, ms: performance.now() - start, gzipBytes }
}

function sampled(paths: readonly string[], count: number, float: () => number): string[] {
  const left = [...paths]
  return Array.from({ length: count }, () => left.splice(Math.floor(float() * left.length), 1)[0]!)
}

export async function run(bench: Bench): Promise<Row[]> {
  const merges: Merge[] = []
  // The first rounds are the engine's warm-up: a node that merges has run for days.
  const warmUps = bench.quick ? 1 : 4
  for (let round = 0; round < warmUps + (bench.quick ? 2 : 11); round++) {
    bench.progress(`round ${round + 1}`)
    merges.push(await merge(round))
  }
  const counted = merges.slice(warmUps)
  const conditions = `10,000 points; each side overwrites 2,000 of its own choice, each about 20 times, and adds 100: numbers with one decimal, a write about every 90 ms; hello, vectors, registers, seals, acks and the comparison of hashes all count; both ends in one process`
  return [
    row(
      bench,
      {
        title: 'partition merge: bytes both ways',
        ours: figure('selvedge', 'B', sample(counted.map(({ bytes }) => bytes))),
        beside: [figure('gzip -9 of the changed (path, value, time)', 'B', sample(counted.map(({ gzipBytes }) => gzipBytes)))],
        conditions
      },
      { atMost: 0.8, times: 'gzip -9' }
    ),
    row(
      bench,
      {
        title: 'partition merge: time until the hashes are equal',
        ours: figure('selvedge', 'ms', sample(counted.map(({ ms }) => ms))),
        beside: [],
        conditions
      },
      { atMost: 30, unit: 'ms' }
    )
  ]
}
