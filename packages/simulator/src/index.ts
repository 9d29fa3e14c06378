export { default as fc } from 'fast-check'
export { Kernel, type Happened } from './kernel.js'
export type { Check, CheckFactory } from './checks/check.js'
export { checkNames } from './checks/index.js'
export { allKinds, faultKinds, forgetful, harmless, untimely } from './faults/index.js'
export type { FaultKind } from './faults/fault.js'
export {
  hunt,
  mutantNamed,
  mutantProcess,
  mutants,
  scoreOf,
  type HuntOptions,
  type Mutant,
  type Outcome as MutantOutcome,
  type Score as MutationScore
} from './mutants/index.js'
export { themeOf as mutationScenarioOf } from './mutants/themes.js'
export * from './operations/index.js'
export { drawPlan } from './plan/draw-plan.js'
export { clockTime, milliseconds, shortly, type Duration } from './plan/duration.js'
export { failureReport } from './plan/failure-report.js'
export type { Json, Plan, PlannedFault, PlannedOperation, PlannedSite, PlannedWorld } from './plan/plan.js'
export { runPlan, type RunOptions, type RunResult } from './plan/run-plan.js'
export type { Judged } from './plan/run-record.js'
export { decodePlan, encodePlan, type SavedPlan } from './plan/saved-plan.js'
export {
  Scenario,
  scenario,
  type AnyScenario,
  type Judgement,
  type OperationChoice,
  type SiteChoice,
  type SwarmChoice,
  type WorkloadChoice
} from './plan/scenario.js'
export type { Scene, SceneNode, ServiceStart } from './plan/scene.js'
export { ScriptedFault, type FaultTime, type FaultTimes, type NodeName } from './plan/scripted-faults.js'
export { shrink, type ShrinkOptions, type ShrinkProgress, type Shrunk } from './plan/shrink.js'
export { causalStory, type StoryLine } from './plan/story.js'
export type { Finding, Named, Phase, Run, Verdict } from './run.js'
export type { LinkQuality } from './simulated-network.js'
export { readPlan, savePlan } from './system/plan-files.js'
export { timelineAssets } from './system/timeline-assets.js'
export { recordBeside, type Beside, type BesideOptions, type RecordedBeside } from './timeline/record-beside.js'
export type { Recording } from './timeline/recording.js'
export { timelinePage, type TimelineAssets } from './timeline/timeline-page.js'
export { SimulatedNode, SimulatedRelay, World, type WorldOptions } from './world.js'
