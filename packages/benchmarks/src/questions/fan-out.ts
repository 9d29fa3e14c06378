/**
 * How soon does a write reach three receivers, what does it cost, and how many can there be? One writer and three receivers in
 * processes of their own, real libp2p; beside it bare libp2p streams (the floor: no merge, no store, no acknowledgement), and
 * y-websocket with its server.
 */
import { Contestant, type Measured } from '../fan-out/contestant.js'
import { pointCount } from '../fan-out/part.js'
import { figure, row, type Bench, type Row } from '../row.js'
import { sample } from '../sample.js'

const steadyRate = 500
const latencyMaxMs = 250
const rateMin = 1_000
const rateMax = 512_000
/** The search ends when two neighbouring rates are this near. */
const finestStep = 1.1

/** Doubles from the lowest rate, then halves the gap, on a scale of ratios. */
class Search {
  best: Measured | undefined
  private low = rateMin / 2
  private high = Number.POSITIVE_INFINITY
  private failures = 0

  get next(): number {
    return this.high === Number.POSITIVE_INFINITY ? Math.min(this.low * 2, rateMax) : Math.sqrt(this.low * this.high)
  }

  get done(): boolean {
    return this.low >= rateMax || this.high / this.low <= finestStep || this.high <= rateMin
  }

  /** A rate counts as too high when it failed twice: something else may have had the machine the first time. */
  note(rate: number, measured: Measured | undefined): void {
    if (measured && isKept(rate, measured)) {
      this.best = measured
      this.low = rate
      this.failures = 0
    } else if (++this.failures === 2) {
      this.high = rate
      this.failures = 0
    }
  }
}

/** Whether the writer wrote that fast, in time, and every last value arrived. */
function isKept(rate: number, measured: Measured): boolean {
  return measured.ratePerSecond >= 0.97 * rate && measured.p99Ms < latencyMaxMs && measured.settledMs !== undefined
}

export async function run(bench: Bench): Promise<Row[]> {
  const contestants: Contestant[] = []
  // Each of the 13 processes ends with this one.
  process.setMaxListeners(32)
  try {
    contestants.push(await Contestant.selvedge(), await Contestant.bare(), await Contestant.yWebsocket())
    const [ours, bare, y] = contestants as [Contestant, Contestant, Contestant]
    bench.progress('warming up')
    for (const contestant of contestants)
      await contestant.measure({ ratePerSecond: 5_000, durationMs: bench.quick ? 500 : 3_000 })
    const steady = await steadyRounds(bench, contestants)
    const highest = await search(bench, contestants)
    const figures = (unit: string, of: (measured: Measured) => number) =>
      [ours, bare, y].map(contestant => figure(contestant.name, unit, sample(steady.get(contestant)!.map(of))))
    const rowOf = (title: string, [first, ...beside]: ReturnType<typeof figures>, target: Parameters<typeof row>[2], more = '') =>
      noted(row(bench, { title, ours: first!, beside, conditions: `${steadyConditions}${more}` }, target), steadyNote)
    const best = (contestant: Contestant) => {
      const { best } = highest.get(contestant)!
      return figure(contestant.name, '/s', sample([best?.ratePerSecond ?? 0]))
    }
    const kept = highest.get(ours)!.best
    return [
      rowOf(
        'live fan-out, 500 updates/s, p50',
        figures('ms', ({ p50Ms }) => p50Ms),
        { atMost: 1.5, times: 'bare streams' }
      ),
      rowOf(
        'live fan-out, 500 updates/s, p99',
        figures('ms', ({ p99Ms }) => p99Ms),
        { atMost: 1.5, times: 'bare streams' }
      ),
      rowOf(
        'live fan-out, 500 updates/s, CPU an update',
        figures('µs', ({ cpuMicrosPerUpdate }) => cpuMicrosPerUpdate),
        { atMost: 1.5, times: 'bare streams' },
        '; user and system time of all processes'
      ),
      noted(
        row(
          bench,
          {
            title: `live fan-out, highest rate with p99 < ${latencyMaxMs} ms`,
            ours: best(ours),
            beside: [best(bare), best(y)],
            conditions: `${setUp}; ${deliveries(kept)}`
          },
          { atLeast: 100_000, unit: 'updates/s' }
        ),
        highestNote
      )
    ]
  } finally {
    await Promise.all(contestants.map(contestant => contestant.end()))
  }
}

const steadyNote =
  'By perf, half of what a receiver does for an update is reading it off libp2p, 15 % is the session, 10 % the store, and most of it runs in ' +
  'code not yet compiled at this rate; the writer spends a third on three encrypted writes and a quarter on encoding for each link by ' +
  'itself, so that the last receiver waits for the first two. Less takes one encoding for all links, and the seal within the frame of registers.'
const highestNote =
  'The processes share two cores: at 57,000 updates/s these are busy, with merging, watchers and the log at each receiver, and one encoding ' +
  'a link at the writer. It takes more cores, or one encoding for all links.'

/** What the profile shows, for a row that is not reached. */
function noted(answer: Row, note: string): Row {
  return answer.reached ? answer : { ...answer, note }
}

const setUp =
  `1 writer and 3 receivers, processes of their own on loopback; random points of ${pointCount.toLocaleString('en')}; ` +
  'Selvedge by its public API with stores that fsync, a full mesh of 4; bare streams with the configuration of the mesh, one stream ' +
  'a pair, one message an update, nothing stored; y-websocket with its server and 4 clients, nothing stored'
const steadyConditions = `${setUp}; ${steadyRate} updates/s, each in a turn of its own, from the write to the watcher, over all receivers`

/** What overwrites what waits is sent once: fewer changes arrive than were written. */
function deliveries(kept: Measured | undefined): string {
  if (!kept) return 'no rate was kept'
  const share = Math.round((100 * kept.arrivals) / (3 * kept.updates))
  return `at the highest rate ${share} % of the updates were delivered one by one, the rest were overwritten while they waited; every last value arrived`
}

async function steadyRounds(bench: Bench, contestants: readonly Contestant[]): Promise<Map<Contestant, Measured[]>> {
  const rounds = bench.quick ? 1 : 5
  const measured = new Map<Contestant, Measured[]>(contestants.map(contestant => [contestant, []]))
  for (let round = 0; round < rounds; round++)
    for (const contestant of round % 2 ? contestants.toReversed() : contestants) {
      bench.progress(`${steadyRate}/s, round ${round + 1} of ${rounds}: ${contestant.name}`)
      measured
        .get(contestant)!
        .push(await contestant.measure({ ratePerSecond: steadyRate, durationMs: bench.quick ? 500 : 2_500 }))
    }
  return measured
}

async function search(bench: Bench, contestants: readonly Contestant[]): Promise<Map<Contestant, Search>> {
  const searches = new Map(contestants.map(contestant => [contestant, new Search()]))
  while ([...searches.values()].some(({ done }) => !done))
    for (const [contestant, wanted] of searches) {
      if (wanted.done) continue
      const rate = Math.round(wanted.next)
      bench.progress(`${contestant.name} at ${rate.toLocaleString('en')}/s`)
      wanted.note(rate, await contestant.measure({ ratePerSecond: rate, durationMs: bench.quick ? 200 : 1_500 }))
    }
  return searches
}
