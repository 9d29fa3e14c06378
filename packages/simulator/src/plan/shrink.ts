/**
 * Makes a failing plan small: cuts what comes after the failure, leaves out faults, nodes, operations with those that need them, and
 * then shortens times and calms links. A smaller plan is taken when the same check fails with the same fingerprint. It is delta
 * debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002), bounded in time.
 */
import type { Finding } from '../run.js'
import { wallMs } from '../system/wall-time.js'
import { milliseconds, type Duration } from './duration.js'
import type { Json, Plan, PlannedFault, PlannedOperation } from './plan.js'
import { runPlan, type RunOptions, type RunResult } from './run-plan.js'
import type { AnyScenario } from './scenario.js'

export interface ShrinkOptions {
  /** Default 60 s; the smallest plan found by then is the answer. */
  readonly within?: Duration
  readonly onProgress?: (progress: ShrinkProgress) => void
  /** Runs a plan; default here. */
  readonly run?: (plan: Plan, options: RunOptions) => Promise<RunResult>
}

export interface ShrinkProgress {
  /** What is left out at present. */
  readonly step: string
  readonly runs: number
  readonly operations: number
  readonly faults: number
  readonly nodes: number
}

export interface Shrunk {
  readonly plan: Plan
  readonly result: RunResult
  readonly runs: number
  /** Nothing more could be left out; false: the time was over. */
  readonly finished: boolean
}

/** After a failure at its time nothing is needed. */
const afterMs = 1
const gapMs = 1_000
/** Nodes have started and met by then. */
const startMs = 5_000
/** Less than this is not worth a run. */
const shortMs = 20_000

export async function shrink(scenario: AnyScenario, plan: Plan, result: RunResult, options: ShrinkOptions = {}): Promise<Shrunk> {
  const shrinking = new Shrinking(plan, result, options.run ?? ((smaller, how) => runPlan(scenario, smaller, how)), options)
  const finished = await shrinking.all()
  return { plan: shrinking.plan, result: shrinking.result, runs: shrinking.runs, finished }
}

class Shrinking {
  runs = 0
  private readonly endMs: number
  private readonly wanted: Finding

  constructor(
    public plan: Plan,
    public result: RunResult,
    private readonly run: NonNullable<ShrinkOptions['run']>,
    private readonly options: ShrinkOptions
  ) {
    this.wanted = result.finding!
    this.endMs = wallMs() + milliseconds(options.within ?? '60s')
  }

  async all(): Promise<boolean> {
    await this.cut()
    await this.pace()
    for (;;) {
      const before = JSON.stringify(this.plan)
      await this.list('faults', this.plan.faults, faults => ({ ...this.plan, faults }))
      await this.nodes()
      await this.list('operations', this.plan.operations, kept => ({ ...this.plan, operations: withNeeds(kept) }))
      await this.times()
      await this.links()
      if (this.isOver) return false
      if (JSON.stringify(this.plan) === before) return true
    }
  }

  private get isOver(): boolean {
    return wallMs() >= this.endMs
  }

  /** Takes a smaller plan if it fails in the same way. */
  private async try(step: string, plan: Plan): Promise<boolean> {
    if (this.isOver) return false
    this.runs++
    const { operations, faults, world } = this.plan
    this.options.onProgress?.({
      step,
      runs: this.runs,
      operations: operations.length,
      faults: faults.length,
      nodes: world.sites.reduce((sum, { nodes }) => sum + nodes.length, 0)
    })
    // A failure before the heal is looked for before the heal.
    const early = this.wanted.atMs <= this.plan.untilMs && (this.result.finding?.atMs ?? 0) <= this.plan.untilMs
    const result = await this.run(plan, early ? { untilMs: plan.untilMs } : {})
    const { finding } = result
    if (finding?.check !== this.wanted.check || finding.fingerprint !== this.wanted.fingerprint) return false
    this.plan = plan
    this.result = result
    return true
  }

  /** What is planned for later than the failure can't have caused it. */
  private async cut(): Promise<void> {
    const { plan, result } = this
    const atMs = result.finding!.atMs + afterMs
    const earlier = <T extends { readonly atMs: number }>(all: readonly T[]): T[] => all.filter(each => each.atMs < atMs)
    if (atMs >= plan.untilMs && earlier(plan.operations).length === plan.operations.length) return
    const cut = {
      ...plan,
      operations: earlier(plan.operations),
      faults: earlier(plan.faults),
      untilMs: Math.min(plan.untilMs, atMs)
    }
    await this.try('what comes later', cut)
  }

  /** The same in less time: it is found first, as every run after it is the shorter for it. */
  private async pace(): Promise<void> {
    for (const factor of [0.05, 0.2, 0.5])
      while (this.plan.untilMs > shortMs && (await this.try('all in less time', atPace(this.plan, factor))));
  }

