/**
 * A scenario as a test of vitest. A failure says in one sentence what broke, tells in at most ten lines how it came to that, and how to
 * see it again.
 *
 * @example
 * simTest('lighting survives the trunk', scenario, { seeds: 50 })
 */
import { it } from 'vitest'
import { drawPlan } from '../plan/draw-plan.js'
import { milliseconds, type Duration } from '../plan/duration.js'
import { failureReport } from '../plan/failure-report.js'
import type { Plan } from '../plan/plan.js'
import { runPlan, type RunResult } from '../plan/run-plan.js'
import type { AnyScenario } from '../plan/scenario.js'
import { shrink } from '../plan/shrink.js'
import { readPlan, savePlan } from '../system/plan-files.js'
import { environment } from '../system/test-environment.js'
import { wallMs } from '../system/wall-time.js'

export interface SimTestOptions {
  /** Default 50. */
  readonly seeds?: number
  /** The first seed. Default 1. */
  readonly first?: number
  /** No further seed is begun after this much real time. Default 20 s. */
  readonly time?: Duration
  /** Real time for making a failing plan small. Default 20 s. */
  readonly shrinkWithin?: Duration
  /** Where plans of failures are kept. Default `.selvedge/failures`. */
  readonly failures?: string
}

/** One test that runs many seeds, one after the other. `SELVEDGE_PLAN` replays one plan instead, `SELVEDGE_SEED` one seed. */
export function simTest(name: string, scenario: AnyScenario, options: SimTestOptions = {}): void {
  const { seeds = 50, first = 1, time = '20s', shrinkWithin = '20s', failures = '.selvedge/failures' } = options
  const budgetMs = milliseconds(time)
  it(name, { timeout: 4 * (budgetMs + milliseconds(shrinkWithin)) + 60_000 }, async ({ task, annotate }) => {
    const replayed = replayedPlan(scenario)
    if (replayed) return passed(await runPlan(scenario, replayed), 'as above')
    const startedMs = wallMs()
    const reached = new Set<string>()
    let run = 0
    for (; run < seeds && (run === 0 || wallMs() - startedMs < budgetMs); run++) {
      const plan = drawPlan(scenario, first + run)
      const result = await runPlan(scenario, plan)
      for (const moment of result.reached) reached.add(moment)
      if (!result.finding) continue
      const small = await shrink(scenario, plan, result, { within: shrinkWithin })
      const { check, fingerprint, sentence } = small.result.finding!
      const path = savePlan(failures, { ...small.plan, failure: { check, fingerprint, sentence } })
      passed(small.result, `SELVEDGE_PLAN=${path} npx vitest run ${task.file.name} -t ${JSON.stringify(name)}`)
    }
    await annotate(`${run} of ${seeds} seeds`)
    const never = scenario.definition.moments.map(moment => moment.name).filter(moment => !reached.has(moment))
    if (never.length > 0 && run === seeds) throw new Error(`in ${run} seeds this was never reached: ${never.join('; ')}`)
  })
}

function replayedPlan(scenario: AnyScenario): Plan | undefined {
  const { plan, seed } = environment()
  if (plan !== undefined) return readPlan(plan).plan
  return seed === undefined ? undefined : drawPlan(scenario, seed)
}

/** @throws the report of a run that failed */
function passed(result: RunResult, replay: string): void {
  if (!result.finding) return
  const error = new Error(failureReport(result, replay))
  // Where it was thrown tells nothing.
  error.stack = error.message
  throw error
}
