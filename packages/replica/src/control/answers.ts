/** What the routes of a space answer, as their clients read it. Bytes in values are `{ "$bytes": base64 }`. */
import type { NodeId, Value } from '@selvedge/core'
import type { ConfigChange, ConfigConflict, ConfigRelease, DocumentStatus, Dot, EngineName, Quality } from '@selvedge/documents'
import type { PointChange } from '../changes.js'
import type { HealReport } from '../heal-reports.js'
import type { Reading } from '../points.js'
import type { Reached } from '../receipts.js'

export interface ReadingAnswer extends Reading {
  readonly path: string
  /** As the point's definition says: `°C`. */
  readonly unit?: string
}

export interface WriteAnswer {
  readonly dot: Dot
  /** The node's clock is too far ahead of its peers': the write is held back. */
  readonly shadowed: boolean
  readonly reached: Reached
}

export interface ChangeAnswer extends PointChange {
  readonly writerName: string
  readonly unit?: string
}

export interface ConflictSideAnswer {
  /** Absent: a delete. */
  readonly value?: Value
  readonly quality: Quality
  /** Wall milliseconds of the write, by its writer's clock. */
  readonly atMs: number
  readonly writer: NodeId
  readonly writerName: string
}

export interface ConflictAnswer {
  /** For `POST /conflicts/restore`. */
  readonly id: string
  readonly site: string
  readonly space: string
  readonly path: string
  readonly slot: string
  readonly loser: ConflictSideAnswer
  readonly winner: ConflictSideAnswer
  readonly seenAtMs: number
  readonly seenByName: string
  /** Whether the loser's value stands again. */
  readonly restored: boolean
  /** The loser's value was too large to be kept: it can't be restored. */
  readonly valueLeftOut: boolean
}

export interface HealAnswer extends HealReport {
  readonly site: string
  readonly space: string
  readonly byName: string
  readonly peerName: string
  /** Ids of the conflicts judged in it. */
  readonly losers: readonly string[]
}

export interface HeldBackAnswer {
  readonly site: string
  readonly space: string
  readonly path: string
  readonly slot: string
  readonly value?: Value
  readonly writer: string
  readonly writerName: string
  /** By how many milliseconds its writer's clock is ahead. */
  readonly aheadMs: number
}

export interface PriorityAnswer {
  readonly path: string
  readonly unit?: string
  readonly current: PriorityLevelAnswer
  readonly levels: readonly PriorityLevelAnswer[]
}

export interface PriorityLevelAnswer extends Partial<Omit<Reading, 'value'>> {
  /** 1 to 16; absent: the relinquish default. */
  readonly level?: number
  readonly value: Value
}

export interface DocumentAnswer {
  readonly id: string
  readonly engine: EngineName
  readonly status: DocumentStatus
}

export interface ShownDocumentAnswer extends DocumentAnswer {
  /** Shared types by name: maps as objects, arrays as lists, texts as strings. */
  readonly content: Readonly<Record<string, unknown>>
}

export interface ConfigAnswer {
  readonly id: string
  readonly status: DocumentStatus
  /** The newest content, whether released or not. */
  readonly current: unknown
  /** What services apply: absent before the first release. */
  readonly released?: unknown
  readonly release?: ConfigRelease
  /** A newer release whose changes have not all arrived. */
  readonly pending?: ConfigRelease
  /** Name `current`. */
  readonly heads: readonly string[]
}

export interface ConfigHistoryAnswer {
  readonly changes: readonly (ConfigChange & { readonly authorName?: string; readonly released: boolean })[]
  readonly heads: readonly string[]
}

export interface ConfigConflictsAnswer {
  readonly conflicts: readonly (Omit<ConfigConflict, 'values'> & {
    readonly values: readonly (ConfigConflict['values'][number] & { readonly authorName?: string })[]
  })[]
}

export interface ConfigChangeAnswer {
  /** Absent: nothing changed. */
  readonly change?: ConfigChange
  readonly heads: readonly string[]
  /** Whether services apply it now. */
  readonly released: boolean
}
