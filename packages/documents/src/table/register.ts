/**
 * A register is the smallest replicated thing: an address (path, slot) with a value, a stamp and a dot. The table keeps one object
 * an address and changes it in place, so that a reference held by a cut always shows the register's current form.
 */
import { hlcFromHex, limits, utf8Length, valuesEqual, type HlcTime, type NodeId, type Value } from '@selvedge/core'
import type { WriterKey } from './writer-key.js'

/** What the writer says of the value: as an OPC or BACnet quality, reduced to what a reader must tell apart. */
export type Quality = 'good' | 'uncertain' | 'bad'

export const qualities: readonly Quality[] = ['good', 'uncertain', 'bad']

/** The index of each quality. */
export const qualityCodes: Readonly<Record<Quality, number>> = { good: 0, uncertain: 1, bad: 2 }

/** One write as it travels and is stored. */
export interface Entry {
  readonly path: string
  readonly slot: string
  /** `undefined`: a tombstone. */
  readonly value: Value | undefined
  readonly time: HlcTime
  readonly writer: WriterLog
  readonly seq: number
  /** Index into {@link qualities}; a later version's unknown one is kept and reads as `uncertain`. */
  readonly quality: number
  /** Wall milliseconds (trusted) from which it reads as absent; 0: never. */
  readonly expiresAtMs: number
  /** Seq of the first write of the batch that it belongs to; 0: none. */
  readonly batch: number
}

/** What is yes or no about a register, in one number: a table holds millions. The class has an accessor for each. */
const enum State {
  Hashed = 1,
  HashQueued = 2,
  Shadow = 4,
  Gone = 8,
  Replaced = 16,
  Void = 32
}

export class Register implements Entry {
  private state = 0
  value: Value | undefined
  // A number field that begins as a number stays one; one that begins as undefined would box every number put into it.
  time: HlcTime = 0
  writer: WriterLog
  seq = 0
  quality = 0
  expiresAtMs = 0
  batch = 0

  /** Neighbours in the writer's list, which is sorted by seq. */
  older: Register | undefined = undefined
  newer: Register | undefined = undefined
  /** Neighbours in the table's list of changes, and the place in it. */
  changedBefore: Register | undefined = undefined
  changedAfter: Register | undefined = undefined
  changeIndex = 0
  /** The session in which this form arrived; 0: written here or loaded. */
  source = 0

  /** Contribution to the table's hash, valid while `hashed`: signed, as such numbers need no memory of their own. */
  hashA = 0
  hashB = 0

  /** Number of the log record that stores this form; 0: not stored yet. */
  record = 0

  constructor(
    readonly path: string,
    readonly slot: string,
    from: Omit<Entry, 'path' | 'slot'>
  ) {
    this.state = path === voidPath ? State.Void : 0
    this.value = from.value
    this.time = from.time
    this.writer = from.writer
    this.seq = from.seq
    this.quality = from.quality
    this.expiresAtMs = from.expiresAtMs
    this.batch = from.batch
  }

  /** Takes the form of another entry of its address: only while a table is loaded, since nothing else follows. */
  become(from: Omit<Entry, 'path' | 'slot'>): void {
    this.value = from.value
    this.time = from.time
    this.writer = from.writer
    this.seq = from.seq
    this.quality = from.quality
    this.expiresAtMs = from.expiresAtMs
    this.batch = from.batch
  }

  get tombstone(): boolean {
    return this.value === undefined
  }

  /** `hashA` and `hashB` are its part of the table's hash. */
  get hashed(): boolean {
    return (this.state & State.Hashed) !== 0
  }

  set hashed(is: boolean) {
    this.state = is ? this.state | State.Hashed : this.state & ~State.Hashed
  }

  /** It waits to be hashed. */
  get hashQueued(): boolean {
    return (this.state & State.HashQueued) !== 0
  }

  set hashQueued(is: boolean) {
    this.state = is ? this.state | State.HashQueued : this.state & ~State.HashQueued
  }

  /** Held beside the register of this address because its stamp is too far ahead (I5). */
  get shadow(): boolean {
    return (this.state & State.Shadow) !== 0
  }

  set shadow(is: boolean) {
    this.state = is ? this.state | State.Shadow : this.state & ~State.Shadow
  }

  /** Out of the table: dropped, or replaced. */
  get gone(): boolean {
    return (this.state & State.Gone) !== 0
  }

  set gone(is: boolean) {
    this.state = is ? this.state | State.Gone : this.state & ~State.Gone
  }

  /** Out of the table with a successor at its address: another object with the same write, or a later one. */
  get replaced(): boolean {
    return (this.state & State.Replaced) !== 0
  }

  set replaced(is: boolean) {
    this.state = is ? this.state | State.Replaced : this.state & ~State.Replaced
  }

  /** It stands under `@void` and names another write. */
  get isVoid(): boolean {
    return (this.state & State.Void) !== 0
  }

