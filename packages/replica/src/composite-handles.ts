/** Composites of a space as services use them: conventions over slots (see `composites` in `@selvedge/documents`), with receipts. */
import {
  checkPointValue,
  counterValue,
  increment,
  PriorityArray,
  refuse,
  refused,
  RegisterSet,
  type IncrementOptions,
  type PriorityPoint,
  type PriorityReading,
  type SetElement
} from '@selvedge/documents'
import { ownValue, valueProblem, type Value } from '@selvedge/core'
import type { Receipt } from './receipts.js'
import type { SpaceReplica } from './space-replica.js'

/** A sum that every writer adds to; increments made on both sides of a cut all count. */
export class CounterHandle {
  constructor(
    private readonly space: SpaceReplica,
    readonly path: string
  ) {}

  get value(): number {
    return counterValue(this.space.table, this.path)
  }

  /**
   * Adds `by`. With an `id` the increment counts once, however often and wherever it is applied: pass one when you may retry.
   * @throws SelvedgeError `VALUE_INVALID`, `SLOT_INVALID`
   */
  increment(by = 1, options: IncrementOptions = {}): Receipt {
    return this.space.receipt(increment(this.space.table, this.path, by, options))
  }
}

/** A set of strings or numbers; of an add and a remove of one element the later wins. */
export class SetHandle {
  private readonly set: RegisterSet

  constructor(
    private readonly space: SpaceReplica,
    readonly path: string,
    private readonly of: 'string' | 'number' | undefined
  ) {
    this.set = new RegisterSet(space.table, path)
  }

  /** @throws SelvedgeError `SLOT_INVALID`, `POINT_REFUSED` */
  add(element: SetElement): Receipt {
    if (this.of !== undefined && typeof element !== this.of) refuse(this.path, refused(`takes elements of type ${this.of}, not ${typeof element}`).problem)
    return this.space.receipt(this.set.add(element))
  }

  remove(element: SetElement): Receipt {
    return this.space.receipt(this.set.remove(element))
  }

  has(element: SetElement): boolean {
    return this.set.has(element)
  }

  values(): SetElement[] {
    return this.set.values()
  }
}

/** BACnet's 16 levels: the filled level of the lowest number wins; with none filled the relinquish default holds. */
export class PriorityHandle<V extends Value = Value> {
  private readonly array: PriorityArray

  constructor(
    private readonly space: SpaceReplica,
    readonly path: string,
    private readonly definition: PriorityPoint | undefined
  ) {
    this.array = new PriorityArray(space.table, path, definition?.relinquishDefault ?? null)
  }

  /**
   * Fills a level (1 highest to 16), for good or for a time.
   * @throws SelvedgeError `LEVEL_INVALID`, `POINT_REFUSED`
   */
  write(level: number, value: V, options: { expiresInMs?: number } = {}): Receipt {
    const checked = this.definition ? checkPointValue(this.definition.value, value) : { ok: true as const, value }
    if (!checked.ok) refuse(this.path, checked.problem)
    const problem = valueProblem(checked.value)
    if (problem) refuse(this.path, refused(problem).problem)
    const expiresAtMs = options.expiresInMs === undefined ? {} : { expiresAtMs: Math.floor(this.space.table.trusted.nowMs() + options.expiresInMs) }
    return this.space.receipt(this.array.write(level, ownValue(checked.value as Value), expiresAtMs))
  }

  /** @throws SelvedgeError `LEVEL_INVALID` */
  relinquish(level: number): Receipt {
    return this.space.receipt(this.array.relinquish(level))
  }

  /** The value in force, and the level that it comes from. */
  current(): PriorityReading & { readonly value: Value } {
    return this.array.current()
  }

  /** The levels filled now, highest priority first. */
  levels(): PriorityReading[] {
    return this.array.levels()
  }
}
