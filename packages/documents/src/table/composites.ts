/**
 * Composites: conventions over the slots of one path. A counter has a slot a writer, a set a slot an element, a
 * priority array a slot a level. Each slot is a register like any other, so merge, deltas, expiry and deletes need not know them.
 *
 * @example
 * increment(table, 'pump/1/starts', 1)
 * counterValue(table, 'pump/1/starts') // 1
 */
import { coreErrors, hlcToMs, SelvedgeError, type Value } from '@selvedge/core'
import { tableErrors } from './errors.js'
import { addressOf, isSystemPath, slotProblem, type Register } from './register.js'
import type { RegisterTable } from './register-table.js'
import type { WriteOptions, WriteResult } from './table-options.js'
import type { WriterKey } from './writer-key.js'

function checkSlot(slot: string, what: string): string {
  const problem = slotProblem(slot)
  if (problem === undefined) return slot
  throw new SelvedgeError(tableErrors.slotInvalid, `${what} can't stand in a slot: with its mark ${problem}`, {
    details: { what }
  })
}

// ── counter ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const idMark = '#'
const dayMs = 86_400_000
/** Increments folded in one batch: it must travel in one frame. */
const foldedPerBatch = 256

export interface IncrementOptions {
  /** Increments with equal ids count once; at most 127 bytes of UTF-8 without control characters. */
  readonly id?: string
}

export interface IncrementResult extends WriteResult {
  /** False when an increment with this id was known already: the sum is as it was, and the dot is that of a write that holds it. */
  readonly counted: boolean
}

/** The sum of a counter's slots, added in the order of the slots' names: replicas that hold the same give the same number. */
export function counterValue(table: RegisterTable, path: string): number {
  let sum = 0
  for (const register of sortedSlots(table, path)) if (typeof register.value === 'number') sum += register.value
  return sum
}

/**
 * Adds `by` to this incarnation's own slot, which nobody else writes: increments of different replicas never overwrite one another.
 *
 * With an id the increment is a slot of its own, so that a command applied twice, also by two replicas that don't know of one
 * another yet, counts once. That holds while the id is remembered: until {@link foldIncrements} has folded it, a day after it was
 * applied by default, and then until the tombstone is collected. An id that is applied anew after that, or by two replicas that
 * hear of each other only after one of them has folded it, counts again: choose a window longer than the longest partition in which
 * an id may be retried.
 *
 * @throws SelvedgeError `VALUE_INVALID` when `by`, or the slot's sum, is no finite number; `SLOT_INVALID` for an id that can't be one
 */
export function increment(table: RegisterTable, path: string, by: number, options: IncrementOptions = {}): IncrementResult {
  checkAmount(by)
  if (options.id === undefined) return { ...addToOwnSlot(table, path, by), counted: true }
  if (options.id === '') throw new SelvedgeError(tableErrors.slotInvalid, 'an increment id is empty')
  const slot = checkSlot(idMark + options.id, 'an increment id')
  // A tombstone too: it was counted, and folded.
  const known = heldAt(table, path, slot)
  if (!known) return { ...table.set(path, by, { slot }), counted: true }
  // Its writer may be gone for good before anybody was told that nothing is missing beneath it. No replica covers its dot then, and
  // who waits for it to be durable would wait forever. The same amount in the same slot is the same increment, under a dot of ours.
  if (known.value !== undefined && !table.covers(known.writer, known.seq))
    return { ...table.set(path, known.value, { slot }), counted: false }
  return { writer: known.writer.key, seq: known.seq, shadowed: known.shadow, counted: false }
}

/**
 * Folds increments with ids, once they are older than `windowMs`, into the own slot of who applied them, each delete in one batch with
 * what it adds. So a counter is as large as its writers and the ids of a day. Returns how many were folded; call it now and then.
 *
 * Only what this incarnation wrote is touched: an earlier one may have folded its own already and lost that in a crash, or with the disk,
 * while a peer that is out of reach has it. Folded again, it would count twice. What earlier ones left waits until they are closed, when
 * there is nothing of them that a member lacks.
 * @param windowMs how long an id is remembered, in milliseconds of trusted time; default 24 hours
 */
export function foldIncrements(table: RegisterTable, windowMs = dayMs): number {
  const beforeMs = table.trusted.nowMs() - windowMs
  const byPath = new Map<string, Register[]>()
  for (const writer of table.writers.values()) {
    if (writer.key !== table.ownWriterKey && !(writer.node === table.node && table.isClosed(writer))) continue
    for (let at = writer.newest; at; at = at.older) {
      if (!isIncrement(at) || hlcToMs(at.time) > beforeMs) continue
      const list = byPath.get(at.path)
      if (list) list.push(at)
      else byPath.set(at.path, [at])
    }
  }
  let folded = 0
  for (const [path, registers] of byPath)
    for (let from = 0; from < registers.length; from += foldedPerBatch)
      folded += foldBatch(table, path, registers.slice(from, from + foldedPerBatch))
  return folded
}

function foldBatch(table: RegisterTable, path: string, registers: readonly Register[]): number {
  let sum = 0
  for (const register of registers) sum += register.value as number
  if (!Number.isFinite(ownBase(table, path, table.ownWriter().key) + sum)) return 0 // they stay what they are, and count
  table.batch(() => {
    for (const register of registers) table.delete(path, register.slot)
    addToOwnSlot(table, path, sum)
  })
  return registers.length
}