  /** Gives it another dot, and so another place in a writer's list. */
  relink(writer: WriterLog, seq: number): void {
    if (this.writer === writer && this.seq === seq) return
    this.writer.remove(this)
    this.writer = writer
    this.seq = seq
    writer.insert(this)
  }
}

/**
 * A writer and the registers whose current form it wrote, in a list sorted by seq. What a vector does not cover is the list's tail,
 * so a delta costs what changed, whatever the size of the table.
 */
export class WriterLog {
  readonly node: NodeId
  /** When the incarnation was made. */
  readonly createdAt: HlcTime
  /** This replica's version vector entry (I1): every write up to here is covered. */
  covered = 0
  /** GC floor: tombstones up to here may have been dropped. */
  floor = 0
  newest: Register | undefined = undefined
  /** Where the last insertion away from the tail happened: arrivals run upwards from there. */
  private hint: Register | undefined = undefined

  constructor(readonly key: WriterKey) {
    const split = key.indexOf('~')
    this.node = key.slice(0, split) as NodeId
    this.createdAt = hlcFromHex(key.slice(split + 1, split + 15))
  }

  /** Links a register in its place by seq. */
  insert(register: Register): void {
    const newest = this.newest
    if (newest !== undefined && newest.seq >= register.seq) return this.insertBelow(register, newest)
    register.older = newest
    register.newer = undefined
    if (newest !== undefined) newest.newer = register
    this.newest = register
  }

  private insertBelow(register: Register, newest: Register): void {
    let at = this.hint ?? newest
    while (at.newer && at.newer.seq < register.seq) at = at.newer
    while (at.seq > register.seq) {
      if (at.older === undefined) {
        at.older = register
        register.older = undefined
        register.newer = at
        this.hint = register
        return
      }
      at = at.older
    }
    register.older = at
    register.newer = at.newer
    if (at.newer) at.newer.older = register
    else this.newest = register
    at.newer = register
    this.hint = register
  }

  remove(register: Register): void {
    const { older, newer } = register
    if (this.hint === register) this.hint = older
    if (newer !== undefined) newer.older = older
    else this.newest = older
    if (older !== undefined) older.newer = newer
    register.older = undefined
    register.newer = undefined
  }

  /** Links registers sorted by seq into an empty list: what loading does, whatever the order on disk. */
  link(sorted: readonly Register[]): void {
    let previous: Register | undefined
    for (const register of sorted) {
      register.older = previous
      register.newer = undefined
      if (previous) previous.newer = register
      previous = register
    }
    this.newest = previous
    this.hint = undefined
  }
}

/** One string an address: plain registers (slot '') are their path. Control characters can't stand in either part. */
export function addressOf(path: string, slot: string): string {
  return slot === '' ? path : `${path}\u0000${slot}`
}

/** Why `slot` can't name a slot beside '', or `undefined` when it can. */
export function slotProblem(slot: string): string | undefined {
  if (slot === '') return 'it is empty'
  if (slot.length > limits.slotBytesMax || utf8Length(slot) > limits.slotBytesMax)
    return `it is longer than ${limits.slotBytesMax} bytes of UTF-8`
  for (let i = 0; i < slot.length; i++) if (slot.charCodeAt(i) < 32) return 'it has a control character'
  return slot.isWellFormed() ? undefined : 'it is not well-formed Unicode'
}

/** Where voids stand (see `voids.ts`). */
export const voidPath = '@void'

/** Whether a path belongs to Selvedge itself: users can't write there. */
export function isSystemPath(path: string): boolean {
  return path.charCodeAt(0) === 64 // '@'
}

type Stamped = Pick<Entry, 'time' | 'writer' | 'seq' | 'value'>

/**
 * The winner (REG-1): the later stamp, that is time, then writer. Equal stamps come only from one node: re-dotted writes, where the
 * later dot stays, and an expired register's tombstone, which wins over the live form of the same dot.
 */
export function isNewer(a: Stamped, b: Stamped): boolean {
  if (a.time !== b.time) return a.time > b.time
  if (a.writer !== b.writer) return a.writer.key > b.writer.key
  if (a.seq !== b.seq) return a.seq > b.seq
  return a.value === undefined && b.value !== undefined
}

/** Whether two entries are one write, in whatever form. */
export function sameDot(a: Pick<Entry, 'writer' | 'seq'>, b: Pick<Entry, 'writer' | 'seq'>): boolean {
  return a.writer === b.writer && a.seq === b.seq
}

/** Whether two values, or deletes, are the same. */
export function valuesMatch(a: Value | undefined, b: Value | undefined): boolean {
  return a === undefined || b === undefined ? a === b : valuesEqual(a, b)
}

/** Names one write. */
export interface Dot {
  readonly writer: WriterKey
  readonly seq: number
}
