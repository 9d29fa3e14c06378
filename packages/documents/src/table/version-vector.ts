/**
 * Version vectors as they are exchanged and kept: writer → highest covered seq, and beside them the closed floor (node → creation
 * time), which stands for every incarnation of that node made at or before it.
 */
import { LazyMap, type HlcTime, type NodeId } from '@selvedge/core'
import type { Register, WriterLog } from './register.js'
import type { WriterKey } from './writer-key.js'

/** A vector at one instant. Writers with nothing covered are left out. */
export interface VersionVector {
  readonly seqs: ReadonlyMap<WriterKey, number>
  readonly closed: ReadonlyMap<NodeId, HlcTime>
}

export const emptyVector: VersionVector = { seqs: new Map(), closed: new Map() }

/** Whether `vector` covers the write (writer, seq). */
export function covers(vector: VersionVector, writer: WriterLog, seq: number): boolean {
  const covered = vector.seqs.get(writer.key)
  if (covered !== undefined && covered >= seq) return true
  return vector.closed.size > 0 && (vector.closed.get(writer.node) ?? Number.NEGATIVE_INFINITY) >= writer.createdAt
}

/** Whether everything that `b` covers is covered by `a`. */
export function dominates(a: VersionVector, b: VersionVector): boolean {
  for (const [node, time] of b.closed) if ((a.closed.get(node) ?? Number.NEGATIVE_INFINITY) < time) return false
  for (const [key, seq] of b.seqs) {
    if ((a.seqs.get(key) ?? 0) >= seq) continue
    const closed = a.closed.get(key.slice(0, key.indexOf('~')) as NodeId)
    if (closed === undefined || closed < creationOf(key)) return false
  }
  return true
}

/** The least vector that covers what either covers. */
export function joinVectors(a: VersionVector, b: VersionVector): VersionVector {
  const seqs = new Map(a.seqs)
  for (const [key, seq] of b.seqs) if (seq > (seqs.get(key) ?? 0)) seqs.set(key, seq)
  if (b.closed.size === 0) return { seqs, closed: a.closed }
  const closed = new Map(a.closed)
  for (const [node, time] of b.closed) if (time > (closed.get(node) ?? Number.NEGATIVE_INFINITY)) closed.set(node, time)
  return { seqs, closed }
}

function creationOf(key: WriterKey): HlcTime {
  const at = key.indexOf('~') + 1
  return Number(BigInt(`0x${key.slice(at, at + 14)}`) - (1n << 53n))
}

/** Dots that a table holds above its vector: runs of consecutive seqs, never a gap between. */
export interface DotRuns {
  readonly writer: WriterLog
  /** [first seq, how many], ascending. */
  readonly runs: readonly (readonly [number, number])[]
}

/** What a peer covers, as far as its own messages in this session tell. */
export class PeerView {
  readonly seqs = new LazyMap<WriterLog, number>()
  readonly closed = new LazyMap<NodeId, HlcTime>()
  private readonly have = new LazyMap<WriterLog, (readonly [number, number])[]>()

  /** Whether the peer covers the write by its vector. */
  covers(writer: WriterLog, seq: number): boolean {
    const covered = this.seqs.get(writer)
    if (covered !== undefined && covered >= seq) return true
    return this.closed.size > 0 && (this.closed.get(writer.node) ?? Number.NEGATIVE_INFINITY) >= writer.createdAt
  }

  /** Whether the peer covers the write or told that it has it. */
  has(register: Pick<Register, 'writer' | 'seq'>): boolean {
    if (this.covers(register.writer, register.seq)) return true
    const runs = this.have.get(register.writer)
    if (!runs) return false
    let low = 0
    let high = runs.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const [first, count] = runs[middle]!
      if (register.seq < first) high = middle - 1
      else if (register.seq >= first + count) low = middle + 1
      else return true
    }
    return false
  }

  raise(writer: WriterLog, seq: number): void {
    if (seq > (this.seqs.get(writer) ?? 0)) this.seqs.set(writer, seq)
  }

  close(node: NodeId, time: HlcTime): void {
    if (time > (this.closed.get(node) ?? Number.NEGATIVE_INFINITY)) this.closed.set(node, time)
  }

  addHave(writer: WriterLog, runs: readonly (readonly [number, number])[]): void {
    const known = this.have.get(writer)
    // One by one: a frame holds more runs than a call takes arguments.
    if (known) for (const run of runs) known.push(run)
    else this.have.set(writer, [...runs])
  }

  /** Forgets the `have` list once the first cut was made from it. */
  dropHave(): void {
    this.have.clear()
  }
}
