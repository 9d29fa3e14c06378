/**
 * What each side of a space link holds durably (I3, SES-11, SES-12): own acks, and members' vectors passed on.
 */
import { LazyMap, limits, nodeId, type ByteReader, type NodeId } from '@selvedge/core'
import {
  readHave,
  readVector,
  writeHave,
  writeVector,
  type DotRuns,
  type VersionVector,
  type WriterKey,
  type WriterLog
} from '@selvedge/documents'
import { bodyOf, Kind } from './frames.js'
import type { LinkState } from './link-state.js'
import type { Member } from './members.js'
import { chunk, runsOf, vectorSeqsPerFrame, type Outgoing } from './messages.js'

const unackedMax = 8_192
/** What was left to members is looked at though nothing is known to have changed, as often as this many of their intervals. */
const leftIntervals = 10

export class DurabilityExchange {
  /** Registers received and not yet covered by a seal, with the change index after their merge. */
  private unacked: { writer: WriterLog; seq: number; changeIndex: number }[] = []
  private ackedVersion = -1
  private ackedAt = Number.NEGATIVE_INFINITY
  /** Acks of commits up to this one are asked for. */
  private wantedVersion = -1
  private ackedVector: VersionVector | undefined
  private membersVersion = 0
  private membersAt = Number.NEGATIVE_INFINITY
  private heardMembersVersion = 0
  private heardMembersAt = Number.NEGATIVE_INFINITY
  /** Of a member's vector that changed since {@link heardMembersVersion} the peer was not told, as it hears the member. */
  private leftToMembers = false
  /** Since what was left was looked at. */
  private hearingChanged = false
  private readonly told = new LazyMap<NodeId, VersionVector>()
  private news: { member: Member; seqs: [WriterKey, number][] }[] = []

  constructor(private readonly link: LinkState) {}

  /** A register came that no seal covers yet: its dot is acknowledged apart. Beyond a limit it waits for the seal. */
  received(writer: WriterLog, seq: number): void {
    if (this.unacked.length < unackedMax) this.unacked.push({ writer, seq, changeIndex: this.link.space.table.changeIndex })
  }

  /** The peer may hear others than before. */
  hearsOthers(): void {
    this.hearingChanged = true
  }

  /** A seal moved the vector: what it covers needs no ack of its own. */
  sealed(): void {
    const { table } = this.link.space
    this.unacked = this.unacked.filter(dot => !table.covers(dot.writer, dot.seq))
  }

  /** The peer waits for what it sent to be durable: the commit under way may be without it, the one after has it. */
  wanted(): void {
    this.wantedVersion = this.link.space.durable.version + 2
    this.link.space.ackWanted?.()
  }

  /** An ack, when the store has made more durable since the last (I3): at once if it is asked for, else at its interval. */
  nextAck(now: number): Outgoing | undefined {
    if (this.ackDueAt > now) return undefined
    const { durable } = this.link.space
    this.ackedVersion = durable.version
    this.ackedAt = now
    const seqs = new Map<WriterKey, number>()
    for (const [key, seq] of durable.vector.seqs) if ((this.ackedVector?.seqs.get(key) ?? 0) !== seq) seqs.set(key, seq)
    const dots = this.takeDurableDots(durable.changeIndex)
    const reset = this.ackedVector !== undefined && [...this.ackedVector.seqs.keys()].some(key => !durable.vector.seqs.has(key))
    const first = this.ackedVector === undefined || reset
    this.ackedVector = durable.vector
    if (!first && seqs.size === 0 && dots.length === 0) return undefined
    return {
      kind: Kind.Ack,
      body: bodyOf(out => {
        out.uint(this.link.index).byte(first ? 1 : 0)
        writeVector(
          out,
          this.link.outgoing,
          { seqs: first ? durable.vector.seqs : seqs, closed: durable.vector.closed },
          this.link.intern
        )
        writeHave(out, this.link.outgoing, dots)
      })
    }
  }

  /** When an ack may be sent; infinite: there is none to send. */
  get ackDueAt(): number {
    const { version } = this.link.space.durable
    if (!this.link.peerReady || version === this.ackedVersion) return Number.POSITIVE_INFINITY
    return this.ackedVector === undefined || this.ackedVersion < this.wantedVersion
      ? Number.NEGATIVE_INFINITY
      : this.ackedAt + this.link.tuning.ackIntervalMs
  }

  /** Whether an ack that the peer asked for can be sent. */
  get isAsked(): boolean {
    return this.ackedVersion < this.wantedVersion && this.link.space.durable.version !== this.ackedVersion
  }

