/** A run under way, as operations, faults and checks see it. */
import type { History } from './checks/history.js'
import type { Json, Plan } from './plan/plan.js'
import type { World } from './world.js'

/** `unknown`: there was no evidence either way. */
export type Verdict = 'pass' | 'fail' | 'unknown'

/** `working`: operations and faults; `healing`: nothing is broken any more, and nothing new is asked; `settled`: all has converged. */
export type Phase = 'working' | 'healing' | 'settled'

/** What went against a check. */
export interface Finding {
  readonly check: string
  /** What makes two failures the same one: without times, values and names that shrinking may change. */
  readonly fingerprint: string
  /** One sentence for a person. */
  readonly sentence: string
  readonly details: Json
  readonly atMs: number
  /** How many events had happened. */
  readonly event: number
}

export interface Run {
  readonly plan: Plan
  readonly world: World
  readonly history: History
  /** True time since the start. */
  readonly nowMs: number
  readonly phase: Phase
  /** When all faults were healed for good; undefined while `working`. */
  readonly healedAtMs: number | undefined
  /** The check fails, and the run ends after this event. */
  fail(check: Named, fingerprint: string, sentence: string, details?: Json): void
  /** There was something to judge, and it held. The check passes unless it fails later. */
  pass(check: Named): void
  /** What there was is no evidence, and why; the check stays `unknown` unless it passes or fails. */
  unknown(check: Named, why: string): void
  /** A state worth reaching was reached (`sometimes`). */
  reached(name: string): void
  /** A line for the story of the run. */
  tell(actor: string, text: string): void
}

export interface Named {
  readonly name: string
}
