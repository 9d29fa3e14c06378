/**
 * One document of this replica: its instance in memory (made when needed), its records in the store, and what its content includes.
 *
 * Edits and updates gather during a turn of the event loop and are *sealed*: one record, the header with what it includes, one
 * commit. Invariants:
 * - `durable` names only edits whose content is on disk; `included` only edits whose content is in this instance.
 * - An edit is listed in the catalogue, sent, or used in an answer only after the commit of the seal that took it.
 * - A snapshot takes the place of records in the same batch, and is taken at a seal: it holds no edit that has no count yet.
 */
import { type SelvedgeError, assert, type DocumentId, type Timer, type Value } from '@selvedge/core'
import type { CopyCommit, CopyHost, DocumentDot, LiveUpdate } from './copy-contract.js'
import { isOversize, refuseUnstorable } from './document-size.js'
import { DocumentWrites } from './document-writes.js'
import { loadReadable, type Answer, type Engine, type EngineName, type PullSide } from './engine.js'
import { documentBacklog, documentTooLarge } from './errors.js'
import { FloatingUpdates } from './floating-updates.js'
import { raise, type Included } from './included.js'
import { PendingEdits } from './pending-edits.js'
import { encodeHeader, type Header, type OwnEdits, type StoredContent } from './stored-records.js'
import { YjsEngine } from './yjs-engine.js'

export class DocumentCopy {
  /** Undefined until the catalogue, a peer or a service says it. */
  engineName: EngineName | undefined
  readonly included = new Map<string, number>()
  durable: Included = new Map()
  /** Own edits by writer key: of this boot, and those of earlier ones that may not be listed in the catalogue. */
  readonly own = new Map<string, OwnEdits>()
  /** Own edits of this boot: writer key → the highest count given. A count is never given twice, even when records were lost. */
  readonly written = new Map<string, number>()
  deleted = false
  purged = false
  release: Value | undefined
  /** Called when an Automerge document's content changed. */
  readonly contentListeners = new Set<() => void>()

  private engine: Engine | undefined
  private loading: Promise<Engine> | undefined
  private loaded = false
  private loadingBytes = 0
  private pins = 0
  private readonly floating: FloatingUpdates
  private readonly pending: PendingEdits
  private readonly writes: DocumentWrites
  private timer: Timer | undefined
  private reading: Timer | undefined

  constructor(
    readonly id: DocumentId,
    private readonly host: CopyHost<DocumentCopy>,
    header?: Header
  ) {
    this.pending = new PendingEdits(host.limits.documentBytesMax)
    this.floating = new FloatingUpdates(host.limits.floatingMax)
    this.writes = new DocumentWrites(id, host.store)
    if (!header) return
    this.engineName = header.engine
    this.deleted = header.deleted
    raise(this.included, header.included)
    this.durable = header.included
    for (const [writer, edits] of header.own) this.own.set(writer, edits)
    this.writes.records = header.records
    this.release = header.release
  }

  get hasContent(): boolean {
    return this.writes.exist || this.included.size > 0
  }

  /** Whether an answer may be made from the instance: it holds nothing that could not be stored. */
  get servable(): boolean {
    return !this.pending.overflowed && !this.purged && this.writes.failure === undefined
  }

  get idle(): boolean {
    return this.loaded && this.pins === 0 && !this.writes.busy && !this.pending.any && this.servable
  }

  get pinned(): boolean {
    return this.pins > 0
  }

  /** Keeps the instance in memory until `unpin`. */
  pin(): void {
    this.pins++
  }

  unpin(): void {
    this.pins--
    if (this.idle) this.host.rested(this)
  }

  /** The instance with everything stored in it. */
  use(): Promise<Engine> {
    if (this.loaded && this.engine) return Promise.resolve(this.engine)
    if (!this.loading) {
      const loading = this.load().finally(() => {
        if (this.loading === loading) this.loading = undefined
      })
      this.loading = loading
    }
    return this.loading
  }

  /** The Yjs instance at once, though what is stored may still be on its way into it. */
  openYjs(): YjsEngine {
    const engine = this.engine ?? this.start(this.createYjs())
    assert(engine instanceof YjsEngine, 'a shared document has a Yjs engine')
    this.useLater()
    return engine
  }

  /** Runs `work` on the loaded document: now, so that it throws to the caller, or once it is loaded. */
  whenLoaded(bytes: number, work: () => void, failed: (error: unknown) => void): void {
    if (this.loaded) {
      work()
      return
    }
    if (this.loadingBytes + bytes > this.host.limits.loadingBytesMax) return
    this.loadingBytes += bytes
    this.pin()
    this.use()
      .then(work)
      .catch(failed)
      .finally(() => {
        this.loadingBytes -= bytes
        this.unpin()
      })
  }