  private takeDurableDots(changeIndex: number): DotRuns[] {
    if (this.unacked.length === 0) return []
    const durable = this.unacked.filter(dot => dot.changeIndex <= changeIndex)
    this.unacked = this.unacked.filter(dot => dot.changeIndex > changeIndex)
    const byWriter = new Map<WriterLog, number[]>()
    for (const { writer, seq } of durable) {
      const seqs = byWriter.get(writer)
      if (seqs) seqs.push(seq)
      else byWriter.set(writer, [seq])
    }
    return [...byWriter].map(([writer, seqs]) => ({ writer, runs: runsOf(seqs.sort((a, b) => a - b)) }))
  }

  /** When members' vectors may be sent; infinite: there are none to send. */
  get membersDueAt(): number {
    const { version } = this.link.space.members
    if (!this.link.peerReady) return Number.POSITIVE_INFINITY
    if (this.news.length > 0) return Number.NEGATIVE_INFINITY
    return version === this.membersVersion ? Number.POSITIVE_INFINITY : this.membersAt + this.membersIntervalMs
  }

  // Receipts wait for a relay, not at it: what others hold it learns for GC.
  private get membersIntervalMs(): number {
    const { peer, tuning } = this.link
    return peer.role === 'relay' ? tuning.heardMembersIntervalMs : tuning.membersIntervalMs
  }

  /** Members' durable vectors that the peer has not been told. */
  nextMembers(now: number): Outgoing | undefined {
    if (!this.link.peerReady) return undefined
    // What was left is looked at when the peer may hear others than before; and, should nobody have said so, now and then.
    const again =
      this.leftToMembers &&
      (this.hearingChanged || this.heardMembersAt + leftIntervals * this.link.tuning.heardMembersIntervalMs <= now)
    if (!again && this.membersDueAt > now) return undefined
    if (this.news.length === 0) this.gatherMembers(now, again)
    const next = this.news.shift()
    if (!next) return undefined
    return {
      kind: Kind.Members,
      body: bodyOf(out => {
        out.uint(this.link.index).string(next.member.node)
        out.byte(next.member.role === 'relay' ? 1 : 0)
        writeVector(out, this.link.outgoing, { seqs: new Map(next.seqs), closed: next.member.vector.closed }, this.link.intern)
      })
    }
  }

  // What the peer hears from the member itself is left to that, as long as it does.
  private gatherMembers(now: number, again: boolean): void {
    if (again) this.hearingChanged = false
    const { members } = this.link.space
    const { peer, hears } = this.link
    let left = this.leftToMembers && !again
    for (const member of members.changedSince(again ? this.heardMembersVersion : this.membersVersion)) {
      if (member.node === peer.node || member.node === this.link.space.table.node || this.told.get(member.node) === member.vector)
        continue
      if (hears(member.node)) {
        left = true
        continue
      }
      this.told.set(member.node, member.vector)
      for (const seqs of chunk([...member.vector.seqs], vectorSeqsPerFrame)) this.news.push({ member, seqs })
    }
    this.membersVersion = members.version
    this.membersAt = now
    if (!this.leftToMembers || again) this.heardMembersAt = now
    if (!left) this.heardMembersVersion = members.version
    this.leftToMembers = left
  }

  receiveAck(reader: ByteReader): void {
    const first = reader.byte() === 1
    const vector = readVector(reader, this.link.incoming, this.link.intern)
    const dots = readHave(reader, this.link.incoming, this.link.intern)
    const { members } = this.link.space
    const { node, role } = this.link.peer
    const seqs = new Map(first ? undefined : this.link.acked?.seqs)
    for (const [key, seq] of vector.seqs) seqs.set(key, seq)
    const next: VersionVector = { seqs, closed: vector.closed }
    this.told.set(node, next)
    this.link.raiseStored(next)
    members.learn(node, role, next, this.link.nowMs(), true)
    if (dots.length > 0) members.learnDots(node, dots)
  }

  receiveMembers(reader: ByteReader): void {
    const node = nodeId(reader.string(limits.nodeIdLengthMax, 'a node id'))
    const role = reader.byte() === 1 ? 'relay' : 'node'
    const vector = readVector(reader, this.link.incoming, this.link.intern)
    if (node === this.link.space.table.node || !this.link.space.admitsMember(node)) return
    if (this.link.space.members.learn(node, role, vector, this.link.nowMs()))
      this.told.set(node, this.link.space.members.get(node)!.vector)
  }
}
