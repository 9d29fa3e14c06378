/** What the command and its worker processes say to one another. */
import type { Beside, Plan, RunResult, ShrinkProgress, StoryLine } from '@selvedge/simulator'

/** A scenario of a file, as whoever does not load it knows it. */
export interface ScenarioSummary {
  readonly file: string
  readonly name: string
  readonly shows: string
  /** What `sometimes` names. */
  readonly moments: readonly string[]
}

export type Order =
  | { readonly type: 'list'; readonly file: string }
  | { readonly type: 'run'; readonly file: string; readonly scenario: string; readonly seed: number }
  | {
      readonly type: 'replay'
      readonly file: string
      readonly scenario: string
      readonly plan: Plan | number
      readonly untilMs: number | undefined
    }
  | {
      readonly type: 'shrink'
      readonly file: string
      readonly scenario: string
      readonly plan: Plan | number
      readonly withinMs: number
    }
  | {
      readonly type: 'open'
      readonly file: string
      readonly scenario: string
      readonly plan: Plan | number
      readonly beside: Beside
      readonly withinMs: number
    }

export interface Answers {
  readonly list: readonly ScenarioSummary[]
  readonly run: RunResult
  readonly replay: { readonly plan: Plan; readonly result: RunResult }
  /** `undefined`: the plan does not fail. */
  readonly shrink:
    { readonly plan: Plan; readonly result: RunResult; readonly runs: number; readonly finished: boolean } | undefined
  /** `beside`: what the other run on the page is, if there is one. */
  readonly open: { readonly page: string; readonly result: RunResult; readonly beside: string | undefined }
}

export type News =
  | { readonly type: 'answer'; readonly answer: Answers[keyof Answers] }
  | { readonly type: 'error'; readonly message: string }
  | { readonly type: 'line'; readonly line: StoryLine }
  | { readonly type: 'shrinking'; readonly progress: ShrinkProgress }
