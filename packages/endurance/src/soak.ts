/**
 * `npm run soak`: a building at work for a long time: three nodes and a relay under a steady load, sampled while they run. Nothing
 * may grow that need not, and at the end nothing may be missing anywhere.
 */
import { createWriteStream, type WriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom } from '@selvedge/core'
import { agreement, views } from './agreement.js'
import { Building } from './building.js'
import { fillConflictRings } from './conflict-rings.js'
import { bytesOf } from './directory-bytes.js'
import { ErrandBook } from './errand-book.js'
import { holds, Ledger, winners } from './ledger.js'
import type { LoadSummary, Rest } from './process/protocol.js'
import { judged, soakChart, type Judged, type ProcessSample } from './soak-report.js'
import { seconds, type Running, type Verdict } from './verdict.js'

export interface SoakOptions extends Running {
  readonly minutes: number
  /** Writes a second, of all nodes together. */
  readonly rate: number
  readonly points: number
  readonly nodes: number
  readonly seed: number
  /** Between samples. */
  readonly sampleEveryMs: number
  /** Where samples, chart and report are written; undefined: nowhere. */
  readonly out?: string | undefined
  /** For replicas to become equal once the load has ended. */
  readonly settleWithinMs: number
  /** Conflicts that each process records before the load begins: a ring keeps 1,000. */
  readonly conflicts: number
  /** Whether growth, and the rate that was made, are judged: a run of seconds says nothing of them. */
  readonly judge: boolean
}

export interface SoakVerdict extends Verdict {
  readonly minutes: number
  readonly stopped: boolean
  readonly writes: number
  readonly writesPerSecond: number
  readonly receipts: number
  readonly errands: number
  readonly settleMs: number | undefined
  readonly flat: readonly Judged[]
  readonly chart: string | undefined
  /** Where the data is, when something did not hold. */
  readonly kept: string | undefined
}

const floorsMin = 30
const floorEveryMs = { least: 5_000, most: 60_000 }
/** Of the rate asked for, at least this part must have been made: else this was another, lighter run. */
const rateShare = 0.9
/** An override that was written last has expired after this. */
const overridesGoneMs = 2_000

export async function runSoak(options: SoakOptions): Promise<SoakVerdict> {
  const random = seededRandom(options.seed)
  const ledger = new Ledger()
  const building = await Building.open({
    purpose: 'soak',
    nodes: options.nodes,
    random: random.fork('ports'),
    events: { acknowledged: (name, writes) => ledger.note(name, writes) }
  })
  const problems: string[] = []
  const run = new Soak(options, building, ledger, problems)
  let settleMs: number | undefined
  try {
    if (options.out !== undefined) await mkdir(options.out, { recursive: true })
    await agreement(building.all, { withinMs: options.settleWithinMs, nodes: options.nodes, signal: options.signal })
    await run.fillRings()
    await run.load()
    settleMs = await run.atRest()
  } catch (error) {
    if (!options.signal.aborted) problems.push(error instanceof Error ? error.message : String(error))
  }
  const flat = options.judge ? judged(run.samples) : []
  problems.push(...flat.filter(each => !each.flat).map(each => `${each.process}: ${each.quantity} grows: ${each.text}`))
  const chart = await run.draw(flat)
  const held = problems.length === 0
  await building.close({ keep: !held })
  const verdict: SoakVerdict = {
    held,
    problems,
    minutes: Math.round((run.loadMs / 60_000) * 100) / 100,
    stopped: options.signal.aborted,
    writes: run.writes,
    writesPerSecond: Math.round(run.writes / Math.max(1, run.loadMs / 1_000)),
    receipts: ledger.receipts,
    errands: run.errands.done,
    settleMs: settleMs === undefined ? undefined : Math.round(settleMs),
    flat,
    chart,
    kept: held ? undefined : building.directory
  }
  if (options.out !== undefined) await writeFile(join(options.out, 'verdict.json'), `${JSON.stringify(verdict, undefined, 2)}\n`)
  return verdict
}

class Soak {
  readonly samples: ProcessSample[] = []
  readonly errands: ErrandBook
  loadMs = 0
  writes = 0
  /** Writes before the load, which samples count too. */
  private filled = 0
  private summaries: LoadSummary[] = []

  constructor(
    private readonly options: SoakOptions,
    private readonly building: Building,
    private readonly ledger: Ledger,
    private readonly problems: string[]
  ) {
    const { all, relay } = building
    this.errands = new ErrandBook({
      random: seededRandom(options.seed),
      // In all: some deletes, re-creations, elements and increments a second, an edit a second, a config change a minute.
      pausesMs: { points: 400, counters: 200, notes: 1_000 * all.length, config: 60_000 * all.length },
      idempotent: false,
      tokens: false,
      levelsOf: process_ => (process_ === relay ? ['relay', 'site'] : ['local', 'site', 'relay'])
    })
  }

  async fillRings(): Promise<void> {
    this.filled = await fillConflictRings(this.building, this.options)
  }

