/**
 * The way of one document to the disk: its records, the commits under way, and who waits for them. Commits of a space are stored in
 * the order given, so several may be under way.
 */
import type { DocumentId, SpaceStore } from '@selvedge/core'
import type { DocumentDot } from './copy-contract.js'
import type { DocumentLimits } from './document-limits.js'
import type { EngineName } from './engine.js'
import { appendBatch, compactBatch, headerPrefix, noRecords, readContent, recordKeys } from './stored-records.js'
import type { RecordList, StoredContent } from './stored-records.js'

interface Waiter {
  resolve(dot: DocumentDot | undefined): void
  reject(error: unknown): void
}

export class DocumentWrites {
  records: RecordList = noRecords()
  private strays: readonly string[] = []
  private underWay = 0
  private newest: Promise<void> = Promise.resolve()
  private newestContent: Promise<void> = Promise.resolve()
  private newestOwn: Promise<DocumentDot | undefined> = Promise.resolve(undefined)
  private waiters: Waiter[] = []
  private error: Error | undefined

  constructor(
    private readonly id: DocumentId,
    private readonly store: SpaceStore
  ) {}

  /** Bytes of the records. */
  get bytes(): number {
    return this.records.snapshotBytes + this.records.updateBytes
  }

  get exist(): boolean {
    return this.records.snapshot > 0 || this.records.updates > 0
  }

  get busy(): boolean {
    return this.underWay > 0
  }

  /** Why nothing is written any more. */
  get failure(): Error | undefined {
    return this.error
  }

  /** Settles when every write so far is on disk or has failed; never rejects. */
  get settled(): Promise<void> {
    return this.newest
  }

  /** Resolves when the newest own edit written so far is on disk. */
  get ownSettled(): Promise<DocumentDot | undefined> {
    return this.newestOwn
  }

  /** Resolves when the own edit that is written next is on disk. */
  nextOwn(): Promise<DocumentDot | undefined> {
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }))
  }

  rejectWaiters(error: Error): void {
    for (const waiter of this.waiters.splice(0)) waiter.reject(error)
  }

  /** Whether `updates` are better written as a snapshot of everything. */
  shouldCompact(updates: readonly Uint8Array[], { updateRecordsMax, updateRecordBytesMax }: DocumentLimits): boolean {
    if (updates.length === 0) return false
    const bytes = updates.reduce((sum, update) => sum + update.length, this.records.updateBytes)
    return this.records.updates >= updateRecordsMax || bytes > Math.max(updateRecordBytesMax, this.records.snapshotBytes)
  }

  /** After the content that is under way. A header alone changes nothing of it, and may wait for a full disk for days. */
  async read(): Promise<StoredContent> {
    await this.newestContent
    return readContent(this.store, this.id, this.records)
  }

  /** Nothing that was found is built upon: the next write is a snapshot that takes its place. */
  distrust(found: StoredContent): void {
    this.strays = [...found.strays, ...recordKeys(this.id, this.records)]
    this.records = { ...noRecords(), firstUpdate: Math.max(found.last, this.records.firstUpdate + this.records.updates) + 1 }
  }

  /** Writes updates, or a snapshot in the place of everything, with the header that fits. */
  write(
    engine: EngineName,
    content: readonly Uint8Array[] | { snapshot: Uint8Array },
    header: (records: RecordList) => Uint8Array,
    own: DocumentDot | undefined,
    stored: () => void
  ): void {
    const batch =
      'snapshot' in content
        ? compactBatch(this.id, this.records, engine, content.snapshot, this.strays)
        : { ...appendBatch(this.id, this.records, engine, content), deletes: [] }
    if ('snapshot' in content) this.strays = []
    this.records = batch.records
    const puts = [...batch.puts, { key: headerPrefix + this.id, value: header(this.records) }]
    const waiters = own ? this.waiters.splice(0) : []
    this.underWay++
    const commit = this.store.commit({ puts, deletes: batch.deletes })
    if (own) {
      this.newestOwn = commit.then(() => own)
      // Those who wait for it are told; nobody may be waiting.
      this.newestOwn.catch(() => undefined)
    }
    this.newest = commit.then(
      () => {
        this.underWay--
        stored()
        for (const waiter of waiters) waiter.resolve(own)
      },
      (error: unknown) => {
        this.underWay--
        for (const waiter of waiters) waiter.reject(error)
        this.fail(error)
      }
    )
    if ('snapshot' in content || content.length > 0) this.newestContent = this.newest
  }

  /** Removes every record and the header. */
  async purge(): Promise<void> {
    const { strays } = await this.read()
    const deletes = [...new Set([...recordKeys(this.id, this.records), ...strays]), headerPrefix + this.id]
    await this.store.commit({ puts: [], deletes })
  }

  fail(error: unknown): void {
    this.error ??= error instanceof Error ? error : new Error('the store failed', { cause: error })
    this.rejectWaiters(this.error)
  }
}
