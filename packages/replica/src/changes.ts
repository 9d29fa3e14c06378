/**
 * Hands a table's changes to whoever watches: once a turn, after the frame or the batch is whole, so that a watcher never sees half
 * of an atomic write. Every change tells where it came from and how old it is (what an actuator must know before it obeys).
 */
import { hlcToMs, type NodeId, type Value } from '@selvedge/core'
import {
  compilePattern,
  isSystemPath,
  qualities,
  type PathPattern,
  type Quality,
  type Register,
  type RegisterTable
} from '@selvedge/documents'

/** Written here, live from a peer, or merged after a cut (also when it was long under way). */
export type ChangeOrigin = 'local' | 'live' | 'merged'

export interface PointChange {
  readonly path: string
  /** '' for plain points; the element, level or writer of a composite. */
  readonly slot: string
  /** `undefined`: deleted, expired, or not yet written (in an initial value). */
  readonly value: Value | undefined
  readonly quality: Quality
  readonly origin: ChangeOrigin
  /** Wall milliseconds of the write, by its writer's clock. */
  readonly atMs: number
  /** Milliseconds since the write, by trusted time, when it was handed over. */
  readonly ageMs: number
  readonly writer: NodeId
  /** True for what stood there when the watch began. */
  readonly initial: boolean
}

export interface WatchOptions {
  /** Begin with what stands there. Default true. */
  readonly initial?: boolean
  /** Changes older than this are not handed over: what an actuator must not obey any more. Default: no limit. */
  readonly maxAgeMs?: number
  /** Watch Selvedge's own registers too. */
  readonly system?: boolean
}

interface Watcher {
  readonly pattern: PathPattern
  readonly options: WatchOptions
  readonly deliver: (changes: readonly PointChange[]) => void
}

export interface ChangesOptions {
  readonly table: () => RegisterTable
  /** Whether the session that a change came in is still catching up. */
  readonly isCatchingUp: (source: number) => boolean
  /** A write that took longer than this to come is called merged, not live. */
  readonly liveWithinMs: number
  readonly onError: (error: unknown) => void
}

const cachedPathsMax = 50_000

export class Changes {
  private readonly watchers = new Set<Watcher>()
  /** Watchers of points: Selvedge always watches some registers of its own, which costs a point's write nothing. */
  private pointWatchers = 0
  private readonly matching = new Map<string, readonly Watcher[]>()
  private readonly pending = new Map<Register, ChangeOrigin>()
  private scheduled = false

  constructor(private readonly options: ChangesOptions) {}

  /** Notes a change; it is handed over when the present call has run to its end. */
  note(register: Register, source: number): void {
    if (register.shadow || (this.pointWatchers === 0 && (this.watchers.size === 0 || !isSystemPath(register.path)))) return
    const origin = source === 0 ? 'local' : this.options.isCatchingUp(source) ? 'merged' : 'live'
    this.pending.set(register, origin)
    if (this.scheduled) return
    this.scheduled = true
    queueMicrotask(this.handOver)
  }

  watch(
    patternText: string | PathPattern,
    options: WatchOptions,
    deliver: (changes: readonly PointChange[]) => void
  ): () => void {
    const pattern = typeof patternText === 'string' ? compilePattern(patternText) : patternText
    const watcher: Watcher = { pattern, options, deliver }
    if (options.initial !== false) {
      const initial = [...this.matchingRegisters(pattern, options)].map(register => this.describe(register, 'merged', true))
      if (initial.length > 0) this.guarded(() => deliver(initial.filter(change => isYoung(change, options))))
    }
    const points = isSystemPath(pattern.literalPrefix) ? 0 : 1
    this.watchers.add(watcher)
    this.pointWatchers += points
    this.matching.clear()
    return () => {
      if (this.watchers.delete(watcher)) this.pointWatchers -= points
      this.matching.clear()
    }
  }

  /** Paths of live plain points that match a pattern. */
  *paths(patternText: string): IterableIterator<string> {
    const pattern = compilePattern(patternText)
    for (const register of this.matchingRegisters(pattern, {})) if (register.slot === '') yield register.path
  }

  private *matchingRegisters(pattern: PathPattern, options: WatchOptions): IterableIterator<Register> {
    const table = this.options.table()
    for (const register of table.all()) {
      if (register.value === undefined || table.isExpired(register) || (isSystemPath(register.path) && !options.system)) continue
      if (pattern.matches(register.path)) yield register
    }
  }

  // A field, as a function made in `note` would cost every write its context.
  private readonly handOver = (): void => {
    this.scheduled = false
    const pending = [...this.pending]
    this.pending.clear()
    const due = new Map<Watcher, PointChange[]>()
    for (const [register, origin] of pending) {
      let change: PointChange | undefined
      for (const watcher of this.watchersOf(register.path)) {
        change ??= this.describe(register, origin, false)
        if (!isYoung(change, watcher.options)) continue
        const list = due.get(watcher)
        if (list) list.push(change)
        else due.set(watcher, [change])
      }
    }
    for (const [watcher, changes] of due) if (this.watchers.has(watcher)) this.guarded(() => watcher.deliver(changes))
  }

  private watchersOf(path: string): readonly Watcher[] {
    const known = this.matching.get(path)
    if (known) return known
    const system = isSystemPath(path)
    const found = [...this.watchers].filter(
      watcher => (!system || watcher.options.system === true) && watcher.pattern.matches(path)
    )
    if (this.matching.size >= cachedPathsMax) this.matching.clear()
    this.matching.set(path, found)
    return found
  }

  private describe(register: Register, origin: ChangeOrigin, initial: boolean): PointChange {
    const table = this.options.table()
    const atMs = hlcToMs(register.time)
    const ageMs = Math.max(0, table.trusted.nowMs() - atMs)
    const absent = register.gone || table.isExpired(register)
    return {
      path: register.path,
      slot: register.slot,
      value: absent ? undefined : register.value,
      quality: qualities[register.quality] ?? 'uncertain',
      origin: origin === 'live' && ageMs > this.options.liveWithinMs ? 'merged' : origin,
      atMs,
      ageMs,
      writer: register.writer.node,
      initial
    }
  }

  // A watcher's mistake must not stop the others, nor the merge that it was told of.
  private guarded(fn: () => void): void {
    try {
      fn()
    } catch (error) {
      this.options.onError(error)
    }
  }
}

function isYoung(change: PointChange, options: WatchOptions): boolean {
  return options.maxAgeMs === undefined || change.ageMs <= options.maxAgeMs
}
