/**
 * The columns of seqs and times, in two layouts. *In order* (version 1) each differs little from the one before when entries come
 * as they were written. *Ranked* (version 2) is for entries in the order of their paths: seqs and times are written in the order of
 * writers and seqs all the same, and a column of ranks says which is whose: 11 bits an entry instead of the 30 that seqs and times
 * out of order take.
 */
import { isHlcTime, SelvedgeError, type ByteReader, type ByteWriter } from '@selvedge/core'
import { tableErrors } from './errors.js'
import type { WriterLog } from './register.js'

const ticksPerMs = 4096

/** Ranks take two bytes each. */
export const rankedEntriesMax = 65_536

/** Where seqs and times of a column stand. */
export class DotWriter {
  private seq = 0
  private ms = 0

  constructor(
    private readonly seqs: ByteWriter,
    private readonly times: ByteWriter
  ) {}

  add(seq: number, time: number, sameWriter: boolean): void {
    this.seqs.int(seq - (sameWriter ? this.seq : 0))
    this.seq = seq
    const ms = Math.floor(time / ticksPerMs)
    const ticks = time - ms * ticksPerMs
    // Most stamps fall on a whole millisecond: the lowest bit tells whether ticks follow.
    const step = ms - this.ms
    if (ticks === 0) this.times.int(step * 2)
    else this.times.int(step * 2 + 1).uint(ticks)
    this.ms = ms
  }

  clear(): void {
    this.seq = 0
    this.ms = 0
  }
}

/** Reads seqs and times, one after the other. */
export class DotReader {
  seq = 0
  time = 0
  private ms = 0

  constructor(
    private readonly seqs: ByteReader,
    private readonly times: ByteReader
  ) {}

  next(sameWriter: boolean): void {
    this.seq = (sameWriter ? this.seq : 0) + this.seqs.int()
    if (!Number.isSafeInteger(this.seq) || this.seq < 1) throw bad(`seq ${this.seq} is not valid`)
    const step = this.times.int()
    this.ms += Math.floor(step / 2)
    this.time = this.ms * ticksPerMs + (step % 2 === 0 ? 0 : this.times.uintUpTo(ticksPerMs - 1, 'the ticks of a stamp'))
    if (!isHlcTime(this.time)) throw bad('a stamp is out of range')
  }
}

interface Ranked {
  readonly writer: number
  readonly seq: number
  readonly time: number
}

/** Gathers the dots of a block, to write them by rank. */
export class RankedDots {
  private dots: Ranked[] = []

  /** `writer` numbers the writers of the block in the order in which they first come. */
  add(writer: number, seq: number, time: number): void {
    this.dots.push({ writer, seq, time })
  }

  /** Writes seqs and times by rank, and the ranks: first the low byte of each, then the high byte of each. */
  finish(out: DotWriter, ranks: ByteWriter): void {
    const order = Array.from(this.dots, (_, i) => i)
    order.sort((a, b) => this.dots[a]!.writer - this.dots[b]!.writer || this.dots[a]!.seq - this.dots[b]!.seq)
    const rankOf = new Uint16Array(order.length)
    let before: Ranked | undefined
    for (const [rank, i] of order.entries()) {
      const dot = this.dots[i]!
      out.add(dot.seq, dot.time, dot.writer === before?.writer)
      rankOf[i] = rank
      before = dot
    }
    for (const rank of rankOf) ranks.byte(rank & 0xff)
    for (const rank of rankOf) ranks.byte(rank >> 8)
    this.dots = []
  }

  clear(): void {
    this.dots = []
  }
}

export interface RankedColumns {
  readonly seqs: Float64Array
  readonly times: Float64Array
  /** The place of the entry of each rank. */
  readonly entryAt: Int32Array
}

/** The dots of a ranked block, by the place of their entries. `writers` are those of the entries, in their order. */
export function readRanked(ranks: Uint8Array, writers: readonly WriterLog[], dots: DotReader): RankedColumns {
  const count = writers.length
  if (ranks.length !== 2 * count) throw bad('a block has another number of ranks than of entries')
  const entryAt = new Int32Array(count).fill(-1)
  for (let i = 0; i < count; i++) {
    const rank = ranks[i]! | (ranks[count + i]! << 8)
    if (rank >= count || entryAt[rank] !== -1) throw bad('ranks must be those of an order')
    entryAt[rank] = i
  }
  const seqs = new Float64Array(count)
  const times = new Float64Array(count)
  let before: WriterLog | undefined
  for (const i of entryAt) {
    dots.next(writers[i] === before)
    seqs[i] = dots.seq
    times[i] = dots.time
    before = writers[i]
  }
  return { seqs, times, entryAt }
}

function bad(message: string): SelvedgeError {
  return new SelvedgeError(tableErrors.entryInvalid, message)
}
