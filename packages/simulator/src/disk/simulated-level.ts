/**
 * An abstract-level database on simulated files, with what classic-level supports: utf8, buffer and view encodings, implicit and
 * explicit snapshots, ranges, seeking, reads in the same turn. It passes abstract-level's own suite.
 *
 * Reads end within the turn. A write ends when its files say so: with `sync`, when it is fsynced, which takes simulated time.
 */
import { AbstractIterator, AbstractLevel, AbstractSnapshot, type AbstractOpenOptions } from 'abstract-level'
import type { Cursor, SortedMap } from './sorted-map.js'

/** Values by key; a key is the string whose characters are the bytes of the key, so that strings are in the order of bytes. */
export type Entries = SortedMap<Uint8Array>

export interface LevelWrite {
  readonly changes: readonly { readonly key: string; readonly value: Uint8Array | undefined }[]
  readonly bytes: number
  readonly sync: boolean
}

/** What a database stands on. Failures carry the codes that Level gives them. */
export interface LevelFiles {
  /** What readers see: whole batches, those that ended. */
  readonly entries: Entries
  open(options: { readonly createIfMissing: boolean; readonly errorIfExists: boolean }): Promise<void>
  /** Enters a batch whole or not at all, and ends when it is stored as its `sync` asks. */
  write(write: LevelWrite): Promise<void>
  /** Rejects while the disk can't be read. */
  check(): void
  close(): Promise<void>
}

type Format = 'utf8' | 'buffer' | 'view'
type Encoded = string | Uint8Array

interface KeyOption {
  readonly keyEncoding: Format
}

interface ReadOptions extends KeyOption {
  readonly valueEncoding: Format
  readonly snapshot?: AbstractSnapshot
  readonly signal?: AbortSignal
}

interface RangeOptions {
  readonly gt?: Encoded
  readonly gte?: Encoded
  readonly lt?: Encoded
  readonly lte?: Encoded
  readonly reverse: boolean
  readonly limit: number
  readonly snapshot?: AbstractSnapshot
}

interface WriteOptions {
  readonly sync?: boolean
}

interface Operation extends KeyOption {
  readonly type: 'put' | 'del'
  readonly key: Encoded
  readonly value?: Encoded
}

const manifest = {
  encodings: { utf8: true, buffer: true, view: true },
  has: true,
  permanence: true,
  createIfMissing: true,
  errorIfExists: true,
  implicitSnapshots: true,
  explicitSnapshots: true,
  getSync: true,
  seek: true,
  signals: { iterators: true }
}

export class SimulatedLevel<K = string, V = string> extends AbstractLevel<Encoded, K, V> {
  constructor(
    private readonly files: LevelFiles,
    options?: AbstractOpenOptions & { readonly keyEncoding?: string; readonly valueEncoding?: string }
  ) {
    super(manifest, options)
  }

  /** What a read sees. */
  entriesOf(snapshot: AbstractSnapshot | undefined): Entries {
    this.files.check()
    return snapshot instanceof SimulatedSnapshot ? snapshot.entries : this.files.entries
  }

  _open(options: { createIfMissing: boolean; errorIfExists: boolean }): Promise<void> {
    return this.files.open(options)
  }

  _close(): Promise<void> {
    return this.files.close()
  }

  _getSync(key: Encoded, options: ReadOptions): Encoded | undefined {
    const value = this.entriesOf(options.snapshot).get(keyOf(key))
    return value && valueAs(value, options.valueEncoding)
  }

  async _get(key: Encoded, options: ReadOptions): Promise<Encoded | undefined> {
    return this._getSync(key, options)
  }

  async _getMany(keys: Encoded[], options: ReadOptions): Promise<(Encoded | undefined)[]> {
    return keys.map(key => this._getSync(key, options))
  }

  async _has(key: Encoded, options: ReadOptions): Promise<boolean> {
    return this.entriesOf(options.snapshot).get(keyOf(key)) !== undefined
  }

  async _hasMany(keys: Encoded[], options: ReadOptions): Promise<boolean[]> {
    const entries = this.entriesOf(options.snapshot)
    return keys.map(key => entries.get(keyOf(key)) !== undefined)
  }

  _put(key: Encoded, value: Encoded, options: WriteOptions & KeyOption): Promise<void> {
    return this._batch([{ type: 'put', key, value, keyEncoding: options.keyEncoding }], options)
  }

  _del(key: Encoded, options: WriteOptions & KeyOption): Promise<void> {
    return this._batch([{ type: 'del', key, keyEncoding: options.keyEncoding }], options)
  }

  _batch(operations: readonly Operation[], options: WriteOptions): Promise<void> {
    let bytes = 0
    const changes = operations.map(operation => {
      const key = keyOf(operation.key)
      const value = operation.type === 'put' ? bytesOf(operation.value!) : undefined
      bytes += key.length + (value?.length ?? 0)
      return { key, value }
    })
    return this.files.write({ changes, bytes, sync: options.sync === true })
  }

  _clear(options: RangeOptions & WriteOptions): Promise<void> {
    const range = new Range(this.entriesOf(options.snapshot), options)
    const changes: { key: string; value: undefined }[] = []
    let bytes = 0
    for (let left = options.limit; left !== 0; left--) {
      const entry = range.next()
      if (!entry) break
      changes.push({ key: entry[0], value: undefined })
      bytes += entry[0].length
    }
    return this.files.write({ changes, bytes, sync: options.sync === true })
  }

