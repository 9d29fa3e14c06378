/**
 * What a run looked like, for the timeline: everything a person may want to point at, as JSON. A recording knows nothing of the world
 * that it was made from, so that it can be shown years later.
 */
import type { Json } from '../plan/plan.js'

export const recordingVersion = 1

export interface Recording {
  readonly version: typeof recordingVersion
  readonly scenario: string
  readonly seed: number
  /** Such as "failing" or "shrunk": tells two recordings on one page apart. */
  readonly label: string
  /** One sentence: what broke, or that nothing did. */
  readonly summary: string
  readonly verdicts: readonly RecordedVerdict[]
  /** True time at the start, in wall milliseconds. All other times are milliseconds since then. */
  readonly epochMs: number
  readonly untilMs: number
  /** When everything was healed; null: it never came to that. */
  readonly healedMs: number | null
  readonly actors: readonly RecordedActor[]
  readonly spans: readonly Span[]
  readonly faults: readonly RecordedFault[]
  readonly operations: readonly RecordedOperation[]
  readonly messages: readonly RecordedMessage[]
  /** Earlier messages, beyond the most that a recording holds. */
  readonly messagesLeftOut: number
  /** By name; the looks refer to them by index. */
  readonly spaces: readonly string[]
  /** By time. */
  readonly looks: readonly Look[]
  readonly looksLeftOut: number
  readonly failure: RecordedFailure | null
  /** What led to the failure, or the lines that the run told. */
  readonly story: readonly StoryLine[]
  readonly events: number
  readonly traceHash: string
}

export interface RecordedVerdict {
  readonly check: string
  readonly verdict: 'pass' | 'fail' | 'unknown'
  readonly sentence: string
}

/** A lane. */
export interface RecordedActor {
  readonly name: string
  /** Null: the relay. */
  readonly site: string | null
  /** Its node id: writers are named by it. */
  readonly node: string
}

/** A stretch in which an actor was not simply up. */
export interface Span {
  readonly actor: number
  readonly fromMs: number
  readonly toMs: number
  readonly state: 'down' | 'starting' | 'paused'
}

export interface RecordedFault {
  readonly id: string
  readonly kind: string
  readonly fromMs: number
  readonly toMs: number
  /** Whom it strikes; empty: everybody. */
  readonly actors: readonly number[]
  readonly args: Json
}

export interface RecordedOperation {
  readonly id: string
  readonly atMs: number
  readonly actor: number
  readonly kind: string
  readonly text: string
}

/** From, to, sent at, arrived at (null: never), bytes, and the kind of its frame (see `Kind` of the session). */
export type RecordedMessage = readonly [
  from: number,
  to: number,
  sentMs: number,
  arrivedMs: number | null,
  bytes: number,
  kind: number
]

/** What an event changed in one replica of a space, or in an actor's clock. Only what changed since the look before is there. */
export interface Look {
  readonly atMs: number
  readonly actor: number
  readonly space: number
  readonly hash?: string
  /** Writers whose covered seq rose, or all after a start (`anew`). */
  readonly vector?: Readonly<Record<string, number>>
  readonly registers?: readonly RecordedRegister[]
  /** Wall clock of the actor less true time. */
  readonly skewMs?: number
  /** The process has just started: nothing of an earlier look holds. */
  readonly anew?: boolean
}

/** Path, slot, value as it is shown (null: deleted), writer, seq. */
export type RecordedRegister = readonly [path: string, slot: string, value: string | null, writer: string, seq: number]

export interface RecordedFailure {
  readonly check: string
  readonly atMs: number
  readonly sentence: string
  readonly details: Json
}

export interface StoryLine {
  readonly atMs: number
  readonly actor: string
  readonly text: string
}
