/**
 * What one space's catch-up did, for the heal report: what came and went, what conflicted, what came back from the dead. The catch-up
 * is over when both sides have sealed once; what comes back or is dropped later, in a full compare, is reported when it happens.
 */
import { addressOf, isSystemPath, type Entry } from '@selvedge/documents'
import type { Conflict } from './contests.js'
import type { SessionSpace } from './session-space.js'
import type { MemberRole } from './members.js'
import { LazySet, type NodeId } from '@selvedge/core'

const reportedConflictsMax = 1_000
const listedMax = 1_000
const documentPrefix = '@doc/'

export class CatchUpTally {
  /** Since the session began: also for status. */
  readonly counts = { received: 0, applied: 0, sent: 0, conflicts: 0, dropped: 0 }
  private reported = { ...this.counts }
  private returned: string[] = []
  private found: Conflict[] = []
  private readonly documents = new LazySet<string>()
  private sealsIn = 0
  private sealsOut = 0
  private over = false
  private readonly startedAtMs: number

  constructor(
    private readonly space: SessionSpace,
    private readonly peer: { readonly node: NodeId; readonly role: MemberRole },
    private readonly nowMs: () => number
  ) {
    this.startedAtMs = nowMs()
  }

  /** Whether both sides have sealed once. */
  get isOver(): boolean {
    return this.over
  }

  /** A catalogue entry came or went. */
  notePath(path: string): void {
    if (!this.over && path.startsWith(documentPrefix) && this.documents.size < listedMax)
      this.documents.add(path.slice(documentPrefix.length))
  }

  /** A register that had been deleted is there again. */
  noteReturned(entry: Entry): void {
    if (this.returned.length < listedMax && !isSystemPath(entry.path) && !this.space.table.isExpired(entry))
      this.returned.push(addressOf(entry.path, entry.slot))
  }

  noteConflict(conflict: Conflict): void {
    this.counts.conflicts++
    if (!this.over && this.found.push(conflict) > 2 * reportedConflictsMax) this.found.splice(0, reportedConflictsMax)
  }

  sealSent(): void {
    this.sealsOut++
    this.check()
  }

  /** Returns whether it was the first. */
  sealReceived(): boolean {
    return ++this.sealsIn === 1
  }

  /** Ends the catch-up once both sides have sealed. */
  check(): void {
    if (this.over || this.sealsIn === 0 || this.sealsOut === 0) return
    this.over = true
    this.report()
  }

  /** Tells what came back or was dropped since the last report, if anything did: in a full compare, or in a session cut short. */
  reportRest(): void {
    if (this.returned.length > 0 || this.counts.dropped > this.reported.dropped) this.report()
  }

  private report(): void {
    const { counts, reported, returned } = this
    const { node, role } = this.peer
    this.reported = { ...counts }
    this.returned = []
    this.space.caughtUp({
      peer: node,
      role,
      startedAtMs: this.startedAtMs,
      durationMs: this.nowMs() - this.startedAtMs,
      registersReceived: counts.received - reported.received,
      registersApplied: counts.applied - reported.applied,
      registersSent: counts.sent - reported.sent,
      conflicts: counts.conflicts - reported.conflicts,
      newestConflicts: this.found.splice(0).slice(-reportedConflictsMax),
      documents: [...this.documents],
      returned,
      dropped: counts.dropped - reported.dropped
    })
    this.documents.clear()
  }
}
