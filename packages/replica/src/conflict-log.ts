/**
 * The conflict log of a space (I8): registers of the space itself, so that it outlives the node that saw the conflict and has the
 * space's residency. Each recorder keeps a ring of its own: newer entries overwrite its oldest, nothing is ever deleted. The two
 * ends of a merge both record what they saw, so readers take one entry a loser dot.
 */
import { isHlcTime, pathProblem, type NodeId, type Value } from '@selvedge/core'
import { slotProblem, type RegisterTable } from '@selvedge/documents'
import type { Conflict, ConflictSide } from '@selvedge/session'
import { ringCount, ringValues } from './ring-values.js'

/** Of the paths of conflict logs. */
export const conflictPrefix = '@conflict/'
/** Losers kept a recorder; also how many {@link ConflictLog.newest} gives at most. */
export const conflictsKept = 1_000
/** Encoded losers larger than this are recorded without their value. */
const valueTextMax = 16 * 1024

export interface ConflictRecord extends Conflict {
  /** Wall milliseconds (trusted) when it was found. */
  readonly seenAtMs: number
  /** The replica that found it. */
  readonly seenBy: NodeId
  /** The loser's value was too large to be kept. */
  readonly valueLeftOut: boolean
}

export class ConflictLog {
  private counted = 0

  constructor(private readonly table: RegisterTable) {}

  private get countPath(): string {
    return `${conflictPrefix}${this.table.node}`
  }

  /** Conflicts that this replica has recorded, ever. */
  get count(): number {
    // Not what the disk had at the start alone: peers give back what this replica had recorded, and its disk has lost since.
    this.counted = Math.max(this.counted, ringCount(this.table, this.countPath) ?? 0)
    // It may be older than what it counts: a clock that was wrong is right again.
    while (this.counted < conflictsKept && ringValues(this.table, this.pathOf(this.table.node, this.counted)).length > 0)
      this.counted++
    return this.counted
  }

  /** Records a conflict, unless its loser stands in this replica's ring already. */
  record(conflict: Conflict): void {
    const record: ConflictRecord = {
      ...conflict,
      loser: bounded(conflict.loser),
      winner: bounded(conflict.winner),
      seenAtMs: Math.floor(this.table.trusted.nowMs()),
      seenBy: this.table.node,
      valueLeftOut: bounded(conflict.loser) !== conflict.loser
    }
    const { count } = this
    this.table.batch(() => {
      this.table.set(this.pathOf(this.table.node, count % conflictsKept), valueOf(record))
      this.table.set(this.countPath, count + 1)
    })
    this.counted = count + 1
  }

  /** The newest conflicts that any replica recorded, newest first, one a loser dot. */
  newest(max = conflictsKept): ConflictRecord[] {
    const byDot = new Map<string, ConflictRecord>()
    for (const record of this.records()) {
      const dot = `${record.loser.writer}:${record.loser.seq}`
      const known = byDot.get(dot)
      if (!known || isEarlier(record, known)) byDot.set(dot, record)
    }
    return [...byDot.values()].sort((a, b) => b.seenAtMs - a.seenAtMs || byLoser(a, b)).slice(0, max)
  }

  private *records(): IterableIterator<ConflictRecord> {
    for (const node of new Set([...this.table.writers.values()].map(writer => writer.node))) {
      const count = ringCount(this.table, `${conflictPrefix}${node}`) ?? 0
      for (let i = 0; i < conflictsKept; i++) {
        const values = ringValues(this.table, this.pathOf(node, i))
        if (values.length === 0 && i >= count) break
        for (const value of values) {
          const record = recordOf(value)
          if (record) yield record
        }
      }
    }
  }

  private pathOf(node: NodeId, index: number): string {
    return `${conflictPrefix}${node}/${index}`
  }

  /** Whether a conflict's loser is what stands at its address now: restored, or written again. */
  isRestored(record: ConflictRecord): boolean {
    const register = this.table.get(record.path, record.slot)
    return (
      register !== undefined &&
      register.time > record.winner.time &&
      JSON.stringify(register.value) === JSON.stringify(record.loser.value)
    )
  }
}

// Every replica shows the same, in whatever order it came to know the recorders: of one instant names decide.
function isEarlier(a: ConflictRecord, b: ConflictRecord): boolean {
  return a.seenAtMs !== b.seenAtMs ? a.seenAtMs < b.seenAtMs : a.seenBy < b.seenBy
}

function byLoser({ loser: a }: ConflictRecord, { loser: b }: ConflictRecord): number {
  return a.writer === b.writer ? b.seq - a.seq : a.writer < b.writer ? -1 : 1
}

function bounded(side: ConflictSide): ConflictSide {
  const size =
    typeof side.value === 'object' && side.value !== null ? JSON.stringify(side.value).length : String(side.value).length
  return size > valueTextMax ? { ...side, value: null } : side
}

function valueOf(record: ConflictRecord): Value {
  const side = ({ value, time, writer, seq, quality }: ConflictSide): Value => ({
    deleted: value === undefined,
    value: value === undefined ? null : value,
    time,
    writer,
    seq,
    quality
  })
  const { path, slot, loser, winner, seenAtMs, seenBy, valueLeftOut } = record
  return { path, slot, loser: side(loser), winner: side(winner), seenAtMs, seenBy, valueLeftOut }
}

// Whatever a later version wrote here that can't be read is passed over; so is what could not be restored, since a register that no
// peer takes would end every session.
function recordOf(value: Value): ConflictRecord | undefined {
  if (typeof value !== 'object' || value === null || !('loser' in value)) return undefined
  const { path, slot, loser, winner, seenAtMs, seenBy, valueLeftOut } = value as Record<string, Value>
  const [lost, won] = [sideOf(loser), sideOf(winner)]
  if (
    pathProblem(path) !== undefined ||
    typeof path !== 'string' ||
    typeof slot !== 'string' ||
    (slot !== '' && slotProblem(slot) !== undefined) ||
    !lost ||
    !won ||
    typeof seenAtMs !== 'number' ||
    typeof seenBy !== 'string'
  )
    return undefined
  return { path, slot, loser: lost, winner: won, seenAtMs, seenBy: seenBy as NodeId, valueLeftOut: valueLeftOut === true }
}

function sideOf(value: Value | undefined): ConflictSide | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { deleted, value: held, time, writer, seq, quality } = value as Record<string, Value>
  if (typeof time !== 'number' || !isHlcTime(time) || typeof writer !== 'string' || typeof seq !== 'number') return undefined
  if (typeof quality !== 'number') return undefined
  return { value: deleted === true ? undefined : held, time, writer: writer, seq, quality }
}
