/**
 * A writer and the registers whose current form it wrote, in a list sorted by seq. What a vector does not cover is the list's tail,
 * so a delta costs what changed, whatever the size of the table.
 */
import {
  SelvedgeError,
  coreErrors,
  hlcFromHex,
  hlcToHex,
  randomHex,
  type HlcTime,
  type NodeId,
  type Random
} from '@selvedge/core'
import type { Register, WriterKey } from './register.js'

/** A node id as core takes it, then the incarnation: 14 digits of a hybrid time in range, 8 random ones. */
const writerKeyPattern = /^[A-Za-z0-9_-]{1,64}~(?!0{14})[0-3][0-9a-f]{21}$/

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
    if (newest === undefined || register.seq > newest.seq) {
      register.older = newest
      register.newer = undefined
      if (newest) newest.newer = register
      this.newest = register
      return
    }
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
    if (this.hint === register) this.hint = register.older
    if (register.newer) register.newer.older = register.older
    else this.newest = register.older
    if (register.older) register.older.newer = register.newer
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

/** A fresh writer key for `node`: unique by its creation time and random bits. */
export function makeWriterKey(node: NodeId, createdAt: HlcTime, random: Random): WriterKey {
  return `${node}~${hlcToHex(createdAt)}${randomHex(random, 4)}`
}

/** Whether text from outside is a writer key. */
export function isWriterKey(text: string): boolean {
  return writerKeyPattern.test(text)
}

/** @throws SelvedgeError `ID_INVALID` for text from outside that is not a writer key */
export function checkWriterKey(text: string): WriterKey {
  if (!isWriterKey(text))
    throw new SelvedgeError(coreErrors.idInvalid, `writer key ${JSON.stringify(text.slice(0, 100))} is not valid`)
  return text
}
