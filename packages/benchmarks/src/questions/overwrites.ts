/**
 * What do points cost that are overwritten for years? The same writes are put to the register table and to the engines that one would
 * take otherwise: writes a second, bytes of a full copy after 1, 10 and 50 overwrites of each point, bytes to repair a two-sided
 * partition, and whether the later of two concurrent writes is the one that stands.
 */
import { seededRandom, type Random } from '@selvedge/core'
import { gzipSync } from 'node:zlib'
import {
  automerge,
  loro,
  selvedge,
  selvedgeInBatches,
  tinyBase,
  yKeyValue,
  yMap,
  type Engine,
  type EngineKind
} from '../engines/index.js'
import { figure, row, type Bench, type Figure, type Row, type Target } from '../row.js'
import { sample } from '../sample.js'
import { buildingPaths, reading } from '../workload.js'

const kinds = [selvedge, yMap, yKeyValue, automerge, loro, tinyBase]
/** Shown last, for scale: no peer. */
const forScale = [selvedgeInBatches]
const copiesAfter = [1, 10, 50]
const batch = 100
const batchMs = 250

type Poll = (readonly [path: string, value: number])[]

/** Polls of a driver: `writes` of points drawn at random, `batch` at a time. */
function polls(paths: readonly string[], writes: number, random: Random): Poll[] {
  return Array.from({ length: Math.ceil(writes / batch) }, (_, i) =>
    Array.from({ length: Math.min(batch, writes - i * batch) }, () => {
      const path = paths[Math.floor(random.float() * paths.length)]!
      return [path, reading(random)] as const
    })
  )
}

interface Subject {
  readonly kind: EngineKind
  readonly engine: Engine
  readonly rates: number[]
  /** Bytes a point of a full copy, by what it is a copy of and after how many overwrites. */
  readonly copies: Map<string, number>
  copy: Engine
  repair: number
}

export async function run(bench: Bench): Promise<Row[]> {
  const paths = buildingPaths(bench.quick ? 200 : 2_000)
  const random = seededRandom(3)
  let nowMs = Date.UTC(2026, 0, 5, 6)
  const now = (): number => nowMs
  const subjects = [...kinds, ...forScale].map((kind): Subject => {
    const engine = kind.open('site', now)
    return { kind, engine, rates: [], copies: new Map(), copy: engine, repair: 0 }
  })

  const first = paths.map(path => [path, reading(random)] as const)
  for (const { engine } of subjects) for (let i = 0; i < first.length; i += batch) engine.write(first.slice(i, i + batch))
  for (let round = 1; round <= copiesAfter.at(-1)!; round++) {
    bench.progress(`overwrite ${round} of ${copiesAfter.at(-1)}`)
    const writes = polls(paths, paths.length, random)
    const startMs = nowMs
    for (const { engine, rates } of round % 2 ? subjects : subjects.toReversed()) {
      nowMs = startMs
      const start = performance.now()
      for (const poll of writes) {
        nowMs += batchMs
        engine.write(poll)
      }
      rates.push(paths.length / ((performance.now() - start) / 1e3))
    }
    if (copiesAfter.includes(round)) for (const subject of subjects) await measureCopy(subject, round, paths, now)
  }

  bench.progress('a partition')
  const apart = partition(paths, random)
  for (const subject of subjects) {
    for (const { site, cloud } of apart.polls) {
      nowMs += batchMs
      subject.engine.write(site)
      nowMs += batchMs
      subject.copy.write(cloud)
    }
    subject.repair = await subject.engine.meet(subject.copy)
    assertEqual(subject, [...paths, ...apart.added])
  }
  bench.progress('who wins')
  const standing = []
  for (const kind of kinds) standing.push(await laterStands(kind, bench.quick ? 4 : 20))
  return rows(bench, paths.length, subjects, apart.changed, standing)
}

async function measureCopy(subject: Subject, round: number, paths: readonly string[], now: () => number): Promise<void> {
  const { kind, engine, copies } = subject
  subject.copy = kind.open('cloud', now)
  copies.set(`${kind.name} ${round}`, (await engine.meet(subject.copy)) / paths.length)
  const without = engine.copyWithoutHistory?.()
  if (without !== undefined) copies.set(`${kind.name}, history cut ${round}`, without / paths.length)
  assertEqual(subject, paths)
}

function assertEqual({ kind, engine, copy }: Subject, paths: readonly string[]): void {
  const wrong = paths.find(path => engine.get(path) === undefined || engine.get(path) !== copy.get(path))
  if (wrong !== undefined) throw new Error(`${kind.name}: ${wrong} differs after synchronising`)
}