  /** Applies a live update from a peer. @throws SelvedgeError when it is malformed */
  applyLive(live: LiveUpdate, origin: object): void {
    if (!this.loaded || this.purged || live.to <= this.count(live.writer)) return
    this.refuseAboveTransferLimit()
    const integrated = this.engine!.apply(live.update)
    this.pending.remote.push(live.update)
    if (live.to > this.mostOf(live.writer)) {
      this.host.log.error({ id: this.id, writer: live.writer, count: live.to }, 'a peer claims own edits that were never made')
    } else if (integrated && live.from <= this.count(live.writer)) {
      this.included.set(live.writer, live.to)
      this.pending.forwards.push({ live, origin })
    } else this.floating.add(live)
    this.contentArrived()
  }

  /** Applies an answer. True when the document now includes what the answerer's did. @throws SelvedgeError when it is malformed */
  applyAnswer(side: PullSide, answer: Answer, included: Included): boolean {
    if (!this.loaded || this.purged) return true
    this.refuseAboveTransferLimit()
    const { update, reached } = side.receive(answer)
    if (update) this.pending.remote.push(update)
    if (reached) {
      const possible = new Map([...included].map(([writer, count]) => [writer, Math.min(count, this.mostOf(writer))]))
      if (raise(this.included, possible)) this.pending.header = true
    }
    this.contentArrived()
    return reached
  }

  setDeleted(deleted: boolean): void {
    if (this.deleted === deleted) return
    this.deleted = deleted
    if (this.hasContent) this.writeHeader()
  }

  setRelease(release: Value): void {
    this.release = release
    this.writeHeader()
  }

  /** Own edits of earlier boots that the catalogue now lists need not be remembered. */
  forgetOwn(writer: string): void {
    this.own.delete(writer)
    this.writeHeader()
  }

  /**
   * Resolves with the newest own edit once all edits made so far are on disk here.
   * @throws SelvedgeError `DOCUMENT_TOO_LARGE`, or what the store failed with
   */
  flushed(): Promise<DocumentDot | undefined> {
    const { failure } = this.writes
    if (failure) return Promise.reject(failure)
    if (this.pending.oversize) return Promise.reject(documentTooLarge(this.id, this.host.limits.documentBytesMax))
    return this.pending.hasLocal ? this.writes.nextOwn() : this.writes.ownSettled
  }

  /** Seals what has gathered, now. Resolves when everything sealed so far is on disk, or the store has failed. */
  sealNow(): Promise<void> {
    this.seal(true)
    return this.writes.settled
  }

  /** Lets the instance go. Only when idle. */
  evict(): void {
    this.engine?.destroy()
    this.engine = undefined
    this.loaded = false
    this.floating.clear()
  }

  /** Removes everything stored of the document. */
  async purge(): Promise<void> {
    this.purged = true
    this.timer?.cancel()
    this.reading?.cancel()
    this.evict()
    await this.writes.purge()
  }

  /** Nothing is stored any more; whoever waits is told. */
  close(error: SelvedgeError): void {
    this.writes.fail(error)
    this.timer?.cancel()
    this.reading?.cancel()
    this.evict()
  }

  /** The most edits that `writer` can have made: of this boot's own writers this replica knows it. */
  mostOf(writer: string): number {
    return this.written.get(writer) ?? Number.POSITIVE_INFINITY
  }

  private count(writer: string): number {
    return this.included.get(writer) ?? 0
  }

  private createYjs(): YjsEngine {
    return this.host.createYjs(this.id, {
      local: update => this.localEdit(update),
      observerFailed: error => this.host.log.warn({ id: this.id, error }, 'an observer of a document threw'),
      destroyed: () => this.retire()
    })
  }

  private start<Kind extends Engine>(engine: Kind): Kind {
    this.engine = engine
    if (this.pending.local.length > 0) engine.load(this.pending.local)
    return engine
  }

  private async load(): Promise<Engine> {
    if (this.engine === undefined) {
      // Only when its header was lost is the engine of a stored document not known.
      this.engineName ??= (await this.writes.read()).engine ?? this.host.listedEngine(this.id) ?? 'yjs'
      if (this.engineName === 'automerge') {
        const changed = (): void => [...this.contentListeners].forEach(listener => listener())
        this.start(await this.host.createAutomerge(update => this.localEdit(update), changed))
      } else this.start(this.createYjs())
    }
    const engine = this.engine!
    const content = await this.writes.read()
    if (this.writes.failure) throw this.writes.failure
    // It was destroyed meanwhile, and edits that were left have begun a new one.
    if (this.engine !== engine) return this.use()
    const unreadable = loadReadable(engine, content.updates)
    for (const error of unreadable) this.host.log.error({ id: this.id, error }, 'a stored update of a document is unreadable')
    const sound = content.sound && unreadable.length === 0
    this.loaded = true
    if (!sound) this.distrust(content)
    this.schedule()
    return engine
  }

