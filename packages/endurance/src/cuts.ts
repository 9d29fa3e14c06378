/**
 * `npm run cuts`: the trunk is cut under load, again and again, in the ways in which a line fails, while both sides go on writing,
 * also to the same points. After each heal all replicas must be equal, every acknowledged write there, and the merge reported.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { below, seededRandom, type Random } from '@selvedge/core'
import { agreement, views } from './agreement.js'
import { Building } from './building.js'
import { fillConflictRings } from './conflict-rings.js'
import { ErrandBook } from './errand-book.js'
import { flatness, type Flatness, type Sample } from './flatness.js'
import { Ledger } from './ledger.js'
import type { Heal, Rest } from './process/protocol.js'
import type { ReplicaProcess } from './replica-process.js'
import type { Fault, TrunkWire } from './trunk-wire.js'
import { quantile, seconds, type Running, type Verdict } from './verdict.js'

export interface CutsOptions extends Running {
  readonly loops: number
  readonly seed: number
  readonly nodes: number
  /** Writes a second, of all processes together. */
  readonly rate: number
  readonly points: number
  readonly settleWithinMs: number
  /** Whether growth of memory is judged: a few loops say nothing of it. */
  readonly judge: boolean
  /** Conflicts that each process records before the first loop: a ring keeps 1,000. */
  readonly conflicts: number
}

export interface CutsVerdict extends Verdict {
  readonly loops: number
  readonly seed: number
  readonly receipts: number
  readonly errands: number
  readonly seconds: number
  /** Cuts after which a new session merged; after the others the old one had outlived the stall. */
  readonly merges: number
  readonly conflicts: number
  /** From the restored wire to a trunk that has caught up, under load, by kind of cut. */
  readonly healMs: readonly {
    readonly cut: CutKind
    readonly loops: number
    readonly median: number
    readonly greatest: number
  }[]
  readonly memory: readonly { readonly process: string; readonly text: string }[]
  readonly kept: string | undefined
}

export type CutKind = Fault | 'flap'
const kinds: readonly CutKind[] = ['reset', 'close', 'stall', 'flap']

const beforeMs = { least: 150, spread: 250 }
const cutMs = { least: 200, spread: 1_600 }
const flapMs = { least: 30, spread: 170 }
const flapsMax = 6
const trunkWithinMs = 60_000
/** Heap after collection may drift by this much over a run. What is kept for good grows with the loops: config's history, tokens. */
const heapRule = { share: 0.15, least: 6 }
const mebi = 2 ** 20

export async function runCuts(options: CutsOptions): Promise<CutsVerdict> {
  const random = seededRandom(options.seed)
  const ledger = new Ledger()
  const startedMs = performance.now()
  const building = await Building.open({
    purpose: 'cuts',
    nodes: options.nodes,
    wire: true,
    random: random.fork('ports'),
    // Shorter than for a real building, so that many loops take minutes. A stall lasts longer than the silence that is borne, or not.
    timing: { trunkKeepaliveMs: 200, trunkTimeoutMs: 1_000, gcIntervalMs: 5_000 },
    election: { settleMs: 100, deltaMs: 50, backoffMaxMs: 400, dialTimeoutMs: 1_000 },
    events: { acknowledged: (name, writes) => ledger.note(name, writes) }
  })
  const run = new Cuts(options, random, building, ledger)
  const problems: string[] = []
  let loops = 0
  try {
    await agreement(building.all, { withinMs: options.settleWithinMs, nodes: options.nodes, signal: options.signal })
    await fillConflictRings(building, options)
    await agreement(building.all, { withinMs: options.settleWithinMs, nodes: options.nodes, signal: options.signal })
    for (let loop = 1; loop <= options.loops && problems.length === 0 && !options.signal.aborted; loop++) {
      problems.push(...(await run.loop(loop)).map(problem => `loop ${loop}: ${problem}`))
      loops = loop
    }
  } catch (error) {
    if (!options.signal.aborted) problems.push(`loop ${loops + 1}: ${error instanceof Error ? error.message : String(error)}`)
  }
  const memory = options.judge ? run.memory() : []
  for (const { process: name, text, found } of memory) if (!found.flat) problems.push(`memory of ${name} grows: ${text}`)
  if (options.judge && loops === options.loops && run.conflicts === 0) problems.push('no conflict was ever reported')
  const held = problems.length === 0
  await building.close({ keep: !held })
  return {
    held,
    problems: held ? [] : [...problems, `seed ${options.seed}`],
    loops,
    seed: options.seed,
    receipts: ledger.receipts,
    errands: run.errands.done,
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    merges: run.merges,
    conflicts: run.conflicts,
    healMs: kinds.flatMap(cut => {
      const times = run.healMs.get(cut) ?? []
      if (times.length === 0) return []
      return [{ cut, loops: times.length, median: Math.round(quantile(times, 0.5)), greatest: Math.round(quantile(times, 1)) }]
    }),
    memory: memory.map(({ process: name, text }) => ({ process: name, text })),
    kept: held ? undefined : building.directory
  }
}