/** Both sides overwrite a fifth of the points 20 times each, and add a hundredth. */
function partition(
  paths: readonly string[],
  random: Random
): { polls: { site: Poll; cloud: Poll }[]; added: string[]; changed: number } {
  const pick = (): string[] => {
    const left = [...paths]
    return Array.from({ length: paths.length / 5 }, () => left.splice(Math.floor(random.float() * left.length), 1)[0]!)
  }
  const side = (kind: string): { polls: Poll[]; added: string[]; list: Buffer } => {
    const added = buildingPaths(paths.length / 100, kind)
    const overwritten = pick()
    const rounds = polls(overwritten, overwritten.length * 20, random)
    rounds.push(
      added.map(path => [path, reading(random)] as const),
      ...polls(overwritten, overwritten.length, random)
    )
    const final = new Map(rounds.flat())
    const startMs = Date.UTC(2026, 0, 5, 7)
    const times = new Map(rounds.flatMap((poll, i) => poll.map(([path]) => [path, startMs + i * 2 * batchMs] as const)))
    const list = Buffer.from([...final].map(([path, value]) => `${path},${value},${times.get(path)}`).join('\n'))
    return { polls: rounds, added, list }
  }
  const [site, cloud] = [side('fcu'), side('vav')]
  return {
    polls: site.polls.map((poll, i) => ({ site: poll, cloud: cloud.polls[i]! })),
    added: [...site.added, ...cloud.added],
    changed: gzipSync(site.list, { level: 9 }).length + gzipSync(cloud.list, { level: 9 }).length
  }
}

/**
 * Cut off, a building goes on writing a point 30 times; a minute later an operator writes it once in the cloud. The share of points
 * where the operator's later write stands; in pairs of replicas, since some engines let the replica's random id decide.
 */
async function laterStands(kind: EngineKind, pairs: number): Promise<number> {
  const paths = buildingPaths(20)
  let stands = 0
  for (let pair = 0; pair < pairs; pair++) {
    let nowMs = Date.UTC(2026, 0, 5, 8)
    const [site, cloud] = ['site', 'cloud'].map(name => kind.open(name, () => nowMs)) as [Engine, Engine]
    site.write(paths.map(path => [path, 20]))
    await site.meet(cloud)
    for (let i = 0; i < 30; i++) {
      nowMs += batchMs
      site.write(paths.map(path => [path, 20 + i / 10]))
    }
    nowMs += 60_000
    cloud.write(paths.map(path => [path, 30]))
    await site.meet(cloud)
    stands += paths.filter(path => site.get(path) === 30 && cloud.get(path) === 30).length
  }
  return (100 * stands) / (pairs * paths.length)
}

function rows(bench: Bench, points: number, subjects: readonly Subject[], changed: number, standing: readonly number[]): Row[] {
  const count = (n: number): string => n.toLocaleString('en')
  const workload =
    `${count(points)} points (so that the slowest engine ends in time), numbers with one decimal, ${batch} a transaction, drawn at random, ` +
    `${batchMs} ms apart; laid out by unit where the engine nests; the engines in turn, one process; ours writes each point of a poll for ` +
    'itself, as drivers do, and, for scale, each poll as a batch, which travels whole and in the order of its writes'
  const deflated = 'each message deflated by itself'
  const once = (name: string, unit: string, value: number): Figure => figure(name, unit, sample([value]))
  const best = (figures: Figure[], lower: boolean): Figure[] =>
    figures.toSorted((a, b) => (lower ? a.value - b.value : b.value - a.value))
  const answer = (title: string, conditions: string, figures: Figure[], target: Target, floor: Figure[] = []): Row =>
    row(
      bench,
      { title, conditions, ours: figures[0]!, beside: [...best(figures.slice(1), 'atMost' in target), ...floor] },
      target
    )
  const compared = subjects.slice(0, kinds.length)
  const scale = subjects.slice(kinds.length)
  const copies = copiesAfter.map(after => {
    const figuresOf = (some: readonly Subject[]): Figure[] =>
      some.flatMap(({ copies }) =>
        [...copies].flatMap(([name, bytes]) =>
          name.endsWith(` ${after}`) ? [once(name.slice(0, -String(after).length - 1), 'B/point', bytes)] : []
        )
      )
    const copied = answer(
      `a full copy after ${after} overwrite${after === 1 ? '' : 's'} of each point`,
      `${workload}; what an empty replica and a full one send each other by the engine's own protocol, ${deflated}`,
      figuresOf(compared),
      { atMost: 1, times: 'the leanest peer' },
      figuresOf(scale)
    )
    return { ...copied, series: { name: 'full copy', at: after } }
  })
  return [
    ...copies,
    answer(
      'repair of a two-sided partition',
      `${workload}; both sides overwrite ${count(points / 5)} points 20 times and add ${count(points / 100)}; bytes both ways, ${deflated}`,
      compared.map(({ kind, repair }) => once(kind.name, 'B', repair)),
      { atMost: 1, times: 'the leanest peer' },
      [
        ...scale.map(({ kind, repair }) => once(kind.name, 'B', repair)),
        once('for scale: gzip -9 of the changed values', 'B', changed)
      ]
    ),
    answer(
      'writes while points are overwritten',
      `${workload}; over ${copiesAfter.at(-1)} overwrites of each point, the documents of the peers growing meanwhile`,
      compared.map(({ kind, rates }) => figure(kind.name, '/s', sample(rates))),
      { atLeast: 1, times: 'the fastest peer' },
      scale.map(({ kind, rates }) => figure(kind.name, '/s', sample(rates)))
    ),
    answer(
      'the later of two concurrent writes stands',
      'a cut-off building writes 20 points 30 times each, an operator in the cloud writes them once a minute later; then both meet; 20 pairs',
      kinds.map(({ name }, i) => once(name, '%', standing[i]!)),
      { atLeast: 100, unit: '%' }
    )
  ]
}
