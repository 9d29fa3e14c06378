/**
 * Points as services see them: typed writes that never block, readings that tell how fresh they are and how far they have reached,
 * and watches. A write that does not fit its schema is refused here, where it is made; what arrives from peers is never refused for
 * its schema (a later version may know more).
 *
 * @example
 * const receipt = site.points.set('ahu/1/supply-temp', 18.5)
 * await receipt.durable('site', { signal: AbortSignal.timeout(5_000) })
 * for await (const change of site.points.watch('ahu/**')) console.log(change.path, change.value, change.ageMs)
 */
import {
  encodedSize,
  hlcToMs,
  limits,
  ownValue,
  pathProblem,
  SelvedgeError,
  tooLarge,
  coreErrors,
  valueProblem,
  type NodeId,
  type Value
} from '@selvedge/core'
import {
  isSystemPath,
  qualities,
  refuse,
  type AnyPointSchema,
  type PathArgument,
  type PointInput,
  type PointValue,
  type PriorityValue,
  type Quality,
  type Register,
  type SetElementOf
} from '@selvedge/documents'
import { CounterHandle, PriorityHandle, SetHandle } from './composite-handles.js'
import { replicaErrors } from './errors.js'
import type { ChangeOrigin, PointChange, WatchOptions } from './changes.js'
import type { Reached, Receipt } from './receipts.js'
import type { SpaceReplica } from './space-replica.js'
import { WatchIterator } from './watch-iterator.js'

export interface SetOptions {
  /** Default `good`. */
  readonly quality?: Quality
  /** From this many milliseconds on (trusted time) it reads as absent: overrides and leases. Default: never. */
  readonly expiresInMs?: number
}

/** Why a reading should not be relied on: its writer is not there, or it was due to be written again. */
export type Staleness = 'writer-gone' | 'overdue'

export interface Reading<V = Value> {
  readonly value: V
  readonly quality: Quality
  /** Wall milliseconds of the write, by its writer's clock. */
  readonly atMs: number
  /** Milliseconds since, by trusted time. */
  readonly ageMs: number
  readonly writer: NodeId
  /** The writer's name, if it is known. */
  readonly writerName: string
  /** How far the write is known to have reached. */
  readonly reached: Reached
  /** Set when the reading should not be relied on. */
  readonly stale: Staleness | undefined
  readonly expiresAtMs: number | undefined
}

/** What points need to know of the site around them. */
export interface PointsContext {
  /** Whether a node is there; undefined: not known. */
  readonly isPresent: (node: NodeId) => boolean | undefined
  readonly nameOf: (node: NodeId) => string
}

export interface BatchWriter<S extends AnyPointSchema> {
  set<P extends string>(path: PathArgument<S, P, 'plain'>, value: PointInput<S, P>, options?: SetOptions): void
  delete<P extends string>(path: PathArgument<S, P, 'plain'>): void
}

export class Points<S extends AnyPointSchema> {
  constructor(
    private readonly space: SpaceReplica,
    private readonly schema: S | undefined,
    private readonly context: PointsContext
  ) {}

  /**
   * Writes a point. It is readable at once; it never waits for disk or network, and what has not been sent or stored yet coalesces.
   * @throws SelvedgeError `POINT_REFUSED`, `POINT_UNKNOWN`, `PATH_INVALID`, `VALUE_INVALID`, `VALUE_TOO_LARGE`
   */
  set<P extends string>(path: PathArgument<S, P, 'plain'>, value: PointInput<S, P>, options?: SetOptions): Receipt {
    return this.space.receipt(this.space.table.set(path, this.accept(path, value), options && this.writeOptions(options)))
  }

  /** Deletes a point. */
  delete<P extends string>(path: PathArgument<S, P, 'plain'>): Receipt {
    this.checkPath(path)
    return this.space.receipt(this.space.table.delete(path))
  }

  /**
   * Several writes that travel, are stored, and are seen by watchers together, or not at all: if one is refused, none is made.
   * @throws SelvedgeError `BATCH_TOO_LARGE`, or as {@link set}
   */
  batch(fill: (writer: BatchWriter<S>) => void): Receipt {
    const writes: { path: string; value: Value | undefined; options: SetOptions | undefined }[] = []
    fill({
      set: (path, value, options) => void writes.push({ path, value: this.accept(path, value), options }),
      delete: path => {
        this.checkPath(path)
        writes.push({ path, value: undefined, options: undefined })
      }
    })
    const size = writes.reduce(
      (sum, { path, value }) => sum + path.length * 3 + 32 + (value === undefined ? 0 : encodedSize(value)),
      0
    )
    if (writes.length === 0 || writes.length > limits.batchRegistersMax || size > limits.batchBytesMax)
      throw new SelvedgeError(
        replicaErrors.batchTooLarge,
        `a batch of ${writes.length} writes (about ${size} bytes): 1 to ${limits.batchRegistersMax} writes and ${limits.batchBytesMax} bytes are allowed`,
        { details: { writes: writes.length, bytes: size } }
      )
    const { table } = this.space
    const results = table.batch(() =>
      writes.map(({ path, value, options }) =>
        value === undefined ? table.delete(path) : table.set(path, value, options && this.writeOptions(options))
      )
    )
    // Seqs of one batch are consecutive: the last being durable means that all are.
    return this.space.receipt(results[results.length - 1]!)
  }