  _iterator(options: RangeOptions & ReadOptions): SimulatedIterator<K, V> {
    return new SimulatedIterator(this, options)
  }

  _snapshot(options: object): SimulatedSnapshot {
    return new SimulatedSnapshot(this.files.entries, options)
  }
}

// The declared constructor has no parameters; it takes the options.
const Snapshot = AbstractSnapshot as unknown as new (options: object) => AbstractSnapshot

class SimulatedSnapshot extends Snapshot {
  constructor(
    readonly entries: Entries,
    options: object
  ) {
    super(options)
  }
}

class SimulatedIterator<K, V> extends AbstractIterator<SimulatedLevel<K, V>, K, V> {
  private readonly range: Range
  private readonly keyFormat: Format
  private readonly valueFormat: Format

  constructor(
    private readonly level: SimulatedLevel<K, V>,
    private readonly options: RangeOptions & ReadOptions
  ) {
    super(level, options as object)
    this.range = new Range(level.entriesOf(options.snapshot), options)
    this.keyFormat = options.keyEncoding
    this.valueFormat = options.valueEncoding
  }

  async _next(): Promise<[Encoded | undefined, Encoded | undefined] | undefined> {
    await this.mayRead()
    return this.entry()
  }

  async _nextv(size: number): Promise<[Encoded | undefined, Encoded | undefined][]> {
    await this.mayRead()
    const entries: [Encoded | undefined, Encoded | undefined][] = []
    for (let entry = this.entry(); entry; entry = entries.length < size ? this.entry() : undefined) entries.push(entry)
    return entries
  }

  _seek(target: Encoded): void {
    this.range.seek(keyOf(target))
  }

  private async mayRead(): Promise<void> {
    const { snapshot, signal } = this.options
    this.level.entriesOf(snapshot)
    if (!signal) return
    // Reading ends at once; only in between can it be given up.
    await Promise.resolve()
    if (signal.aborted)
      throw Object.assign(new Error('Operation has been aborted'), { code: 'LEVEL_ABORTED', name: 'AbortError' })
  }

  private entry(): [Encoded | undefined, Encoded | undefined] | undefined {
    const found = this.range.next()
    return found && [keyAs(found[0], this.keyFormat), valueAs(found[1], this.valueFormat)]
  }
}

/** The entries between two keys, forth or back. */
class Range {
  private readonly cursor: Cursor<Uint8Array>
  private readonly low: string | undefined
  private readonly high: string | undefined
  private readonly lowOpen: boolean
  private readonly highOpen: boolean
  private readonly reverse: boolean

  constructor(entries: Entries, options: RangeOptions) {
    const { gt, gte, lt, lte } = options
    const low = gte ?? gt
    const high = lte ?? lt
    this.low = low === undefined ? undefined : keyOf(low)
    this.high = high === undefined ? undefined : keyOf(high)
    this.lowOpen = gte === undefined
    this.highOpen = lte === undefined
    this.reverse = options.reverse
    this.cursor = entries.cursor()
    if (this.reverse) this.toEnd()
    else if (this.low !== undefined) this.cursor.seek(this.low)
  }

  next(): [key: string, value: Uint8Array] | undefined {
    for (;;) {
      const entry = this.reverse ? this.cursor.previous() : this.cursor.next()
      if (!entry) return undefined
      // Of the first bound only its own key can be out of the range.
      if (this.reverse ? this.isAbove(entry[0]) : this.isBelow(entry[0])) continue
      return (this.reverse ? this.isBelow(entry[0]) : this.isAbove(entry[0])) ? undefined : entry
    }
  }

  /** To the key closest to `target` in the direction of reading; to the end, when `target` is out of the range. */
  seek(target: string): void {
    const out = this.isBelow(target) || this.isAbove(target)
    if (out) {
      if (this.reverse) this.cursor.seek('')
      else this.cursor.seekEnd()
    } else this.seekTo(target)
  }

  private seekTo(target: string): void {
    this.cursor.seek(target)
    if (!this.reverse) return
    // Behind the target, if it is there.
    const entry = this.cursor.next()
    if (entry && entry[0] !== target) this.cursor.previous()
  }

  private toEnd(): void {
    if (this.high === undefined) this.cursor.seekEnd()
    else this.seekTo(this.high)
  }

  private isBelow(key: string): boolean {
    return this.low !== undefined && (this.lowOpen ? key <= this.low : key < this.low)
  }

  private isAbove(key: string): boolean {
    return this.high !== undefined && (this.highOpen ? key >= this.high : key > this.high)
  }
}

const notAscii = /[\u0080-\uffff]/

/** The bytes of a key as a string. */
function keyOf(key: Encoded): string {
  if (typeof key !== 'string') return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
  return notAscii.test(key) ? Buffer.from(key, 'utf8').toString('latin1') : key
}

function keyAs(key: string, format: Format): Encoded {
  if (format === 'utf8') return notAscii.test(key) ? Buffer.from(key, 'latin1').toString('utf8') : key
  return format === 'buffer' ? Buffer.from(key, 'latin1') : new Uint8Array(Buffer.from(key, 'latin1'))
}

/** A copy: what is stored changes no more. */
function bytesOf(value: Encoded): Uint8Array {
  return typeof value === 'string' ? new Uint8Array(Buffer.from(value, 'utf8')) : new Uint8Array(value)
}

function valueAs(value: Uint8Array, format: Format): Encoded {
  if (format === 'view') return new Uint8Array(value)
  const copy = Buffer.from(value)
  return format === 'utf8' ? copy.toString('utf8') : copy
}
