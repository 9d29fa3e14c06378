/**
 * All documents of one space on this replica: the catalogue, the copies, and the channels to peers. Documents are read from the store
 * when they are needed; one that nobody has open is replicated all the same, and its instance goes when too many are in memory.
 *
 * @example
 * const documents = new DocumentSet({ space, store, registers, clock, random, log, author: node })
 * await documents.load()
 * const notes = documents.openYjs(documentId('notes'))
 */
import { SelvedgeError, assert, randomHex } from '@selvedge/core'
import type { Clock, DocumentId, Logger, Random, SpaceId, SpaceStore } from '@selvedge/core'
import { AcknowledgedEdits, type Peer, type StoredListener } from './acknowledged-edits.js'
import { AutomergeDocument, type AutomergeDocumentOptions } from './automerge-document.js'
import { AutomergeEngine, importAutomerge, type ConfigContent } from './automerge-engine.js'
import { CatalogueKeeper } from './catalogue-keeper.js'
import { Catalogue } from './catalogue.js'
import { Channel, type ChannelHost, type ChannelOptions, type DocumentChannel } from './channel.js'
import type { CopyCommit, CopyHost, DocumentDot } from './copy-contract.js'
import { DocumentCopy } from './document-copy.js'
import { documentLimits, type DocumentLimits } from './document-limits.js'
import type { EngineName } from './engine.js'
import { documentErrors } from './errors.js'
import { missingFrom, type Included } from './included.js'
import { PullPlanner } from './pull-planner.js'
import type { RegisterAccess } from './register-access.js'
import type { DocumentStatus } from './replicated-document.js'
import { RelayedEdits } from './relayed-edits.js'
import { readStoredDocuments } from './stored-documents.js'
import { WaitingChannels } from './waiting-channels.js'
import { YjsDocument } from './yjs-document.js'
import { YjsEngine } from './yjs-engine.js'

export interface DocumentSetOptions {
  readonly space: SpaceId
  readonly store: SpaceStore
  readonly registers: RegisterAccess
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** The node id that config changes and releases carry. */
  readonly author: string
  /** A relay seeks no other relay's acknowledgement of its own edits. Default: node. */
  readonly role?: 'node' | 'relay'
  /** Whether the store is failing: config changes are refused then. Default: never. */
  degraded?(): boolean
  /** Each limit's default and consequence: `documentLimits`. */
  readonly limits?: Partial<DocumentLimits>
}

export interface ListedDocument {
  readonly id: DocumentId
  readonly engine: EngineName
  readonly status: DocumentStatus
}

export class DocumentSet {
  readonly space: SpaceId
  private readonly limits: DocumentLimits
  private readonly random: Random
  private readonly catalogue: Catalogue
  private readonly keeper: CatalogueKeeper
  private readonly planner: PullPlanner
  private readonly acknowledged = new AcknowledgedEdits()
  private readonly relayed: RelayedEdits
  private readonly copies = new Map<DocumentId, DocumentCopy>()
  private readonly channels = new Set<Channel>()
  private readonly waiting = new WaitingChannels(options => this.openChannel(options))
  /** Documents in memory that nobody uses, the longest unused first. */
  private readonly idle = new Map<DocumentId, DocumentCopy>()
  private readonly copyHost: CopyHost<DocumentCopy>
  private readonly channelHost: ChannelHost
  private state: 'new' | 'loaded' | 'closed' = 'new'

  constructor(private readonly options: DocumentSetOptions) {
    const { clock, registers } = options
    this.space = options.space
    this.limits = { ...documentLimits, ...options.limits }
    this.random = options.random.fork('documents')
    this.catalogue = new Catalogue(registers)
    this.keeper = new CatalogueKeeper(this.catalogue, clock, this.limits.relistDelayMs)
    this.planner = new PullPlanner(clock, this.limits.liveGraceMs, copy => this.missing(copy))
    this.relayed = new RelayedEdits({
      clock,
      limits: this.limits,
      self: options.author,
      channels: this.channels,
      durable: id => this.durableIncluded(id)
    })
    this.copyHost = this.makeCopyHost()
    this.channelHost = this.makeChannelHost()
  }