  /** What stands at a point, or undefined when it was never written, was deleted, or has expired. */
  get<P extends string>(path: PathArgument<S, P, 'plain'>): Reading<PointValue<S, P>> | undefined {
    const register = this.space.table.get(path)
    return register === undefined ? undefined : this.read(register)
  }

  /** Readings of every plain point whose path matches a glob pattern. */
  *list(pattern = '**'): IterableIterator<Reading & { readonly path: string }> {
    const { table } = this.space
    for (const path of this.space.changes.paths(pattern)) {
      const register = table.get(path)
      if (register) yield { path, ...this.read(register) }
    }
  }

  /**
   * Watches points whose paths match a glob pattern (`*` one segment, `**` any number). Without a callback it is an async iterable:
   * while its reader is behind, changes of one point coalesce. With a callback it is called once for each change.
   */
  watch(pattern: string, options?: WatchOptions): AsyncIterableIterator<PointChange> & Disposable
  watch(pattern: string, onChange: (change: PointChange) => void, options?: WatchOptions): () => void
  watch(
    pattern: string,
    second?: WatchOptions | ((change: PointChange) => void),
    third?: WatchOptions
  ): (AsyncIterableIterator<PointChange> & Disposable) | (() => void) {
    if (typeof second === 'function') {
      return this.space.changes.watch(pattern, third ?? {}, changes => changes.forEach(second))
    }
    return new WatchIterator(deliver => this.space.changes.watch(pattern, second ?? {}, deliver))
  }

  /** A sum that every writer adds to. */
  counter<P extends string>(path: PathArgument<S, P, 'counter'>): CounterHandle {
    this.checkPath(path, 'counter')
    return new CounterHandle(this.space, path)
  }

  /** A set of strings or numbers. */
  elements<P extends string>(path: PathArgument<S, P, 'set'>): SetHandle<SetElementOf<S, P>> {
    this.checkPath(path, 'set')
    return new SetHandle(this.space, path, this.schema)
  }

  /** A BACnet-style array of 16 priorities. */
  priority<P extends string>(path: PathArgument<S, P, 'priority'>): PriorityHandle<PriorityValue<S, P>> {
    this.checkPath(path, 'priority')
    return new PriorityHandle(this.space, path, this.schema)
  }

  /** The reading of a register: also of a composite's. */
  read(register: Register): Reading {
    const { table, receipts } = this.space
    const atMs = hlcToMs(register.time)
    const ageMs = Math.max(0, table.trusted.nowMs() - atMs)
    return {
      value: register.value as Value,
      quality: qualities[register.quality] ?? 'uncertain',
      atMs,
      ageMs,
      writer: register.writer.node,
      writerName: this.context.nameOf(register.writer.node),
      reached: receipts.reached(register.writer, register.seq),
      stale: this.staleness(register, ageMs),
      expiresAtMs: register.expiresAtMs === 0 ? undefined : register.expiresAtMs
    }
  }

  private staleness(register: Register, ageMs: number): Staleness | undefined {
    const maxAgeMs = this.schema?.find(register.path)?.maxAgeMs
    if (maxAgeMs !== undefined && ageMs > maxAgeMs) return 'overdue'
    return register.writer.node !== this.space.table.node && this.context.isPresent(register.writer.node) === false
      ? 'writer-gone'
      : undefined
  }

  private writeOptions(options: SetOptions): { quality?: Quality; expiresAtMs?: number } {
    return {
      ...(options.quality === undefined ? {} : { quality: options.quality }),
      ...(options.expiresInMs === undefined
        ? {}
        : { expiresAtMs: Math.floor(this.space.table.trusted.nowMs() + options.expiresInMs) })
    }
  }

  // The value as the table will own it, or an error that tells the path and the reason.
  private accept(path: string, value: unknown): Value {
    this.checkPath(path, 'plain')
    let accepted = value
    if (this.schema) {
      const checked = this.schema.check(path, value)
      if (!checked.ok) refuse(path, checked.problem)
      accepted = checked.value
    }
    const problem = valueProblem(accepted)
    if (problem) throw new SelvedgeError(coreErrors.valueInvalid, `${path}: ${problem}`, { details: { path } })
    const owned = ownValue(accepted as Value)
    if (typeof owned === 'string' ? owned.length > limits.valueBytesMax / 3 : typeof owned === 'object') {
      const size = encodedSize(owned)
      if (size > limits.valueBytesMax) throw tooLarge(size)
    }
    return owned
  }

  private checkPath(path: string, kind?: 'plain' | 'counter' | 'set' | 'priority'): void {
    // What stands in the table was checked when it came there.
    const known = this.space.table.peekAddress(path)?.slot === ''
    const problem =
      (known ? undefined : pathProblem(path)) ?? (isSystemPath(path) ? 'paths that start with @ are reserved' : undefined)
    if (problem)
      throw new SelvedgeError(coreErrors.pathInvalid, `${JSON.stringify(path)} is no path for a point: ${problem}`, {
        details: { path }
      })
    if (kind && this.schema) this.schema.require(path, kind)
  }
}

export type { ChangeOrigin }
