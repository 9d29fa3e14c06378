/**
 * Writes of one address that met, and are in conflict if a seal tells so (I8, SES-15): whoever covers the one that came, and not the one
 * that was here, has it from a writer that did not know of the other.
 */
import type { Value } from '@selvedge/core'
import type { Register, WriterKey, WriterLog } from '@selvedge/documents'

/** Two concurrent writes of one address met, and one lost (I8). */
export interface Conflict {
  readonly path: string
  readonly slot: string
  readonly loser: ConflictSide
  readonly winner: ConflictSide
}

export interface ConflictSide {
  /** `undefined`: a delete. */
  readonly value: Value | undefined
  readonly time: number
  readonly writer: WriterKey
  readonly seq: number
  readonly quality: number
}

/** A register's side of a conflict, copied before it is overwritten. */
export function sideOf(entry: Pick<Register, 'value' | 'time' | 'writer' | 'seq' | 'quality'>): ConflictSide {
  return { value: entry.value, time: entry.time, writer: entry.writer.key, seq: entry.seq, quality: entry.quality }
}

export interface Contest {
  readonly conflict: Conflict
  readonly mineWriter: WriterLog
  readonly mineSeq: number
  readonly entryWriter: WriterLog
  readonly entrySeq: number
}

/** Contests that wait for a seal; of further ones nothing is recorded, however long a peer goes without. */
const contestsMax = 262_144

export class Contests {
  private contests: Contest[] = []

  /** @param max further ones are not kept */
  constructor(private readonly max = contestsMax) {}

  get size(): number {
    return this.contests.length
  }

  add(contest: Contest): void {
    if (this.contests.length < this.max) this.contests.push(contest)
  }

  /** Takes over all that others have. */
  take(others: Contests): void {
    for (const contest of others.contests) this.add(contest)
    others.contests = []
  }

  /** What conflicts by what a peer says that it covers, once a loser; what that does not tell of waits on. */
  judge(said: { covers(writer: WriterLog, seq: number): boolean }): Conflict[] {
    const { contests } = this
    if (contests.length === 0) return []
    this.contests = []
    const found = new Map<string, Conflict>()
    for (const contest of contests) {
      const { conflict, mineWriter, mineSeq, entryWriter, entrySeq } = contest
      // It went ahead of this seal's cut: what the peer had covered when it was written is told by the seal that covers it.
      if (!said.covers(entryWriter, entrySeq)) {
        this.contests.push(contest)
        continue
      }
      if (said.covers(mineWriter, mineSeq)) continue
      const dot = `${conflict.loser.writer}:${conflict.loser.seq}`
      if (!found.has(dot)) found.set(dot, conflict)
    }
    return [...found.values()]
  }
}