  /** Reads what is stored of the documents (their contents stay on disk) and the catalogue. Once, before anything else. */
  async load(): Promise<void> {
    assert(this.state === 'new', 'documents are loaded once')
    const { headers, suspects } = await readStoredDocuments(this.options.store)
    for (const [id, header] of headers) this.copies.set(id, new DocumentCopy(id, this.copyHost, header))
    this.state = 'loaded'
    this.catalogue.open((ids, caughtUp) => this.catalogueChanged(ids, caughtUp))
    for (const id of suspects) {
      // Reading a document finds what is wrong with its records. The verdict is on disk before anything is claimed.
      const copy = this.ensureCopy(id)
      await copy.use()
      await copy.sealNow()
    }
    for (const id of new Set([...this.copies.keys(), ...this.catalogue.ids()])) {
      const copy = this.ensureCopy(id)
      this.keeper.recover(copy)
      this.reconsider(copy)
    }
  }

  /**
   * Opens a shared document, making it if it is new. It can be edited at once.
   * @throws SelvedgeError `DOCUMENT_ENGINE_MISMATCH`, `DOCUMENTS_CLOSED`
   */
  openYjs(id: DocumentId): YjsDocument {
    const copy = this.openCopy(id, 'yjs')
    return new YjsDocument(copy, copy.openYjs().doc, () => this.status(id))
  }

  /**
   * Opens a config document, making it if it is new.
   * @throws SelvedgeError `DOCUMENT_ENGINE_MISMATCH`, `DOCUMENTS_CLOSED`
   */
  async openAutomerge<Content extends object = ConfigContent>(
    id: DocumentId,
    options: AutomergeDocumentOptions = {}
  ): Promise<AutomergeDocument<Content>> {
    const copy = this.openCopy(id, 'automerge')
    copy.pin()
    try {
      const engine = await copy.use()
      assert(engine instanceof AutomergeEngine, 'a config document has an Automerge engine')
      const { clock, log, registers, author } = this.options
      const host = {
        clock,
        log,
        registers,
        author,
        degraded: () => this.options.degraded?.() ?? false,
        status: () => this.status(id)
      }
      return new AutomergeDocument<Content>(host, copy, engine, options)
    } finally {
      copy.unpin()
    }
  }

  /** Documents that exist, in no order. */
  list(): ListedDocument[] {
    const documents: ListedDocument[] = []
    for (const copy of this.copies.values()) {
      if (copy.deleted || copy.engineName === undefined || (!this.catalogue.has(copy.id) && !copy.hasContent)) continue
      documents.push({ id: copy.id, engine: copy.engineName, status: this.status(copy.id) })
    }
    return documents
  }

  status(id: DocumentId): DocumentStatus {
    const copy = this.copies.get(id)
    const missing = copy && this.missing(copy)
    if (!missing || missing.size === 0) return 'complete'
    if (!this.planner.isIncomplete(id)) return 'behind'
    return `incomplete (waiting for ${[...missing.keys()].sort()[0]!})`
  }

  /**
   * Deletes a document: its catalogue entries become tombstones. Its content stays until `purge`. An edit that the deletion did not
   * know of brings the document back.
   */
  async delete(id: DocumentId): Promise<void> {
    this.requireOpen()
    await this.copies.get(id)?.flushed()
    this.catalogue.delete(id)
    this.catalogueChanged([id], new Set())
  }

  /**
   * Removes the stored content of a deleted document: for when the tombstones of its catalogue entries have been dropped.
   * @returns false when the document is alive or in use; nothing was done then
   */
  async purge(id: DocumentId): Promise<boolean> {
    const copy = this.copies.get(id)
    if (!copy || this.catalogue.has(id) || copy.pinned) return false
    this.copies.delete(id)
    this.idle.delete(id)
    this.keeper.forget(id)
    this.acknowledged.forget(id)
    this.relayed.forget(id)
    this.planner.forget(id)
    await copy.purge()
    return true
  }

