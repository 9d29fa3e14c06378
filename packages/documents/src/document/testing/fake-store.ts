/** A disk that outlives its opener: commits are stored in order, one a turn, and a crash loses those that were not stored yet. */
import { assert, type Clock, type SpaceId, type SpaceStore, type StoreBatch, type StoreLoss } from '@selvedge/core'

export class FakeDisk {
  records = new Map<string, Uint8Array>()

  /** Keys that belong to a document. */
  keysOf(id: string): string[] {
    return [...this.records.keys()].filter(key => key.startsWith(`doc/${id}/`)).sort()
  }

  copy(): FakeDisk {
    const disk = new FakeDisk()
    disk.records = new Map(this.records)
    return disk
  }
}

export class FakeStore implements SpaceStore {
  /** While held, commits stay pending, as on a failing disk. */
  held = false
  /** While set, nothing can be read. */
  readFails: Error | undefined
  /** Called after each stored batch. */
  stored: (() => void) | undefined
  readonly batches: StoreBatch[] = []
  private queue: { batch: StoreBatch; done: () => void }[] = []
  private crashed = false

  constructor(
    readonly space: SpaceId,
    private readonly disk: FakeDisk,
    private readonly clock: Clock,
    readonly loss: StoreLoss | undefined = undefined
  ) {}

  get pending(): number {
    return this.queue.length
  }

  async *read(prefix = ''): AsyncIterable<{ key: string; value: Uint8Array }> {
    await Promise.resolve()
    if (this.readFails) throw this.readFails
    for (const key of [...this.disk.records.keys()].sort()) {
      const value = this.disk.records.get(key)
      if (value && key.startsWith(prefix)) yield { key, value }
    }
  }

  get(key: string): Promise<Uint8Array | undefined> {
    if (this.readFails) return Promise.reject(this.readFails)
    return Promise.resolve(this.disk.records.get(key))
  }

  commit(batch: StoreBatch): Promise<void> {
    const keys = [...batch.puts.map(put => put.key), ...batch.deletes]
    assert(new Set(keys).size === keys.length, `a key stands twice in a batch: ${keys.join()}`)
    return new Promise(done => {
      this.queue.push({ batch, done })
      this.clock.soon(() => this.storeNext())
    })
  }

  release(): void {
    this.held = false
    for (let left = this.queue.length; left > 0; left--) this.storeNext()
  }

  /** Power loss: what is queued never happens. */
  crash(): void {
    this.crashed = true
    this.queue = []
  }

  private storeNext(): void {
    if (this.held || this.crashed) return
    const next = this.queue.shift()
    if (!next) return
    for (const { key, value } of next.batch.puts) this.disk.records.set(key, value)
    for (const key of next.batch.deletes) this.disk.records.delete(key)
    this.batches.push(next.batch)
    this.stored?.()
    next.done()
  }
}