  /** Leaves out halves of a list, then quarters, at last single ones; the last first. */
  private async list<T>(step: string, all: readonly T[], planOf: (kept: readonly T[]) => Plan): Promise<void> {
    let kept = all
    if (kept.length > 0 && (await this.try(step, planOf([])))) return this.cut()
    for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let end = kept.length; end > 0; end -= size) {
        if (this.isOver) return
        const fewer = kept.filter((_, i) => i < end - size || i >= end)
        if (fewer.length < kept.length && (await this.try(step, planOf(fewer)))) kept = fewer
      }
    }
    await this.cut()
  }

  private async nodes(): Promise<void> {
    for (const { id } of this.plan.world.sites)
      if (this.plan.world.sites.length > 1) await this.try('sites', withoutHosts(this.plan, new Set(nodesOf(this.plan, id)), id))
    for (const name of this.plan.world.sites.flatMap(({ nodes }) => nodes).reverse())
      if (this.plan.world.sites.some(({ nodes }) => nodes.length > 1 && nodes.includes(name)))
        await this.try('nodes', withoutHosts(this.plan, new Set([name])))
    if (this.plan.world.relay)
      await this.try('the relay', { ...withoutHosts(this.plan, new Set(['relay'])), world: { ...this.plan.world, relay: false } })
  }

  /** Shortens faults, and the quiet times in which nothing happens. */
  private async times(): Promise<void> {
    for (const { id } of this.plan.faults)
      for (;;) {
        const fault = this.plan.faults.find(each => each.id === id)
        if (!fault || fault.forMs < 2 * gapMs) break
        const shorter = { ...fault, forMs: Math.round(fault.forMs / 2) }
        if (
          !(await this.try('durations', {
            ...this.plan,
            faults: this.plan.faults.map(each => (each.id === id ? shorter : each))
          }))
        )
          break
      }
    for (let part = 2; part <= 8; part *= 2)
      for (const [fromMs, toMs] of gapsOf(this.plan).reverse()) {
        const lessMs = Math.round((toMs - fromMs) * (1 - 1 / part))
        if (toMs - fromMs > 2 * gapMs) await this.try('quiet times', earlierFrom(this.plan, toMs, lessMs))
      }
    await this.cut()
  }

  private async links(): Promise<void> {
    const calm = <T extends Plan['world']['sites'][number]>(site: T): T => ({
      ...site,
      lan: { latencyMs: site.lan.latencyMs ?? 1 },
      trunk: { latencyMs: site.trunk.latencyMs ?? 20 }
    })
    const sites = this.plan.world.sites.map(calm)
    if (JSON.stringify(sites) !== JSON.stringify(this.plan.world.sites))
      await this.try('jitter', { ...this.plan, world: { ...this.plan.world, sites } })
  }
}

/** Operations without those that need one which is not there. */
function withNeeds(operations: readonly PlannedOperation[]): PlannedOperation[] {
  const there = new Set<string>()
  return operations.filter(({ id, needs = [] }) => {
    const stays = needs.every(other => there.has(other))
    if (stays) there.add(id)
    return stays
  })
}

function nodesOf({ world }: Plan, site: string): readonly string[] {
  return world.sites.find(({ id }) => id === site)?.nodes ?? []
}

/** A plan without some machines: what is done on them goes, and what is done to them, as far as it names no others. */
function withoutHosts(plan: Plan, gone: ReadonlySet<string>, site?: string): Plan {
  const names = site === undefined ? gone : new Set([...gone, site])
  return {
    ...plan,
    world: {
      ...plan.world,
      sites: plan.world.sites
        .filter(({ id }) => id !== site)
        .map(each => ({ ...each, nodes: each.nodes.filter(node => !gone.has(node)) }))
    },
    operations: withNeeds(plan.operations.filter(({ by }) => !gone.has(by))),
    faults: plan.faults.flatMap((fault): PlannedFault[] => {
      const args = withoutNames(fault.args, names)
      return args === undefined ? [] : [{ ...fault, args }]
    })
  }
}

/** Arguments without names in lists; undefined: a name stands where it can't be left out. */
function withoutNames(args: Json, names: ReadonlySet<string>): Json | undefined {
  if (typeof args === 'string') return names.has(args) ? undefined : args
  if (Array.isArray(args))
    return (args as readonly Json[]).map(each => withoutNames(each, names)).filter(each => each !== undefined)
  if (typeof args !== 'object' || args === null) return args
  const entries = Object.entries(args).map(([key, value]) => [key, withoutNames(value, names)] as const)
  return entries.some(([, value]) => value === undefined) ? undefined : (Object.fromEntries(entries) as Json)
}

/** A plan with shorter times between what happens, once nodes have had the time to start. */
function atPace(plan: Plan, factor: number): Plan {
  const pace = (atMs: number): number => (atMs <= startMs ? atMs : Math.round(startMs + (atMs - startMs) * factor))
  return {
    ...plan,
    operations: plan.operations.map(each => ({ ...each, atMs: pace(each.atMs) })),
    faults: plan.faults.map(each => ({ ...each, atMs: pace(each.atMs), forMs: pace(each.atMs + each.forMs) - pace(each.atMs) })),
    untilMs: pace(plan.untilMs)
  }
}

/** Times between what happens, from first to last. */
function gapsOf({ operations, faults, untilMs }: Plan): [number, number][] {
  const times = [...operations.map(({ atMs }) => atMs), ...faults.flatMap(({ atMs, forMs }) => [atMs, atMs + forMs]), untilMs]
  const sorted = [...new Set([0, ...times])].filter(atMs => atMs <= untilMs).sort((a, b) => a - b)
  return sorted.slice(1).map((toMs, i) => [sorted[i]!, toMs])
}

/** A plan in which all from a time on comes earlier. */
function earlierFrom(plan: Plan, fromMs: number, byMs: number): Plan {
  const shift = (atMs: number): number => (atMs >= fromMs ? atMs - byMs : atMs)
  return {
    ...plan,
    operations: plan.operations.map(each => ({ ...each, atMs: shift(each.atMs) })),
    faults: plan.faults.map(each => ({
      ...each,
      atMs: shift(each.atMs),
      forMs: shift(each.atMs + each.forMs) - shift(each.atMs)
    })),
    untilMs: shift(plan.untilMs)
  }
}