  /** Resolves once all edits of a document made so far are on disk here; see `ReplicatedDocument.flushed`. */
  async flushed(id: DocumentId): Promise<DocumentDot | undefined> {
    return this.copies.get(id)?.flushed()
  }

  /** The edits of a document whose content is on disk here. */
  durableIncluded(id: DocumentId): Included {
    return this.copies.get(id)?.durable ?? new Map<string, number>()
  }

  /** The peers, and relays that peers know of, that have acknowledged an own edit of this boot as being on their disk. */
  reached(id: DocumentId, writer: string, count: number): Peer[] {
    return this.acknowledged.reached(id, writer, count)
  }

  /** Somebody waits for a relay to have an own edit: if none is known to after `seekDelayMs`, the peers are asked. */
  seekRelay(id: DocumentId, { writer, count }: DocumentDot): void {
    if (this.state === 'loaded' && this.options.role !== 'relay') this.relayed.await(id, writer, count)
  }

  /** Calls `listener` for every acknowledgement of a peer, and for news of a relay that is passed on. Returns an unsubscriber. */
  onStored(listener: StoredListener): () => void {
    return this.acknowledged.listen(listener)
  }

  /** The documents' side of a new session with a peer. */
  channel(options: ChannelOptions): DocumentChannel {
    this.requireOpen()
    if (this.copies.size > 0) this.waiting.wake()
    return this.waiting.channel(options)
  }

  private openChannel(options: ChannelOptions): DocumentChannel {
    const channel = new Channel(this.channelHost, options, () => this.acknowledged.unreached(this.copies.values(), options.label))
    this.channels.add(channel)
    this.planner.opened(channel)
    this.relayed.opened(channel)
    channel.open()
    return channel
  }

  /** Stores what has gathered and lets everything go. While the store is degraded it does not wait for it. Idempotent. */
  async close(): Promise<void> {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.catalogue.close()
    this.keeper.close()
    this.planner.close()
    this.relayed.close()
    this.waiting.close()
    for (const channel of [...this.channels]) channel.close()
    const sealed = [...this.copies.values()].map(copy => copy.sealNow())
    if (!this.options.degraded?.()) await Promise.all(sealed)
    for (const copy of this.copies.values()) copy.close(closedError())
  }

  private makeCopyHost(): CopyHost<DocumentCopy> {
    const { clock, store, log, registers, author } = this.options
    return {
      clock,
      store,
      log,
      limits: this.limits,
      writerKey: () => registers.writerKey(),
      listedEngine: id => this.engineInCatalogue(id),
      createYjs: (id, events) => new YjsEngine(id, this.random.uint32(), events),
      createAutomerge: async (local, changed) => {
        // Drawn before the import, whose duration must not decide the order of draws.
        const actor = randomHex(this.random, 16)
        return new AutomergeEngine(await importAutomerge(), { actor, author, local, changed })
      },
      committed: (copy, commit) => this.committed(copy, commit),
      changed: copy => this.reconsider(copy),
      rested: copy => this.rested(copy)
    }
  }

  private makeChannelHost(): ChannelHost {
    return {
      clock: this.options.clock,
      limits: this.limits,
      find: id => this.copies.get(id),
      obtain: (id, engine) => this.obtain(id, engine),
      reconsider: copy => this.reconsider(copy),
      pullFinished: copy => this.planner.finished(copy),
      pullStalled: copy => this.planner.stalled(copy),
      stored: (channel, id, included) => {
        this.acknowledged.heard(channel, id, included, this.written(id))
        if (channel.role === 'relay') this.relayed.learn(id, channel.label, included, channel)
      },
      relayed: (channel, id, relay, included) => {
        const news = this.relayed.learn(id, relay, included, channel)
        if (news.size > 0) this.acknowledged.heard({ label: relay, role: 'relay' }, id, news, this.written(id))
      },
      sought: (channel, id, included) => this.relayed.seek(id, included, channel),
      closed: channel => {
        this.channels.delete(channel)
        this.planner.closed(channel)
      }
    }
  }