  /** Edits that were made meanwhile are stored once it is read: until it can be, it is tried again. */
  private useLater(): void {
    const { clock, limits, log } = this.host
    this.reading?.cancel()
    this.use().catch((error: unknown) => {
      log.error({ id: this.id, error }, 'a document could not be read')
      if (this.writes.failure || this.purged) return
      this.reading?.cancel()
      this.reading = clock.setTimer(limits.readAgainDelayMs, () => this.useLater())
    })
  }

  /** Records were lost: nothing is claimed any more, so that everything is pulled again, and what is left is announced. */
  private distrust(found: StoredContent): void {
    this.host.log.warn({ id: this.id }, 'stored records of a document are missing or stale; it is pulled again')
    this.writes.distrust(found)
    this.included.clear()
    this.durable = new Map()
    this.own.clear()
    this.pending.announce = found.updates.length > 0
    this.pending.compact = true
    this.host.changed(this)
  }

  private localEdit(update: Uint8Array): void {
    if (this.writes.failure) throw this.writes.failure
    // A config change is refused before it is made; a Yjs edit stands already when we hear of it.
    if (this.engineName === 'automerge')
      refuseUnstorable(this.id, update, this.pending, this.writes, this.engine!, this.host.limits)
    const queued = this.pending.add(update)
    this.schedule()
    if (!queued) throw documentBacklog(this.id, this.host.limits.documentBytesMax)
  }

  /** The service destroyed the instance: its edits are kept, and whoever opens the document again gets a new one. */
  private retire(): void {
    if (this.loaded) this.seal(true)
    if (this.pending.oversize) {
      this.host.log.error({ id: this.id }, 'edits that made a document too large are lost with its instance')
      this.pending.abandonLocal()
    }
    if (!this.loaded && this.pending.hasLocal) this.pending.replaceLocal(this.engine!.snapshot())
    this.engine = undefined
    this.loaded = false
    this.loading = undefined
    this.floating.clear()
    if (this.pending.hasLocal) this.useLater()
  }

  private contentArrived(): void {
    if (this.floating.claim(this.included, () => this.engine!.settled)) this.pending.header = true
    this.schedule()
    this.host.changed(this)
  }

  private writeHeader(): void {
    if (this.engineName === undefined) return
    this.pending.header = true
    this.schedule()
  }

  private schedule(): void {
    if (this.timer || this.writes.busy || this.purged || !this.pending.any) return
    if (!this.loaded && !this.pending.header) return
    this.timer = this.host.clock.soon(() => {
      this.timer = undefined
      this.seal()
    })
  }

  /** Without `force` it waits for the write under way, so that a slow disk gets larger batches, not more of them. */
  private seal(force = false): void {
    const { pending, writes } = this
    if (writes.failure || this.purged || !pending.any || (writes.busy && !force)) return
    if (!this.loaded) {
      if (pending.header) this.write([], undefined, [])
      return
    }
    const engine = this.engine!
    let local = pending.hasLocal
    if (local && isOversize(this.pending, this.writes, engine, this.host.limits)) {
      pending.refuse()
      local = false
      this.host.log.error({ id: this.id }, 'a document is too large: its newest edits are neither stored nor sent')
      writes.rejectWaiters(documentTooLarge(this.id, this.host.limits.documentBytesMax))
    }
    const joined = pending.local.length > 0 ? engine.join(pending.local) : undefined
    const { overflowed, announce, oversize } = pending
    const own = local || announce ? this.countOwn(engine, announce ? undefined : joined) : undefined
    const { remote, forwards } = pending.take()
    const updates = joined ? [joined, ...remote] : remote
    // A snapshot of an oversize document would hold the edits that are refused.
    const compact = !oversize && (overflowed || pending.compact || writes.shouldCompact(updates, this.host.limits))
    if (compact) pending.compact = false
    this.write(compact ? { snapshot: engine.snapshot() } : updates, own, forwards)
  }

  private countOwn(engine: Engine, update: Uint8Array | undefined): NonNullable<CopyCommit['own']> {
    const writer = this.host.writerKey()
    const count = Math.max(this.count(writer), this.written.get(writer) ?? 0) + 1
    const clock = engine.ownClock
    this.included.set(writer, count)
    this.own.set(writer, { count, clock })
    this.written.set(writer, count)
    return { writer, count, clock, update }
  }

  private write(
    content: readonly Uint8Array[] | { snapshot: Uint8Array },
    own: CopyCommit['own'],
    forwards: CopyCommit['forwards']
  ): void {
    this.pending.header = false
    const included = new Map(this.included)
    const { deleted, release } = this
    const engine = this.engineName!
    this.writes.write(
      engine,
      content,
      records => encodeHeader({ engine, deleted, included, own: this.own, records, release }),
      own && { writer: own.writer, count: own.count },
      () => {
        this.durable = included
        this.host.committed(this, { own, forwards })
        this.schedule()
        if (this.idle) this.host.rested(this)
      }
    )
  }

  private refuseAboveTransferLimit(): void {
    if (this.writes.bytes > this.host.limits.transferBytesMax) throw documentTooLarge(this.id, this.host.limits.documentBytesMax)
  }
}