class Cuts {
  readonly errands: ErrandBook
  readonly healMs = new Map<CutKind, number[]>()
  readonly heaps = new Map<string, Sample[]>()
  merges = 0
  conflicts = 0
  private loads = 0
  private readonly wire: TrunkWire

  constructor(
    private readonly options: CutsOptions,
    private readonly random: Random,
    private readonly building: Building,
    private readonly ledger: Ledger
  ) {
    if (!building.wire) throw new Error('the trunk has no wire to cut')
    this.wire = building.wire
    this.errands = new ErrandBook({
      random,
      pausesMs: { points: 20, counters: 20, notes: 100, config: 300 },
      // No process is killed: every outcome becomes known.
      idempotent: false,
      tokens: true,
      levelsOf: process_ => (process_ === building.relay ? ['relay', 'site'] : ['local', 'site', 'relay'])
    })
  }

  async loop(loop: number): Promise<string[]> {
    const { building, errands, ledger, options, random } = this
    const startedMs = performance.now()
    const kind = kinds[below(random, kinds.length)]!
    const before = await building.relay.ask('state')
    const seen = await this.newestReports()
    await Promise.all(building.all.map(each => this.startLoad(each)))
    errands.start(building.all)
    await wait(beforeMs.least + below(random, beforeMs.spread))
    options.progress(`loop ${loop} of ${options.loops}: ${kind}`)
    const lastedMs = await this.cut(kind)
    const healMs = await this.trunkBack()
    this.healMs.set(kind, [...(this.healMs.get(kind) ?? []), healMs])
    await Promise.all(building.all.map(each => each.ask('rest')))
    await errands.stop(options.settleWithinMs)
    const { tookMs, states } = await agreement(building.all, { withinMs: options.settleWithinMs, nodes: options.nodes })
    const problems: string[] = []
    for (const [name, view] of await views(building.all)) {
      for (const { path, acknowledged, level, by, found } of ledger.missing(name, view))
        problems.push(
          `${name} lacks ${path} = ${String(acknowledged)}, acknowledged by ${by} as ${level}; it has ${String(found)}`
        )
      problems.push(...errands.problems(name, view))
    }
    problems.push(...errands.failures, ...(building.unexpected === undefined ? [] : [building.unexpected]))
    const after = states.get('relay')!
    const merged = after.trunkSinceMs !== before.trunkSinceMs
    const reported = await this.reportsSince(seen)
    if (merged) this.merges++
    const conflicts = conflictsIn(reported)
    this.conflicts += conflicts
    problems.push(...reportProblems(reported, merged, after))
    await this.sampleHeaps(performance.now())
    options.say(
      `loop ${loop}  ${kind.padEnd(5)} for ${seconds(lastedMs)}  ${merged ? `back after ${seconds(healMs)}` : 'the session outlived it'}, equal after ${seconds(tookMs)}  ` +
        `${conflicts} conflicts  ${seconds(performance.now() - startedMs)}`
    )
    return problems
  }

  private startLoad(process_: ReplicaProcess): Promise<void> {
    const { building, options, random } = this
    const cloud = process_ === building.relay
    return process_.ask('load', {
      perSecond: options.rate / building.all.length,
      ownPoints: Math.ceil((options.points * 0.8) / building.all.length),
      sharedPoints: Math.ceil(options.points * 0.2),
      sharedShare: 0.2,
      base: ++this.loads * 1_000_000,
      receiptEvery: 1,
      levels: cloud ? ['relay', 'site'] : ['local', 'site', 'local', 'relay'],
      seed: random.uint32()
    })
  }

