/**
 * What members of a space are known to hold durably. It serves receipts and tombstone GC alone: what a peer is owed never follows
 * from it (I2). Vectors are learnt from a member's own acks, or forwarded by others.
 */
import type { NodeId } from '@selvedge/core'
import { covers, dominates, joinVectors, type DotRuns, type VersionVector, type WriterLog } from '@selvedge/documents'

export type MemberRole = 'node' | 'relay'

export interface Member {
  readonly node: NodeId
  readonly role: MemberRole
  readonly vector: VersionVector
  /** Wall milliseconds (trusted) at which its vector last rose or was seen to lack nothing. */
  readonly progressAtMs: number
}

/** Runs of dots remembered of one member, whatever their length. */
const runsMax = 8_192

type Run = readonly [first: number, count: number]

export class MemberTable {
  private readonly members = new Map<NodeId, Member & { version: number }>()
  private readonly words = new Map<NodeId, VersionVector>()
  private readonly dots = new Map<NodeId, Map<WriterLog, Run[]>>()
  private changes = 0
  private readonly listeners = new Set<(member: Member, fromItself: boolean) => void>()

  /** Rises with every change. */
  get version(): number {
    return this.changes
  }

  /** Takes up what a member is said to hold. A vector that does not rise changes nothing, unless the member itself restarts lower. */
  learn(node: NodeId, role: MemberRole, vector: VersionVector, nowMs: number, fromItself = false): boolean {
    if (fromItself) this.words.set(node, vector)
    const known = this.members.get(node)
    const next = known && !fromItself ? joinVectors(known.vector, vector) : vector
    if (known && dominates(known.vector, next) && dominates(next, known.vector)) return false
    this.tell(node, { node, role, vector: next, progressAtMs: nowMs, version: ++this.changes }, fromItself)
    return true
  }

  /** Dots that a member holds durably above its vector. Bounded: beyond that, receipts wait for the vector. */
  learnDots(node: NodeId, dots: readonly DotRuns[]): void {
    const member = this.members.get(node)
    const kept = new Map<WriterLog, Run[]>()
    let left = runsMax
    const keep = (writer: WriterLog, runs: readonly Run[]): void => {
      const list = kept.get(writer) ?? []
      for (const [first, count] of runs) {
        if (member && covers(member.vector, writer, first + count - 1)) continue
        const last = list.at(-1)
        if (last && last[0] + last[1] === first) list[list.length - 1] = [last[0], last[1] + count]
        else if (left-- > 0) list.push([first, count])
        else return
      }
      if (list.length > 0) kept.set(writer, list)
    }
    for (const [writer, runs] of this.dots.get(node) ?? []) keep(writer, runs)
    for (const { writer, runs } of dots) keep(writer, runs)
    this.dots.set(node, kept)
    this.changes++
    if (member) for (const listener of this.listeners) listener(member, true)
  }

  private tell(node: NodeId, member: Member & { version: number }, fromItself: boolean): void {
    this.members.set(node, member)
    for (const listener of this.listeners) listener(member, fromItself)
  }

  /** The member was seen to be owed nothing: idle is progress. */
  touch(node: NodeId, nowMs: number): void {
    const known = this.members.get(node)
    if (known) this.members.set(node, { ...known, progressAtMs: nowMs })
  }

  get(node: NodeId): Member | undefined {
    return this.members.get(node)
  }

  /**
   * What a member told of itself last. By hearsay it may hold more, but then what it sent here before may still be under way; its own
   * word comes after that.
   */
  wordOf(node: NodeId): VersionVector | undefined {
    return this.words.get(node)
  }

  all(): IterableIterator<Member> {
    return this.members.values()
  }

  *changedSince(version: number): IterableIterator<Member> {
    for (const member of this.members.values()) if (member.version > version) yield member
  }

  /** `fromItself`: by its own ack, not by what another passed on. */
  onChange(listener: (member: Member, fromItself: boolean) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  /** Nodes of `role`, other than `except`, that hold the write durably. */
  *holdersOf(writer: WriterLog, seq: number, role?: MemberRole, except?: NodeId): IterableIterator<Member> {
    for (const member of this.members.values())
      if (member.node !== except && (role === undefined || member.role === role) && this.holds(member, writer, seq)) yield member
  }

  private holds(member: Member, writer: WriterLog, seq: number): boolean {
    if (covers(member.vector, writer, seq)) return true
    return (
      this.dots
        .get(member.node)
        ?.get(writer)
        ?.some(([first, count]) => seq >= first && seq < first + count) ?? false
    )
  }
}
