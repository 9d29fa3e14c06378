/**
 * The writers of a table and what this replica covers of each (I1): the version vector, the closed floor and the GC floors, and
 * what follows from them and the writers' lists: what a peer is owed, and the dots held above the vector (I2).
 */
import type { HlcTime, NodeId } from '@selvedge/core'
import { addressOf, type Register, WriterLog } from './register.js'
import { covers, type DotRuns, type PeerView, type VersionVector } from './version-vector.js'
import { checkWriterKey, type WriterKey } from './writer-key.js'

export class Coverage {
  readonly writers = new Map<WriterKey, WriterLog>()
  /** Closed floor: node → creation time up to which its incarnations are closed. */
  readonly closed = new Map<NodeId, HlcTime>()
  private moves = 0
  private latest: { readonly version: number; readonly vector: VersionVector } | undefined

  /** Rises whenever the vector does. */
  get version(): number {
    return this.moves
  }

  /** Interns a writer; text from outside is checked. */
  writer(key: WriterKey): WriterLog {
    let writer = this.writers.get(key)
    if (!writer) this.writers.set(key, (writer = new WriterLog(checkWriterKey(key))))
    return writer
  }

  /** The next seq of a writer of this replica's own. */
  next(writer: WriterLog): number {
    this.moves++
    return ++writer.covered
  }

  raise(writer: WriterLog, seq: number): void {
    if (seq <= writer.covered) return
    writer.covered = seq
    this.moves++
  }

  /** Returns whether the floor rose. */
  close(node: NodeId, time: HlcTime): boolean {
    if (time <= this.closedUpTo(node)) return false
    this.closed.set(node, time)
    this.moves++
    return true
  }

  forget(): void {
    for (const writer of this.writers.values()) {
      writer.covered = 0
      writer.floor = 0
    }
    this.closed.clear()
    this.moves++
  }

  closedUpTo(node: NodeId): HlcTime {
    return this.closed.get(node) ?? Number.NEGATIVE_INFINITY
  }

  isClosed(writer: WriterLog): boolean {
    return this.closed.size > 0 && this.closedUpTo(writer.node) >= writer.createdAt
  }

  covers(writer: WriterLog, seq: number): boolean {
    return seq <= writer.covered || this.isClosed(writer)
  }

  vector(): VersionVector {
    // Sessions and the store ask for it again and again between two moves.
    if (this.latest?.version === this.moves) return this.latest.vector
    const seqs = new Map<WriterKey, number>()
    for (const writer of this.writers.values())
      if (writer.covered > 0 && !this.isClosed(writer)) seqs.set(writer.key, writer.covered)
    const vector: VersionVector = { seqs, closed: new Map(this.closed) }
    this.latest = { version: this.moves, vector }
    return vector
  }

  floors(): Map<WriterKey, number> {
    const floors = new Map<WriterKey, number>()
    for (const writer of this.writers.values()) if (writer.floor > 0) floors.set(writer.key, writer.floor)
    return floors
  }

  owedTo(peer: PeerView): Register[] {
    const owed: Register[] = []
    for (const writer of this.writers.values()) {
      const start = owed.length
      for (let at = writer.newest; at && !peer.covers(writer, at.seq); at = at.older) if (!peer.has(at)) owed.push(at)
      reverse(owed, start)
    }
    return owed
  }

  have(): DotRuns[] {
    const have: DotRuns[] = []
    for (const writer of this.writers.values()) {
      const runs: [number, number][] = []
      for (let at = writer.newest; at && !this.covers(writer, at.seq); at = at.older) {
        const last = runs[runs.length - 1]
        if (last && last[0] === at.seq + 1) {
          last[0] = at.seq
          last[1]++
        } else if (last?.[0] !== at.seq) runs.push([at.seq, 1]) // a faulty peer can give one dot to two addresses
      }
      if (runs.length > 0) have.push({ writer, runs: runs.reverse() })
    }
    return have
  }

  addressesBeyond(vector: VersionVector, max: number): string[] | undefined {
    const addresses: string[] = []
    for (const writer of this.writers.values())
      for (let at = writer.newest; at && !covers(vector, writer, at.seq); at = at.older)
        if (addresses.push(addressOf(at.path, at.slot)) > max) return undefined
    return addresses
  }
}

function reverse(list: unknown[], from: number): void {
  for (let low = from, high = list.length - 1; low < high; low++, high--) [list[low], list[high]] = [list[high], list[low]]
}