  /** Cuts the wire and restores it; tells how long that took. */
  private async cut(kind: CutKind): Promise<number> {
    const { random, wire } = this
    const startedMs = performance.now()
    if (kind !== 'flap') {
      wire.cut(kind)
      await wait(cutMs.least + below(random, cutMs.spread))
      wire.restore()
    } else
      for (let flap = 1 + below(random, flapsMax); flap >= 0; flap--) {
        wire.cut('reset')
        await wait(flapMs.least + below(random, flapMs.spread))
        wire.restore()
        await wait(flapMs.least + below(random, flapMs.spread))
      }
    return performance.now() - startedMs
  }

  /** Waits until the relay has caught up with the building, the load going on. */
  private async trunkBack(): Promise<number> {
    const { relay } = this.building
    const startedMs = performance.now()
    const late = AbortSignal.timeout(trunkWithinMs)
    const noAnswer = new Promise<never>((_, reject) =>
      late.addEventListener('abort', () => reject(new Error(`the trunk is not back after ${seconds(trunkWithinMs)}`)))
    )
    // A stalled session seems to have caught up until its silence is noticed: a write that a node stores shows that the trunk lives.
    const probe = relay.ask('errand', { errand: { kind: 'set', path: 'probe', value: ++this.loads }, level: 'site' })
    await Promise.race([probe, noAnswer])
    while (!(await relay.ask('state')).caughtUp) {
      late.throwIfAborted()
      await wait(10)
    }
    return performance.now() - startedMs
  }

  private async newestReports(): Promise<Map<string, number>> {
    const newest = new Map<string, number>()
    for (const { by, atMs } of await this.building.relay.ask('heals')) newest.set(by, Math.max(newest.get(by) ?? 0, atMs))
    return newest
  }

  /** Reports of merges over the trunk that have come since. */
  private async reportsSince(seen: ReadonlyMap<string, number>): Promise<Heal[]> {
    const { relay, nodes } = this.building
    const all = await Promise.all([relay, nodes[0]!].map(each => each.ask('heals')))
    const [there, here] = all.map(heals => heals.filter(({ by, atMs }) => atMs > (seen.get(by) ?? 0)))
    if (JSON.stringify(there) !== JSON.stringify(here))
      throw new Error(`relay and node show different heal reports: ${JSON.stringify(there)} and ${JSON.stringify(here)}`)
    return there ?? []
  }

  private async sampleHeaps(atMs: number): Promise<void> {
    for (const each of this.building.all) {
      const { floorBytes } = await each.ask('vitals', { collect: true })
      const samples = this.heaps.get(each.name) ?? []
      samples.push({ atMs, value: (floorBytes ?? 0) / mebi })
      this.heaps.set(each.name, samples)
    }
  }

  memory(): { process: string; found: Flatness; text: string }[] {
    return [...this.heaps].flatMap(([name, samples]) => {
      const found = flatness(samples, heapRule)
      if (!found) return []
      const text = `${found.drift.toFixed(2)} MiB over the run at a level of ${found.level.toFixed(1)} MiB (allowed +${found.allowed.toFixed(1)})`
      return [{ process: name, found, text }]
    })
  }
}

// Both ends report a merge: the building's is taken.
function conflictsIn(reports: readonly Heal[]): number {
  return reports.reduce((sum, { peerRole, conflicts }) => sum + (peerRole === 'relay' ? conflicts : 0), 0)
}

/** What is implausible in what was reported of a merge. */
export function reportProblems(reports: readonly Heal[], merged: boolean, { registers }: Pick<Rest, 'registers'>): string[] {
  const problems: string[] = []
  if (merged && reports.length === 0) problems.push('the merge left no heal report')
  for (const heal of reports) {
    const { registersReceived, registersApplied, registersSent, conflicts, loserPaths } = heal
    const told = `heal report of ${heal.by}`
    if (registersReceived + registersSent + conflicts === 0) problems.push(`${told}: nothing was merged`)
    if (registersApplied > registersReceived)
      problems.push(`${told}: ${registersApplied} applied of ${registersReceived} received`)
    // Under load a register may be sent again before the catch-up is over.
    if (registersReceived > 2 * registers || registersSent > 2 * registers)
      problems.push(`${told}: ${registersReceived} in and ${registersSent} out, of ${registers} registers that there are`)
    const strange = loserPaths.filter(path => !path.startsWith('s/'))
    if (strange.length > 0) problems.push(`${told}: conflicts at ${strange.join(', ')}, where one process alone writes`)
  }
  return problems
}