  private openCopy(id: DocumentId, engine: EngineName): DocumentCopy {
    this.requireOpen()
    const copy = this.ensureCopy(id)
    copy.engineName ??= this.engineInCatalogue(id) ?? engine
    if (copy.engineName !== engine)
      throw new SelvedgeError(documentErrors.documentEngineMismatch, `the document ${id} is a ${copy.engineName} document`, {
        details: { id, engine: copy.engineName }
      })
    return copy
  }

  private ensureCopy(id: DocumentId): DocumentCopy {
    const known = this.copies.get(id)
    if (known) return known
    const copy = new DocumentCopy(id, this.copyHost)
    this.copies.set(id, copy)
    this.waiting.wake()
    return copy
  }

  /** The document that a peer speaks of. */
  private obtain(id: DocumentId, engine: EngineName): DocumentCopy | undefined {
    if (!this.copies.has(id) && this.copies.size >= this.limits.documentsMax) {
      this.options.log.warn({ id }, 'a live update was refused: there are too many documents')
      return undefined
    }
    const copy = this.ensureCopy(id)
    copy.engineName ??= this.engineInCatalogue(id) ?? engine
    if (copy.engineName === engine) return copy
    this.options.log.error(
      { id, engine: copy.engineName, offered: engine },
      'a document exists under two engines; the other is ignored'
    )
    return undefined
  }

  /** Two sides of a partition may have made a document under different engines: all that have no content of it take the same one. */
  private engineInCatalogue(id: DocumentId): EngineName | undefined {
    return [...this.catalogue.entries(id).values()].map(entry => entry.engine).sort()[0]
  }

  private missing(copy: DocumentCopy): Included {
    const listed = new Map<string, number>()
    if (copy.deleted || copy.purged) return listed
    for (const [writer, entry] of this.catalogue.entries(copy.id))
      if (entry.engine === copy.engineName) listed.set(writer, Math.min(entry.count, copy.mostOf(writer)))
    return missingFrom(copy.included, listed)
  }

  private catalogueChanged(ids: readonly DocumentId[], caughtUp: ReadonlySet<DocumentId>): void {
    if (this.state !== 'loaded') return
    for (const id of ids) {
      const copy = this.catalogue.has(id) ? this.ensureCopy(id) : this.copies.get(id)
      if (!copy) continue
      copy.engineName ??= this.engineInCatalogue(id)
      this.keeper.changed(copy)
      if (caughtUp.has(id)) this.planner.reconsider(copy)
      else this.planner.listed(copy)
    }
  }

  private reconsider(copy: DocumentCopy): void {
    copy.engineName ??= this.engineInCatalogue(copy.id)
    this.planner.reconsider(copy)
  }

  private committed(copy: DocumentCopy, { own, forwards }: CopyCommit): void {
    const engine = copy.engineName!
    if (own) {
      const { writer, count, clock, update } = own
      this.catalogue.set(copy.id, writer, { engine, count, clock })
      if (update)
        for (const channel of this.channels) channel.sendLive({ id: copy.id, engine, writer, from: count - 1, to: count, update })
    }
    for (const { live, origin } of forwards) for (const channel of this.channels) if (channel !== origin) channel.sendLive(live)
    for (const channel of this.channels) channel.durable(copy)
    this.keeper.review(copy)
  }

  private rested(copy: DocumentCopy): void {
    this.idle.delete(copy.id)
    this.idle.set(copy.id, copy)
    for (const [id, oldest] of this.idle) {
      if (this.idle.size <= this.limits.idleInstancesMax) break
      this.idle.delete(id)
      // One that is in use again comes back here when it rests.
      if (oldest.idle) oldest.evict()
    }
  }

  private written(id: DocumentId): ReadonlyMap<string, number> {
    return this.copies.get(id)?.written ?? new Map<string, number>()
  }

  private requireOpen(): void {
    assert(this.state !== 'new', 'load() comes first')
    if (this.state === 'closed') throw closedError()
  }
}

function closedError(): SelvedgeError {
  return new SelvedgeError(documentErrors.documentsClosed, 'the documents of this space are closed')
}
