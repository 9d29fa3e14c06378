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

export class DurabilityExchange {
  /** Registers received and not yet covered by a seal, with the change index after their merge. */
  private unacked: { writer: WriterLog; seq: number; changeIndex: number }[] = []
  private ackedVersion = -1
  private ackedVector: VersionVector | undefined
  private membersVersion = 0
  private readonly told = new LazyMap<NodeId, VersionVector>()
  private news: { member: Member; seqs: [WriterKey, number][] }[] = []

  constructor(private readonly link: LinkState) {}

  /** A register came that no seal covers yet: its dot is acknowledged apart. Beyond a limit it waits for the seal. */
  received(writer: WriterLog, seq: number): void {
    if (this.unacked.length < unackedMax) this.unacked.push({ writer, seq, changeIndex: this.link.space.table.changeIndex })
  }

  /** A seal moved the vector: what it covers needs no ack of its own. */
  sealed(): void {
    const { table } = this.link.space
    this.unacked = this.unacked.filter(dot => !table.covers(dot.writer, dot.seq))
  }

  /** An ack, when the store has made more durable since the last (I3). */
  nextAck(): Outgoing | undefined {
    const { durable } = this.link.space
    if (!this.link.peerReady || durable.version === this.ackedVersion) return undefined
    this.ackedVersion = durable.version
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

  /** Whether {@link nextMembers} may have something to say. */
  get hasNews(): boolean {
    return this.link.peerReady && (this.news.length > 0 || this.link.space.members.version !== this.membersVersion)
  }

  /** Members' durable vectors that the peer has not been told. */
  nextMembers(): Outgoing | undefined {
    const { members } = this.link.space
    if (!this.link.peerReady) return undefined
    if (this.news.length === 0 && members.version !== this.membersVersion) {
      for (const member of members.changedSince(this.membersVersion)) {
        if (
          member.node === this.link.peer.node ||
          member.node === this.link.space.table.node ||
          this.told.get(member.node) === member.vector
        )
          continue
        this.told.set(member.node, member.vector)
        for (const seqs of chunk([...member.vector.seqs], vectorSeqsPerFrame)) this.news.push({ member, seqs })
      }
      this.membersVersion = members.version
    }
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
    this.link.acked = next
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
