/** What the parts of one space link share: who the peer is, what it covers, the writers named so far. */
import {
  covers,
  PeerView,
  WriterDictionary,
  type Intern,
  type Register,
  type VersionVector,
  type WriterKey
} from '@selvedge/documents'
import { LazyMap, type NodeId } from '@selvedge/core'
import { CatchUpTally } from './catch-up-tally.js'
import type { MemberRole } from './members.js'
import type { SessionSpace } from './session-space.js'

/** Sizes and times that tests make small, so that a handful of registers is cut up as a million would be. */
export interface SessionTuning {
  /** A frame of registers is closed once it has this many bytes. Default 48 KiB. */
  readonly registersFrameBytes: number
  /** A cut of more registers than this is a long one: live changes go ahead of it. Default 256. */
  readonly liveRegistersMax: number
  /** Runs of dots in one `have` message. Default 4,000. */
  readonly haveRunsPerFrame: number
  /** How long a register is left to its writer, which the peer hears for itself (SES-21), in milliseconds. Default 250. */
  readonly patienceMs: number
  /** How long a seal waits that tells nothing but what the peer hears for itself, unless it can go along, in milliseconds. Default 1,000. */
  readonly heardSealMs: number
  /** Between acks that nobody asked for, in milliseconds. Default 100. */
  readonly ackIntervalMs: number
  /** Between messages of members' vectors, in milliseconds. Default 50. */
  readonly membersIntervalMs: number
  /** The same of members that the peer hears for itself. Default 1,000. */
  readonly heardMembersIntervalMs: number
}

export const defaultTuning: SessionTuning = {
  registersFrameBytes: 48 * 1024,
  liveRegistersMax: 256,
  haveRunsPerFrame: 4_000,
  patienceMs: 250,
  heardSealMs: 1_000,
  ackIntervalMs: 100,
  membersIntervalMs: 50,
  heardMembersIntervalMs: 1_000
}

export interface LinkOptions {
  readonly space: SessionSpace
  /** Index of the space in this side's messages. */
  readonly index: number
  /** Number of the session: marks what came in it. */
  readonly source: number
  readonly peer: { readonly node: NodeId; readonly role: MemberRole }
  readonly nowMs: () => number
  /** Whether long cuts go in the order of their paths (SES-22). */
  readonly ranks: () => boolean
  /** Whether the peer is known to have a session of its own with a node. */
  readonly hears: (node: NodeId) => boolean
  readonly tuning: SessionTuning
}

export class LinkState {
  readonly space: SessionSpace
  readonly index: number
  readonly source: number
  readonly peer: LinkOptions['peer']
  readonly nowMs: () => number
  /** Whether long cuts go in the order of their paths (SES-22). */
  readonly ranks: () => boolean
  readonly hears: (node: NodeId) => boolean
  readonly tuning: SessionTuning
  readonly tally: CatchUpTally
  /** What the peer covers: its own words, and what this side has sealed to it. Decides what is owed. */
  readonly view = new PeerView()
  /** What the peer itself said that it covers. Decides rebuttals, conflicts and drops. */
  readonly said = new PeerView()
  // A writer's log belongs to one table, so each space names its writers for itself.
  readonly outgoing = new WriterDictionary()
  readonly incoming = new WriterDictionary()
  readonly peerFloors = new LazyMap<WriterKey, number>()
  /** The peer's vector and `have` are complete: it may be sent registers. */
  peerReady = false
  /** The peer's durable vector, by its own acks in this session. */
  acked: VersionVector | undefined
  readonly intern: Intern = key => this.space.table.writer(key)

  constructor(options: LinkOptions) {
    this.space = options.space
    this.index = options.index
    this.source = options.source
    this.peer = options.peer
    this.nowMs = options.nowMs
    this.ranks = options.ranks
    this.hears = options.hears
    this.tuning = options.tuning
    this.tally = new CatchUpTally(options.space, options.peer, options.nowMs)
  }

  /** The peer says that it covers this. */
  raiseView(vector: VersionVector): void {
    for (const [key, seq] of vector.seqs) {
      const writer = this.intern(key)
      this.view.raise(writer, seq)
      this.said.raise(writer, seq)
    }
    for (const [node, time] of vector.closed) {
      this.view.close(node, time)
      this.said.close(node, time)
    }
  }

  /** The peer says that it stores this: it covers it, so that it is owed no more. */
  raiseStored(vector: VersionVector): void {
    this.acked = vector
    for (const [key, seq] of vector.seqs) this.view.raise(this.intern(key), seq)
  }

  /** Whether the peer itself never said that it covers this side's floors: in a session it says so by its acks alone. */
  peerIsReturner(): boolean {
    for (const writer of this.space.table.writers.values())
      if (writer.floor > 0 && !this.said.covers(writer, writer.floor) && !this.peerStored({ writer, seq: writer.floor }))
        return true
    return false
  }

  /** Whether this replica does not cover the peer's floors. */
  isReturner(): boolean {
    for (const [key, seq] of this.peerFloors) if (!this.space.table.covers(this.intern(key), seq)) return true
    return false
  }

  /** Whether the peer may not hold what it covers (SES-23): it came back here, or is a delete that the peer may have dropped. */
  mayLack(register: Register): boolean {
    if (this.space.cameBack?.has(register)) return true
    return register.value === undefined && (this.peerFloors.get(register.writer.key) ?? 0) >= register.seq
  }

  /** Whether the peer's own acks say that it holds, or has held, the write durably. */
  peerStored(dot: Pick<Register, 'writer' | 'seq'>): boolean {
    return this.acked !== undefined && covers(this.acked, dot.writer, dot.seq)
  }
}
