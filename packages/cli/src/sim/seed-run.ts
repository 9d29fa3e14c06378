/** Many seeds of many scenarios, on several workers at once. */
import type { RunResult } from '@selvedge/simulator'
import type { ScenarioSummary } from './protocol.js'
import { ScenarioTally, type FailureGroup } from './tally.js'
import { Worker, WorkerFailure } from './workers.js'

export interface SeedRunOptions {
  readonly jobs: number
  readonly first: number
  /** Of each scenario. Where infinite, scenarios take turns so that each is run for about as long. */
  readonly seeds: number
  /** Of all scenarios together. Default: no limit. */
  readonly total?: number
  readonly withinMs: number
  /** Of so many seeds one is run a second time, and must have the same trace. 1: every one. */
  readonly compareEvery: number
  readonly onProgress: (run: SeedRun) => void
  /** A failure unlike those before it. */
  readonly onFailure?: (scenario: ScenarioSummary, failure: FailureGroup) => void
  readonly nowMs: () => number
}

interface Lot {
  readonly tally: ScenarioTally
  /** Seeds begun. */
  begun: number
  ended: number
  spentMs: number
}

interface Task {
  readonly lot: Lot
  readonly seed: number
  /** What the first run of this seed gave, and on which worker. */
  readonly first?: { readonly result: RunResult; readonly worker: number }
}

export class SeedRun {
  readonly tallies: readonly ScenarioTally[]
  readonly startedMs: number
  private readonly again: Task[] = []
  private endedMs: number | undefined
  private readonly lots: readonly Lot[]
  private stopped = false
  private readonly workers: Worker[]

  constructor(
    scenarios: readonly ScenarioSummary[],
    private readonly options: SeedRunOptions
  ) {
    this.tallies = scenarios.map(scenario => new ScenarioTally(scenario))
    this.lots = this.tallies.map(tally => ({ tally, begun: 0, ended: 0, spentMs: 0 }))
    this.startedMs = options.nowMs()
    this.workers = Array.from({ length: options.jobs }, () => new Worker())
  }

  /** Real time that its seeds took. */
  get elapsedMs(): number {
    return (this.endedMs ?? this.options.nowMs()) - this.startedMs
  }

  /** Seeds that were asked for, one of each scenario at least; infinite when only time bounds them. */
  get wanted(): number {
    const { seeds, total = Number.POSITIVE_INFINITY } = this.options
    return Math.max(this.tallies.length, Math.min(seeds * this.tallies.length, total))
  }

  /** Runs them; resolves when all are through, the time is over, or it was stopped. */
  async finish(): Promise<void> {
    await Promise.all(this.workers.map((worker, i) => this.work(worker, i)))
    this.endedMs = this.options.nowMs()
    for (const worker of this.workers) worker.close()
  }

  /** What is under way is given up. */
  stop(): void {
    this.stopped = true
    for (const worker of this.workers) worker.close()
  }

  private async work(worker: Worker, index: number): Promise<void> {
    for (let task = this.take(index); task; task = this.take(index)) {
      const { tally } = task.lot
      const { file, name } = tally.scenario
      const fromMs = this.options.nowMs()
      try {
        const result = await worker.ask({ type: 'run', file, scenario: name, seed: task.seed })
        if (task.first) compare(task, result)
        else this.took(task, result, index)
      } catch (error) {
        if (this.stopped) return
        if (!(error instanceof WorkerFailure)) throw error
        const sentence = error.message.trim()
        tally.failed({
          kind: 'harness',
          check: 'harness',
          fingerprint: sentence.split('\n', 1)[0]!,
          seed: task.seed,
          sentence,
          result: undefined
        })
      }
      if (!task.first) {
        task.lot.ended++
        task.lot.spentMs += this.options.nowMs() - fromMs
      }
      this.options.onProgress(this)
    }
  }

  private take(worker: number): Task | undefined {
    if (this.stopped) return undefined
    // In another process, if there is one: what a process remembers is what a comparison is to find.
    const at = this.again.findIndex(({ first }) => first!.worker !== worker || this.workers.length === 1)
    if (at >= 0) return this.again.splice(at, 1)[0]
    const lot = this.next()
    if (lot) return { lot, seed: this.options.first + lot.begun++ }
    return this.again.shift()
  }

  /** Whose turn it is to have another seed begun. */
  private next(): Lot | undefined {
    const { seeds, withinMs } = this.options
    const begun = this.lots.reduce((sum, lot) => sum + lot.begun, 0)
    const isOver = this.elapsedMs >= withinMs || begun >= this.wanted
    // Every scenario has one seed at least, whatever the time.
    const open = this.lots.filter(lot => lot.begun === 0 || (!isOver && lot.begun < seeds))
    const before = Number.isFinite(seeds) ? (lot: Lot) => lot.begun : spentBy
    return open.reduce<Lot | undefined>((least, lot) => (least && before(least) <= before(lot) ? least : lot), undefined)
  }

  private took({ lot, seed }: Task, result: RunResult, worker: number): void {
    const failure = lot.tally.add(result)
    if (failure) this.options.onFailure?.(lot.tally.scenario, failure)
    if ((seed - this.options.first) % this.options.compareEvery === 0) this.again.push({ lot, seed, first: { result, worker } })
  }
}

/** With what its seeds under way are likely to take: unknown before the first has ended. */
function spentBy({ begun, ended, spentMs }: Lot): number {
  if (begun === 0) return 0
  return ended === 0 ? Number.POSITIVE_INFINITY : (spentMs / ended) * begun
}

function compare({ lot: { tally }, seed, first }: Task, again: RunResult): FailureGroup | undefined {
  const { result } = first!
  if (again.traceHash === result.traceHash && again.events === result.events) {
    tally.compared++
    return undefined
  }
  const sentence = `seed ${seed} gave two different runs: ${result.events} events (${result.traceHash}), then ${again.events} (${again.traceHash})`
  return tally.failed({ kind: 'nondeterminism', check: 'determinism', fingerprint: 'two traces', seed, sentence, result })
}
