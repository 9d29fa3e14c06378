/**
 * A space as its users see it: points, shared documents, config, conflicts and quarantine. Nodes and cloud services get the same.
 */
import { documentId, SelvedgeError, type SpaceId } from '@selvedge/core'
import type { AnyPointSchema, AutomergeDocument, AutomergeDocumentOptions, Register, YjsDocument } from '@selvedge/documents'
import type { ConflictRecord } from './conflict-log.js'
import { replicaErrors } from './errors.js'
import type { HealReport } from './heal-reports.js'
import { Points, type PointsContext } from './points.js'
import { documentDurable } from './document-receipts.js'
import type { DurabilityLevel, Receipt } from './receipts.js'
import type { SpaceReplica } from './space-replica.js'

/** The two ends of a merge begin and end it this far apart at most, in milliseconds. */
const windowMs = 2_000

/** A conflict, with what it takes to undo it. */
export interface RestorableConflict extends ConflictRecord {
  /** Writes the loser's value anew, as a write of now that wins everywhere. */
  restore(): Receipt
}

export interface HealReportWithConflicts extends HealReport {
  /** The newest conflicts judged in this merge. */
  readonly losers: readonly RestorableConflict[]
}

/** A write held back because its stamp is too far ahead of trusted time (I5). */
export interface HeldBack {
  readonly path: string
  readonly slot: string
  readonly value: Register['value']
  readonly writer: string
  /** By how many milliseconds the writer's clock is ahead. */
  readonly aheadMs: number
}

export class SpaceApi<S extends AnyPointSchema = AnyPointSchema> {
  readonly points: Points<S>

  constructor(
    readonly replica: SpaceReplica,
    schema: S | undefined,
    context: PointsContext
  ) {
    this.points = new Points<S>(replica, schema, context)
  }

  get id(): SpaceId {
    return this.replica.id
  }

  /**
   * A shared document: the real `Y.Doc`, for any Yjs binding. It may be edited at once; what is stored and what peers have is merged
   * in when it arrives.
   */
  document(id: string): YjsDocument {
    return this.replica.documents.openYjs(documentId(id))
  }

  /** A config document (Automerge): audited, with history, released versions and rollback. */
  config(id: string, options?: AutomergeDocumentOptions): Promise<AutomergeDocument> {
    return this.replica.documents.openAutomerge(documentId(id), options)
  }

  /**
   * Resolves once every edit of a document made here so far is durable: fsynced here, on another node, on the relay.
   * @throws SelvedgeError `RECEIPT_ABORTED` when the signal aborts; the edits stand and go on being replicated
   */
  documentDurable(id: string, level: DurabilityLevel, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { documents, role } = this.replica
    return documentDurable({ documents, id: documentId(id), level, role, signal: options.signal })
  }

  /** Conflicts recorded by any replica, newest first, at most 1,000. */
  conflicts(max?: number): RestorableConflict[] {
    return this.replica.conflicts.newest(max).map(record => ({ ...record, restore: () => this.restore(record) }))
  }

  /**
   * Writes the loser of a conflict anew.
   * @throws SelvedgeError `CONFLICT_UNKNOWN` when the loser's value was too large to be kept
   */
  restore(record: ConflictRecord): Receipt {
    if (record.valueLeftOut)
      throw new SelvedgeError(replicaErrors.conflictUnknown, `the losing value of ${record.path} was too large to be kept`, {
        details: { path: record.path }
      })
    const { table } = this.replica
    const { value } = record.loser
    return this.replica.receipt(
      value === undefined ? table.delete(record.path, record.slot) : table.set(record.path, value, { slot: record.slot })
    )
  }

  /** Heal reports of every replica of this space, newest first, with the conflicts that they judged. */
  healReports(): HealReportWithConflicts[] {
    const conflicts = this.conflicts()
    return this.replica.healReports().map(report => {
      // Which end sees a conflict depends on whose seal came first: what either end recorded meanwhile belongs to this merge.
      const endMs = report.atMs + report.durationMs + windowMs
      const losers = conflicts.filter(
        ({ seenBy, seenAtMs }) =>
          (seenBy === report.by || seenBy === report.peer) && seenAtMs >= report.atMs - windowMs && seenAtMs <= endMs
      )
      return { ...report, conflicts: Math.max(report.conflicts, losers.length), losers }
    })
  }

  /** Writes held back because their stamps are too far ahead. */
  heldBack(): HeldBack[] {
    const { table } = this.replica
    return [...table.shadows.values()].map(shadow => ({
      path: shadow.path,
      slot: shadow.slot,
      value: shadow.value,
      writer: shadow.writer.node,
      aheadMs: Math.round(shadow.time / 4096 - table.skewLimit() / 4096 + table.trusted.maxClockSkewMs)
    }))
  }

  /**
   * Obeys a write that is held back: it is written anew with a stamp of now.
   * @throws SelvedgeError `SHADOW_UNKNOWN`
   */
  releaseHeldBack(path: string, slot = ''): Receipt {
    return this.onShadow(path, this.replica.table.releaseShadow(path, slot))
  }

  /**
   * Discards a write that is held back, everywhere and for good.
   * @throws SelvedgeError `SHADOW_UNKNOWN`
   */
  discardHeldBack(path: string, slot = ''): Receipt {
    return this.onShadow(path, this.replica.table.discardShadow(path, slot))
  }

  private onShadow(path: string, result: ReturnType<SpaceReplica['table']['discardShadow']>): Receipt {
    if (!result) throw new SelvedgeError(replicaErrors.shadowUnknown, `nothing is held back at ${path}`, { details: { path } })
    return this.replica.receipt(result)
  }
}
