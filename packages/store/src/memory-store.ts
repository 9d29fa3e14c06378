/**
 * A store in memory: for tests, simulations and nodes that need not outlive their process. What a {@link MemoryDisk} holds is what
 * a real disk would hold after a crash: a batch is on it once its `commit` resolved, and not before its sync.
 *
 * @example
 * const disk = new MemoryDisk()
 * const store = new MemoryStore({ disk, clock })
 * disk.crash() // as kill -9 would: the store can write no more
 * const restarted = new MemoryStore({ disk, clock })
 */
import {
  SelvedgeError,
  assert,
  isSelvedgeError,
  silentLogger,
  type Clock,
  type Logger,
  type SpaceId,
  type SpaceStore,
  type Store,
  type StoreBatch,
  type StoreHealth,
  type StoreStats
} from '@selvedge/core'
import { CommitQueue, closedError, type CommitQueueOptions, type CommitTarget } from './commit-queue.js'
import { storeErrors } from './errors.js'
import { HealthState } from './health.js'
import { assertRecordKey } from './record.js'

/** What outlives a {@link MemoryStore}. One store has it at a time. */
export class MemoryDisk {
  readonly spaces = new Map<SpaceId, Map<string, Uint8Array>>()
  /** The store that has it. */
  owner: object | undefined

  /** Takes the disk away from its store as a crash does: commits under way are not stored and their promises stay pending. */
  crash(): void {
    this.owner = undefined
  }
}

export interface MemoryStoreOptions extends CommitQueueOptions {
  /** Default: one of its own, which is gone with the store. */
  readonly disk?: MemoryDisk | undefined
  readonly clock: Clock
  readonly log?: Logger | undefined
  /**
   * Called before each sync with the bytes that it stores; the sync takes as long as the promise. What it throws fails the sync,
   * which is then retried: a `SelvedgeError` gives the health its code, such as `STORE_FULL`, any other error means `STORE_IO`.
   */
  readonly beforeSync?: ((bytes: number) => Promise<void> | void) | undefined
}

interface MemoryBatch {
  readonly space: SpaceId
  readonly puts: readonly { readonly key: string; readonly value: Uint8Array }[]
  readonly deletes: readonly string[]
  readonly bytes: number
}

export class MemoryStore implements Store, CommitTarget<MemoryBatch, readonly MemoryBatch[]> {
  private readonly disk: MemoryDisk
  private readonly healthState: HealthState
  private readonly queue: CommitQueue<MemoryBatch, readonly MemoryBatch[]>
  private readonly opened = new Set<SpaceId>()
  private bytesWritten = 0
  private closing: Promise<void> | undefined

  /** @throws SelvedgeError `STORE_LOCKED` when another store has the disk */
  constructor(private readonly options: MemoryStoreOptions) {
    this.disk = options.disk ?? new MemoryDisk()
    if (this.disk.owner)
      throw new SelvedgeError(storeErrors.locked, 'the memory disk is in use: close the other store, or call crash() on the disk')
    this.disk.owner = this
    const log = options.log ?? silentLogger
    this.healthState = new HealthState(options.clock, log)
    this.queue = new CommitQueue(this, options.clock, log, this.healthState, options)
  }

  get health(): StoreHealth {
    return this.healthState.current
  }

  onHealth(listener: (health: StoreHealth) => void): () => void {
    return this.healthState.listen(listener)
  }

  async open(space: SpaceId): Promise<SpaceStore> {
    if (this.closing) throw closedError()
    assert(!this.opened.has(space), `space ${space} is opened once`)
    this.opened.add(space)
    return new MemorySpace(this, space)
  }

  async spaces(): Promise<SpaceId[]> {
    const spaces: SpaceId[] = []
    for (const [id, records] of this.disk.spaces) if (records.size > 0) spaces.push(id)
    return spaces.sort()
  }

  stats(): StoreStats {
    return {
      commits: this.queue.commits,
      syncs: this.queue.syncs,
      bytesWritten: this.bytesWritten,
      pendingBatches: this.queue.pending
    }
  }

  close(): Promise<void> {
    this.closing ??= this.shut()
    return this.closing
  }

  private async shut(): Promise<void> {
    // Batches of a store that has crashed stay pending for ever: there is nothing to wait for.
    if (this.disk.owner !== this) return
    await this.queue.close()
    this.disk.owner = undefined
  }

  /** The records on the disk. */
  recordsOf(space: SpaceId): ReadonlyMap<string, Uint8Array> {
    if (this.closing) throw closedError()
    return this.disk.spaces.get(space) ?? new Map<string, Uint8Array>()
  }

  enqueue(batch: MemoryBatch): Promise<void> {
    const refusal = this.queue.refusal(batch.bytes)
    return refusal ? Promise.reject(refusal) : this.queue.push(batch, batch.bytes)
  }

  prepare(batches: readonly MemoryBatch[]): readonly MemoryBatch[] {
    return batches
  }

  async store(group: readonly MemoryBatch[]): Promise<void> {
    const bytes = group.reduce((sum, batch) => sum + batch.bytes, 0)
    await this.options.beforeSync?.(bytes)
    // After a crash nothing is stored and nobody is told.
    if (this.disk.owner !== this) return new Promise(() => {})
    for (const batch of group) {
      let records = this.disk.spaces.get(batch.space)
      if (!records) this.disk.spaces.set(batch.space, (records = new Map<string, Uint8Array>()))
      for (const { key, value } of batch.puts) records.set(key, value)
      for (const key of batch.deletes) records.delete(key)
    }
    this.bytesWritten += bytes
  }

  recover(): Promise<void> {
    return Promise.resolve()
  }

  fault(error: unknown): SelvedgeError {
    if (isSelvedgeError(error)) return error
    return new SelvedgeError(storeErrors.io, `the memory disk fails: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error
    })
  }
}

class MemorySpace implements SpaceStore {
  readonly loss = undefined

  constructor(
    private readonly store: MemoryStore,
    readonly space: SpaceId
  ) {}

  commit(batch: StoreBatch): Promise<void> {
    const seen = new Set<string>()
    let bytes = 0
    const check = (key: string): void => {
      assertRecordKey(key)
      assert(!seen.has(key), `the key ${key} stands in a batch once`)
      seen.add(key)
      bytes += key.length
    }
    const puts = batch.puts.map(({ key, value }) => {
      check(key)
      bytes += value.length
      return { key, value: Uint8Array.from(value) }
    })
    for (const key of batch.deletes) check(key)
    return this.store.enqueue({ space: this.space, puts, deletes: batch.deletes.slice(), bytes })
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    assertRecordKey(key)
    const value = this.store.recordsOf(this.space).get(key)
    return value && Uint8Array.from(value)
  }

  async *read(prefix = ''): AsyncGenerator<{ key: string; value: Uint8Array }> {
    const records: [string, Uint8Array][] = []
    for (const entry of this.store.recordsOf(this.space)) if (entry[0].startsWith(prefix)) records.push(entry)
    records.sort(([a], [b]) => compareCodePoints(a, b))
    for (const [key, value] of records) yield { key, value: Uint8Array.from(value) }
  }
}

/** The order of UTF-8 bytes, which is that of code points and, beyond U+FFFF, not that of JavaScript's UTF-16 units. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const surrogates = Number(isSurrogate(x)) - Number(isSurrogate(y))
    return surrogates !== 0 ? surrogates : x - y
  }
  return a.length - b.length
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xe000
}
