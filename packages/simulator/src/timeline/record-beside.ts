/** A run for the timeline, and beside it one that is alike and tells what matters: the smallest that fails so, or one that passes. */
import { drawPlan } from '../plan/draw-plan.js'
import { milliseconds } from '../plan/duration.js'
import type { Plan } from '../plan/plan.js'
import { runPlan, type RunResult } from '../plan/run-plan.js'
import type { AnyScenario } from '../plan/scenario.js'
import { shrink, type ShrinkOptions } from '../plan/shrink.js'
import { causalLines } from '../plan/story.js'
import type { Run } from '../run.js'
import { wallMs } from '../system/wall-time.js'
import { Recorder } from './recorder.js'
import type { Recording } from './recording.js'

/** What a failing run is shown beside. */
export type Beside = 'shrunk' | 'passing' | 'nothing'

export interface BesideOptions extends Pick<ShrinkOptions, 'within' | 'onProgress'> {
  readonly beside: Beside
}

export interface RecordedBeside {
  readonly result: RunResult
  readonly recordings: readonly [Recording, Recording?]
}

/** Lines of a run that passes. */
const linesMax = 200
/** So many seeds are tried for one that passes. */
const otherSeeds = 20

/** Records a plan; if it fails, another run beside it. A plan that can't be made smaller is shown beside one that passes. */
export async function recordBeside(scenario: AnyScenario, plan: Plan, options: BesideOptions): Promise<RecordedBeside> {
  const { result, recording } = await recordPlan(scenario, plan, '')
  if (!result.finding || options.beside === 'nothing') return { result, recordings: [recording] }
  const small = options.beside === 'shrunk' ? await smaller(scenario, plan, result, options) : undefined
  const other = small ? (await recordPlan(scenario, small, 'shrunk')).recording : await passing(scenario, plan, options)
  return { result, recordings: other ? [{ ...recording, label: 'failing' }, other] : [recording] }
}

async function smaller(scenario: AnyScenario, plan: Plan, result: RunResult, options: ShrinkOptions): Promise<Plan | undefined> {
  const small = await shrink(scenario, plan, result, options)
  const size = ({ operations, faults }: Plan): number => operations.length + faults.length
  return size(small.plan) < size(plan) ? small.plan : undefined
}

async function passing(scenario: AnyScenario, plan: Plan, { within = '60s' }: BesideOptions): Promise<Recording | undefined> {
  const endMs = wallMs() + milliseconds(within)
  if (plan.faults.length > 0) {
    const calm = await recordPlan(scenario, { ...plan, faults: [] }, 'without its faults')
    if (!calm.result.finding) return calm.recording
  }
  for (let seed = plan.seed + 1; seed <= plan.seed + otherSeeds && wallMs() < endMs; seed++) {
    const { result, recording } = await recordPlan(scenario, drawPlan(scenario, seed), `seed ${seed}`)
    if (!result.finding) return recording
  }
  return undefined
}

async function recordPlan(
  scenario: AnyScenario,
  plan: Plan,
  label: string
): Promise<{ readonly result: RunResult; readonly recording: Recording }> {
  let watched: { readonly run: Run; readonly recorder: Recorder } | undefined
  const result = await runPlan(scenario, plan, {
    watch: run => {
      watched = { run, recorder: new Recorder(run.world) }
      return watched.recorder
    }
  })
  const { run, recorder } = watched!
  const { finding, story, verdicts } = result
  const recording = recorder.finish({
    scenario: scenario.name,
    label,
    summary: finding?.sentence ?? 'nothing fails',
    verdicts: Object.entries(verdicts).map(([check, { verdict, why }]) => ({
      check,
      verdict,
      sentence: (verdict === 'fail' ? finding?.sentence : why) ?? ''
    })),
    healedMs: run.healedAtMs ?? null,
    failure: finding ? { check: finding.check, atMs: finding.atMs, sentence: finding.sentence, details: finding.details } : null,
    story: finding ? causalLines(story, finding).kept : story.slice(0, linesMax),
    faults: plan.faults
  })
  return { result, recording }
}
