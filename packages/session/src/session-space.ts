/** What a session needs of a space that it synchronises: the replica provides it, tests make it by hand. */
import type { NodeId, SpaceId } from '@selvedge/core'
import type { RegisterTable, VersionVector } from '@selvedge/documents'
import type { CameBack } from './came-back.js'
import type { Conflict, Contests } from './contests.js'
import type { MemberRole, MemberTable } from './members.js'

export interface SessionSpace {
  readonly id: SpaceId
  readonly table: RegisterTable
  readonly members: MemberTable
  /** What the store holds durably, as of the last commit. */
  readonly durable: DurableState
  /** Rises with each receipt that begins to wait for another replica: the next seal asks for an ack (SES-11). Default: none waits. */
  readonly awaited?: number
  /** A peer asks for an ack: what it sent should be durable soon. */
  ackWanted?(): void
  /** Opens the documents' side of one session; undefined when the space has no documents. */
  openDocuments?(peer: DocumentPeer): DocumentLink
  /** Whether a node may be a member: its durable vector counts for receipts and GC. */
  admitsMember(node: NodeId): boolean
  /** Entries of one frame were merged. */
  merged(count: number): void
  /** A seal moved the vector, or a first seal came: this replica has had all that the peer had at the session's start. */
  sealed(peer: NodeId, first: boolean): void
  conflict(conflict: Conflict): void
  /** Contests of sessions that ended before their seal. Default: none are kept, and nothing is recorded of them. */
  readonly leftContests?: Contests
  /** What came back in any session, and goes on in the others. Default: nothing does by itself, and a full compare finds it. */
  readonly cameBack?: CameBack
  /**
   * Both sides have sealed once since the session began: the catch-up is over. Called again for what a full compare brought back
   * later, and at the end of a session that was cut before, if registers came back or were dropped by then.
   */
  caughtUp(report: CatchUpReport): void
  /** The hashes differ though nothing is owed (I7); a full compare has begun. */
  diverged(peer: NodeId): void
  /** The hashes were found equal. */
  matched(peer: NodeId): void
}

export interface DurableState {
  readonly vector: VersionVector
  /** Every register whose change index is not above this is stored in that form or a later one. */
  readonly changeIndex: number
  /** Rises with every commit. */
  readonly version: number
}

/** The other end, as the documents' side of a session sees it. */
export interface DocumentPeer {
  readonly node: NodeId
  readonly role: MemberRole
  /** There is something to send. */
  readonly onPending: () => void
  /** What the peer sent turned out to be bad after the fact: the session closes. */
  readonly onFault: (error: Error) => void
}

/** The documents' side of one session: see `DocumentChannel` in `@selvedge/documents`. */
export interface DocumentLink {
  receive(message: Uint8Array): void
  next(): Uint8Array | undefined
  close(): void
}

/** What a session's catch-up did, since the last report of that session: the material of a heal report. */
export interface CatchUpReport {
  readonly peer: NodeId
  readonly role: MemberRole
  readonly startedAtMs: number
  readonly durationMs: number
  readonly registersReceived: number
  readonly registersApplied: number
  readonly registersSent: number
  readonly conflicts: number
  /** The newest of them, at most 1,000. */
  readonly newestConflicts: readonly Conflict[]
  /** Ids of documents whose catalogue changed on either side. */
  readonly documents: readonly string[]
  /**
   * Addresses that a late returner, or a full compare, filled on a replica that held nothing there (I6): registers whose delete
   * every other member had dropped, or that the returner wrote while away. Which of the two can't be told once a delete is dropped.
   */
  readonly returned: readonly string[]
  readonly dropped: number
}