function isIncrement(register: Register): boolean {
  return (
    register.slot.startsWith(idMark) && typeof register.value === 'number' && !register.shadow && !isSystemPath(register.path)
  )
}

function addToOwnSlot(table: RegisterTable, path: string, by: number): WriteResult {
  const slot = table.ownWriter().key
  const sum = ownBase(table, path, slot) + by
  checkAmount(sum)
  return table.set(path, sum, { slot })
}

// A shadow of one's own slot holds increments too: adding to the register beside it would lose them.
function ownBase(table: RegisterTable, path: string, slot: WriterKey): number {
  const value = heldAt(table, path, slot)?.value
  return typeof value === 'number' ? value : 0
}

function heldAt(table: RegisterTable, path: string, slot: string): Register | undefined {
  return table.shadows.get(addressOf(path, slot)) ?? table.peek(path, slot)
}

function checkAmount(amount: number): void {
  if (!Number.isFinite(amount))
    throw new SelvedgeError(coreErrors.valueInvalid, `a counter can't take ${amount}: it must be a finite number`)
}

// ── set ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a set holds. The string `1` and the number 1 are two elements. */
export type SetElement = string | number

/** A set with a slot an element; of an add and a remove of one element the later write wins, whatever either has seen. */
export class RegisterSet {
  constructor(
    private readonly table: RegisterTable,
    readonly path: string
  ) {}

  /** @throws SelvedgeError `SLOT_INVALID` for an element that is too long, not finite, or has control characters */
  add(element: SetElement): WriteResult {
    return this.table.set(this.path, true, { slot: slotOfElement(element) })
  }

  /**
   * Removing what is absent here is written all the same: another replica may hold it.
   * @throws SelvedgeError `SLOT_INVALID` as {@link add}
   */
  remove(element: SetElement): WriteResult {
    return this.table.delete(this.path, slotOfElement(element))
  }

  has(element: SetElement): boolean {
    return this.table.get(this.path, slotOfElement(element)) !== undefined
  }

  /** Numbers upwards, then strings by their UTF-16 units: the same order on every replica. */
  values(): SetElement[] {
    const elements: SetElement[] = []
    for (const register of this.table.slots(this.path)) {
      const element = elementOfSlot(register.slot)
      if (element !== undefined) elements.push(element)
    }
    return elements.sort(compareElements)
  }
}

function slotOfElement(element: SetElement): string {
  if (typeof element === 'string') return checkSlot(`s:${element}`, 'a set element')
  if (!Number.isFinite(element))
    throw new SelvedgeError(tableErrors.slotInvalid, `${element} can't be a set element: it is not finite`)
  return `n:${element === 0 ? 0 : element}` // -0 and 0 are one element
}

// A slot of another form is another composite's or a later version's: it is kept and passed over.
function elementOfSlot(slot: string): SetElement | undefined {
  if (slot.startsWith('s:')) return slot.slice(2)
  if (!slot.startsWith('n:')) return undefined
  const element = Number(slot.slice(2))
  return `n:${element}` === slot && Number.isFinite(element) ? element : undefined
}

function compareElements(a: SetElement, b: SetElement): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

// ── priority array ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Level 1 is the highest priority, 16 the lowest, as in BACnet (ASHRAE 135, clause 19.2). */
export const priorityLevels = 16

export interface PriorityReading {
  readonly value: Value
  /** 1 to 16; undefined: no level is filled, and the value is the relinquish default. */
  readonly level: number | undefined
  readonly register: Register | undefined
}

/** BACnet's priority array: the filled level of the lowest number wins; with none filled the relinquish default holds. */
export class PriorityArray {
  constructor(
    private readonly table: RegisterTable,
    readonly path: string,
    readonly relinquishDefault: Value
  ) {}

  /**
   * Fills a level; null relinquishes it, as in BACnet. With an expiry the level is passed over from then on.
   * @throws SelvedgeError `LEVEL_INVALID`
   */
  write(level: number, value: Value, options: Omit<WriteOptions, 'slot'> = {}): WriteResult {
    const slot = slotOfLevel(level)
    return value === null ? this.table.delete(this.path, slot) : this.table.set(this.path, value, { ...options, slot })
  }

  /** @throws SelvedgeError `LEVEL_INVALID` */
  relinquish(level: number): WriteResult {
    return this.table.delete(this.path, slotOfLevel(level))
  }

  current(): PriorityReading {
    return this.levels()[0] ?? { value: this.relinquishDefault, level: undefined, register: undefined }
  }

  /** The levels filled now, highest priority first. */
  levels(): PriorityReading[] {
    const filled: PriorityReading[] = []
    for (let level = 1; level <= priorityLevels; level++) {
      const register = this.table.get(this.path, String(level))
      if (register?.value !== undefined) filled.push({ value: register.value, level, register })
    }
    return filled
  }
}

function slotOfLevel(level: number): string {
  if (Number.isInteger(level) && level >= 1 && level <= priorityLevels) return String(level)
  throw new SelvedgeError(tableErrors.levelInvalid, `${level} is no priority level: use 1 (highest) to ${priorityLevels}`, {
    details: { level }
  })
}

function sortedSlots(table: RegisterTable, path: string): Register[] {
  return [...table.slots(path)].sort((a, b) => (a.slot < b.slot ? -1 : 1))
}