  async load(): Promise<void> {
    const { building, options, errands } = this
    const { nodes } = building
    const perNode = options.rate / nodes.length
    const startedMs = performance.now()
    await Promise.all(
      nodes.map((node, i) =>
        node.ask('load', {
          perSecond: perNode,
          ownPoints: Math.ceil((options.points * 0.9) / nodes.length),
          sharedPoints: Math.ceil(options.points * 0.1),
          sharedShare: 0.1,
          base: 1,
          receiptEvery: 20,
          levels: ['local', 'site', 'relay'],
          seed: options.seed + i
        })
      )
    )
    errands.start(building.all)
    const writer = options.out === undefined ? undefined : createWriteStream(join(options.out, 'samples.ndjson'))
    try {
      await this.sampleUntilOver(startedMs, writer)
    } finally {
      writer?.end()
      this.loadMs = performance.now() - startedMs
      this.summaries = await Promise.all(nodes.map(node => node.ask('rest')))
      this.writes = this.summaries.reduce((sum, { writes }) => sum + writes, 0)
      await errands.stop(options.settleWithinMs)
    }
    const perSecond = this.writes / (this.loadMs / 1_000)
    if (options.judge && perSecond < options.rate * rateShare)
      this.problems.push(
        `only ${Math.round(perSecond)} writes/s were made, not ${options.rate}: too little of this machine was free`
      )
  }

  private async sampleUntilOver(startedMs: number, writer: WriteStream | undefined): Promise<void> {
    const { building, options } = this
    const runMs = options.minutes * 60_000
    const floorMs = Math.min(floorEveryMs.most, Math.max(floorEveryMs.least, runMs / floorsMin))
    let floorAtMs = 0
    for (let n = 1; !options.signal.aborted; n++) {
      await wait(Math.min(n * options.sampleEveryMs, runMs) - (performance.now() - startedMs), undefined, {
        signal: options.signal
      }).catch(() => undefined)
      const atMs = performance.now() - startedMs
      const collect = atMs >= floorAtMs
      if (collect) floorAtMs = atMs + floorMs
      const taken = await Promise.all(
        building.all.map(async each => ({
          atMs: Math.round(atMs),
          process: each.name,
          ...(await each.ask('vitals', { collect })),
          diskBytes: await bytesOf(each.config.dataDir)
        }))
      )
      this.samples.push(...taken)
      for (const sample of taken) writer?.write(`${JSON.stringify(sample)}\n`)
      const writes = taken.reduce((sum, sample) => sum + sample.writes, -this.filled)
      const rss = taken.map(({ process: name, rssBytes }) => `${name} ${Math.round(rssBytes / 2 ** 20)}`).join(', ')
      options.progress(
        `${seconds(atMs)} of ${seconds(runMs)}  ${Math.round(writes / (atMs / 1_000))} writes/s  RSS in MiB: ${rss}`
      )
      if (building.unexpected !== undefined) throw new Error(building.unexpected)
      if (n * options.sampleEveryMs >= runMs) return
    }
  }

  /** The load is over: all must be equal, nothing owed, nothing missing. */
  async atRest(): Promise<number> {
    const { building, options, ledger, errands, problems } = this
    options.progress('the load is over: waiting for equal hashes')
    const { tookMs } = await agreement(building.all, { withinMs: options.settleWithinMs, nodes: options.nodes })
    await wait(Math.max(0, overridesGoneMs - tookMs))
    const { states } = await agreement(building.all, { withinMs: options.settleWithinMs, nodes: options.nodes })
    const last = winners(this.summaries.map(summary => summary.last))
    for (const [name, view] of await views(building.all)) {
      for (const write of last.values())
        if (!holds(view, write))
          problems.push(`${name}: ${write.path} is ${String(view.points.get(write.path)?.value)}, not ${String(write.value)}`)
      for (const { path, acknowledged, level, by } of ledger.missing(name, view))
        problems.push(`${name} lacks ${path} = ${String(acknowledged)}, acknowledged by ${by} as ${level}`)
      problems.push(...errands.problems(name, view))
      if (view.overrides > 0) problems.push(`${name}: ${view.overrides} overrides are in force after they have expired`)
    }
    for (const [name, state] of states) problems.push(...standing(name, state))
    problems.push(...errands.failures)
    return tookMs
  }

  async draw(flat: readonly Judged[]): Promise<string | undefined> {
    const { options, samples } = this
    if (options.out === undefined || samples.length === 0) return undefined
    const file = join(options.out, 'soak.svg')
    await writeFile(
      file,
      soakChart(samples, flat, {
        title: `Soak: ${options.nodes} nodes and a relay, ${options.rate} writes/s, ${options.points} points`,
        subtitle: `${seconds(this.loadMs)}, ${this.writes} writes; sampled every ${seconds(options.sampleEveryMs)}`
      })
    )
    return file
  }
}

function standing(name: string, state: Rest): string[] {
  return [
    ...(state.alarms.length > 0 ? [`${name}: alarms ${state.alarms.join(', ')}`] : []),
    ...(state.divergences > 0 ? [`${name}: ${state.divergences} divergences`] : [])
  ]
}
