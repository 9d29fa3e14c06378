/** Composites of a space as services use them: conventions over slots (see `composites` in `@selvedge/documents`), with receipts. */
import { ownValue, valueProblem, type Value } from '@selvedge/core'
import {
  counterValue,
  increment,
  PriorityArray,
  refuse,
  refused,
  RegisterSet,
  type AnyPointSchema,
  type IncrementOptions,
  type PointKind,
  type PriorityReading,
  type SetElement
} from '@selvedge/documents'
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
export class SetHandle<E extends SetElement = SetElement> {
  private readonly set: RegisterSet

  constructor(
    private readonly space: SpaceReplica,
    readonly path: string,
    private readonly schema: AnyPointSchema | undefined
  ) {
    this.set = new RegisterSet(space.table, path)
  }

  /** @throws SelvedgeError `SLOT_INVALID`, `POINT_REFUSED` */
  add(element: E): Receipt {
    checked(this.schema, this.path, element, 'set')
    return this.space.receipt(this.set.add(element))
  }

  remove(element: E): Receipt {
    return this.space.receipt(this.set.remove(element))
  }

  has(element: E): boolean {
    return this.set.has(element)
  }

  values(): SetElement[] {
    return this.set.values()
  }
}

/** BACnet's 16 levels: the filled level of the lowest number wins; with none filled the relinquish default holds. */
export class PriorityHandle<V = Value> {
  private readonly array: PriorityArray

  constructor(
    private readonly space: SpaceReplica,
    readonly path: string,
    private readonly schema: AnyPointSchema | undefined
  ) {
    const definition = schema?.find(path)?.definition
    this.array = new PriorityArray(space.table, path, definition?.type === 'priority' ? definition.relinquishDefault : null)
  }

  /**
   * Fills a level (1 highest to 16), for good or for a time.
   * @throws SelvedgeError `LEVEL_INVALID`, `POINT_REFUSED`
   */
  write(level: number, value: V, options: { expiresInMs?: number } = {}): Receipt {
    const accepted = checked(this.schema, this.path, value, 'priority')
    const expiresAtMs =
      options.expiresInMs === undefined ? {} : { expiresAtMs: Math.floor(this.space.table.trusted.nowMs() + options.expiresInMs) }
    return this.space.receipt(this.array.write(level, ownValue(accepted), expiresAtMs))
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

// What may be written, or an error that tells the path and the reason.
function checked(schema: AnyPointSchema | undefined, path: string, value: unknown, kind: PointKind): Value {
  const result = schema?.check(path, value, kind)
  if (result && !result.ok) refuse(path, result.problem)
  const accepted = result ? result.value : value
  const problem = valueProblem(accepted)
  if (problem) refuse(path, refused(problem).problem)
  return accepted as Value
}
