/**
 * What a benchmark answers: one row a figure, ours beside a peer or a floor measured in the same run. A row is data; how it is
 * shown is `results-table.ts`'s matter.
 */
import type { Sample } from './sample.js'

/** A measured figure: the median of its rounds and how far they spread. */
export interface Figure {
  /** What was measured: `selvedge`, `Y.Map`, `bare libp2p streams`. */
  readonly name: string
  readonly value: number
  /** A unit that the table knows how to show: `/s`, `ms`, `B`, `KB`, `MiB`, `µs`, or a word such as `B/point`. */
  readonly unit: string
  readonly min: number
  readonly max: number
  readonly rounds: number
}

export interface Row {
  /** The id of the question: its file's name. */
  readonly question: string
  /** What is asked, in a few words, as the table's first column. */
  readonly title: string
  readonly ours: Figure
  /** The peer or the floor of the same run; several where several are worth seeing, the target's first. */
  readonly beside: readonly Figure[]
  /** `ours / beside[0]`; `null` where the target is an absolute amount. */
  readonly ratio: number | null
  /** The target, in words: `≥ 0.5× the Map`. */
  readonly target: string
  readonly reached: boolean
  /** Sizes, distributions, durations: what someone needs to repeat it. */
  readonly conditions: string
  /** Where the row stands in a series that a chart draws: `at` is its place, such as the number of overwrites. */
  readonly series?: { readonly name: string; readonly at: number }
  /** What else the reader should know; of a row not reached: what the profile shows and what it would take. */
  readonly note?: string
}

/** A benchmark: one file of `questions/`, run in a process of its own. */
export interface Question {
  run(bench: Bench): Promise<Row[]> | Row[]
}

/** What a question is given. */
export interface Bench {
  /** The question's id. */
  readonly id: string
  /** True for `--quick`: few and short rounds, to see that it runs; the figures mean little. */
  readonly quick: boolean
  /** Shows what is being done, on the terminal's last line. */
  progress(text: string): void
}

/** The figure of one sample. */
export function figure(name: string, unit: string, sample: Sample): Figure {
  return { name, unit, value: sample.median, min: sample.min, max: sample.max, rounds: sample.values.length }
}

export type Target =
  | { readonly atLeast: number; readonly times: string }
  | { readonly atMost: number; readonly times: string }
  | { readonly atLeast: number; readonly unit: string }
  | { readonly atMost: number; readonly unit: string }

/** A row against one target: a multiple of `beside[0]` (`times` names it) or an amount of `unit`. */
export function row(bench: Bench, answer: Omit<Row, 'question' | 'ratio' | 'target' | 'reached'>, target: Target): Row {
  const { ours, beside } = answer
  const ratio = beside[0]?.value ? ours.value / beside[0].value : null
  const measured = 'times' in target ? ratio : ours.value
  if (measured === null) throw new Error(`${bench.id}: a target in multiples needs something beside it`)
  const limit = 'atLeast' in target ? target.atLeast : target.atMost
  return {
    question: bench.id,
    ...answer,
    ratio,
    target: `${'atLeast' in target ? '≥' : '≤'} ${'times' in target ? `${limit}× ${target.times}` : `${limit.toLocaleString('en')} ${target.unit}`}`,
    reached: 'atLeast' in target ? measured >= limit : measured <= limit
  }
}
