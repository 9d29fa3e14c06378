/**
 * A config document: every change ever made stays in its history, with author, time and message, and services apply only what is
 * released. An edit is made by `change`, checked before it counts, and on disk when the promise resolves.
 *
 * @example
 * const config = await documents.openAutomerge<HvacConfig>(documentId('hvac'), { validate: hvacSchema })
 * await config.change('warmer lobby', draft => { draft.lobby.setpoint = 21.5 }, { release: true })
 * config.released().value?.lobby.setpoint // 21.5
 */
import { SelvedgeError, assert, type Clock, type DocumentId, type Logger } from '@selvedge/core'
import type { Doc } from '@automerge/automerge'
import { authorFromHex, type AutomergeEngine, type ConfigContent } from './automerge-engine.js'
import { findConflicts, type ConfigConflict } from './config-conflicts.js'
import { isContainer } from './config-content.js'
import { ReleaseTracker, type ConfigRelease } from './config-release.js'
import { reconcile } from './config-restore.js'
import { checkConfig, type ConfigValidation } from './config-validation.js'
import type { DocumentDot } from './copy-contract.js'
import type { DocumentCopy } from './document-copy.js'
import { documentErrors } from './errors.js'
import type { RegisterAccess } from './register-access.js'
import type { DocumentStatus, ReplicatedDocument } from './replicated-document.js'

export interface ConfigChange {
  /** Names this change: 64 hexadecimal digits. */
  readonly hash: string
  /** Actor id of the instance that made it: fresh for every instance. */
  readonly actor: string
  /** The node that made it, as the change says; `undefined` when it does not. */
  readonly author: string | undefined
  /** That node's wall clock, in milliseconds since 1970; whole seconds. */
  readonly timeMs: number
  readonly message: string | undefined
  /** Hashes of the changes that it follows. */
  readonly follows: readonly string[]
}

export interface ReleasedConfig<Content> {
  /** The content to apply; `undefined` before the first release. */
  readonly value: Content | undefined
  readonly release: ConfigRelease | undefined
  /** A newer release whose changes have not all arrived: `value` is still that of the one before. */
  readonly pending: ConfigRelease | undefined
}

export interface ChangeOptions {
  /** Release the result in the same breath. Default false. */
  release?: boolean
}

export interface AutomergeDocumentOptions {
  /** Refuses edits and releases of content that is not valid. Merges are never refused. */
  validate?: ConfigValidation
}

export interface AutomergeDocumentHost {
  readonly clock: Clock
  readonly log: Logger
  readonly registers: RegisterAccess
  /** The node id that changes and releases carry. */
  readonly author: string
  degraded(): boolean
  status(): DocumentStatus
}

export class AutomergeDocument<Content extends object = ConfigContent> implements ReplicatedDocument {
  readonly engine = 'automerge'
  readonly id: DocumentId
  private readonly releases: ReleaseTracker
  private readonly releasedListeners = new Set<(released: ReleasedConfig<Content>) => void>()
  private readonly changedListeners = new Set<(content: Readonly<Content>) => void>()
  private readonly onContent = (): void => this.contentChanged()
  private content: Readonly<Content> | undefined
  private releasedValue: { heads: string; value: Content } | undefined
  private open = true

  constructor(
    private readonly host: AutomergeDocumentHost,
    private readonly copy: DocumentCopy,
    private readonly automerge: AutomergeEngine,
    private readonly options: AutomergeDocumentOptions
  ) {
    this.id = copy.id
    copy.pin()
    copy.contentListeners.add(this.onContent)
    this.releases = new ReleaseTracker({
      id: copy.id,
      registers: host.registers,
      log: host.log,
      shown: copy.release,
      hasHeads: heads => this.knows(heads),
      remember: release => copy.setRelease(release),
      changed: () => {
        // Nobody listens while the tracker is being made.
        if (this.releasedListeners.size > 0) this.tell(this.releasedListeners, this.released())
      }
    })
  }

  /** The newest content: edits included that nobody has released. Frozen. */
  current(): Readonly<Content> {
    this.content ??= this.freeze(this.automerge.takeContent()) as Readonly<Content>
    return this.content
  }

  /**
   * Makes a change. It is visible here at once; the promise resolves when it is on disk (and released, if that was asked for).
   * @returns the change, or `undefined` when the edit changed nothing
   * @throws SelvedgeError `CONFIG_INVALID`, `STORE_DEGRADED`, `DOCUMENT_TOO_LARGE`, `DOCUMENT_BACKLOG`: nothing has changed then
   */
  async change(
    message: string | undefined,
    edit: (draft: Content) => void,
    options: ChangeOptions = {}
  ): Promise<ConfigChange | undefined> {
    this.refuseDegraded()
    const before = this.heads()
    const hash = this.automerge.change(
      this.host.clock.wallMs(),
      message,
      draft => {
        const result: unknown = edit(draft as Content)
        assert(!(result instanceof Promise), 'a config is edited in one go: the edit must not be async')
      },
      content => checkConfig(this.id, content, this.options.validate)
    )
    if (hash === undefined && !options.release) return undefined
    const heads = this.heads()
    const change = this.changesSince(before).find(entry => entry.hash === hash)
    await this.copy.flushed()
    if (options.release) await this.release(heads, message)
    return change
  }

  /** Every change, each after those that it follows. */
  history(): ConfigChange[] {
    return this.changesSince([])
  }

  /** The hashes that name the newest content: more than one after concurrent changes. */
  heads(): string[] {
    return this.automerge.automerge.getHeads(this.automerge.doc)
  }

  /** The content as it was at `heads`. @throws SelvedgeError `CONFIG_HEADS_UNKNOWN` */
  at(heads: readonly string[]): Readonly<Content> {
    this.requireHeads(heads)
    return this.plain(this.automerge.automerge.view(this.automerge.doc, [...heads]))
  }

  /** The places to which concurrent changes gave different values, with every value and which one wins. */
  conflicts(): ConfigConflict[] {
    return findConflicts(this.automerge.automerge, this.automerge.doc)
  }

  /**
   * A new change that makes the content equal to that at `heads`; history stays.
   * @throws SelvedgeError `CONFIG_HEADS_UNKNOWN`, and what `change` throws
   */
  async restore(heads: readonly string[], message = 'restore', options: ChangeOptions = {}): Promise<ConfigChange | undefined> {
    this.requireHeads(heads)
    const { automerge, doc } = this.automerge
    const wanted = automerge.toJS(automerge.view(doc, [...heads]))
    return this.change(message, draft => reconcile(automerge, draft as ConfigContent, wanted), options)
  }

  /**
   * Makes services apply the content at `heads` (default: the newest). Its changes are on disk before the release is written.
   * @throws SelvedgeError `CONFIG_HEADS_UNKNOWN`, `CONFIG_INVALID`, `STORE_DEGRADED`
   */
  async release(heads: readonly string[] = this.heads(), message?: string): Promise<void> {
    this.refuseDegraded()
    checkConfig(this.id, this.at(heads), this.options.validate)
    const sorted = [...heads].sort()
    await this.copy.sealNow()
    await this.copy.flushed()
    this.releases.set({
      heads: sorted,
      ...(message === undefined ? {} : { message }),
      by: this.host.author,
      atMs: this.host.clock.wallMs()
    })
  }

  /** What services apply. */
  released(): ReleasedConfig<Content> {
    const { shown: release, pending } = this.releases
    if (!release) return { value: undefined, release, pending }
    const heads = release.heads.join()
    if (this.releasedValue?.heads !== heads) this.releasedValue = { heads, value: this.at(release.heads) }
    return { value: this.releasedValue.value, release, pending }
  }

  /** Calls `listener` whenever another release is shown or pending. Returns an unsubscriber. */
  watchReleased(listener: (released: ReleasedConfig<Content>) => void): () => void {
    this.releasedListeners.add(listener)
    return () => void this.releasedListeners.delete(listener)
  }

  /** Calls `listener` whenever the newest content changed, released or not. Returns an unsubscriber. */
  watch(listener: (content: Readonly<Content>) => void): () => void {
    this.changedListeners.add(listener)
    return () => void this.changedListeners.delete(listener)
  }

  status(): DocumentStatus {
    return this.host.status()
  }

  flushed(): Promise<DocumentDot | undefined> {
    return this.copy.flushed()
  }

  close(): void {
    if (!this.open) return
    this.open = false
    this.releases.close()
    this.copy.contentListeners.delete(this.onContent)
    this.releasedListeners.clear()
    this.changedListeners.clear()
    this.copy.unpin()
  }

  private contentChanged(): void {
    this.content = undefined
    this.releases.refresh()
    if (this.changedListeners.size > 0) this.tell(this.changedListeners, this.current())
  }

  /** A listener that throws is a bug of the service: it must not look like a bad message of the peer whose change it was told of. */
  private tell<News>(listeners: ReadonlySet<(news: News) => void>, news: News): void {
    for (const listener of [...listeners]) {
      try {
        listener(news)
      } catch (error) {
        this.host.log.warn({ id: this.id, error }, 'a listener of a config threw')
      }
    }
  }

  private changesSince(heads: string[]): ConfigChange[] {
    return this.automerge.automerge.getChangesMetaSince(this.automerge.doc, heads).map(change => ({
      hash: change.hash,
      actor: change.actor,
      author: authorFromHex(change.author),
      timeMs: change.time * 1000,
      message: change.message ?? undefined,
      follows: change.deps
    }))
  }

  private knows(heads: readonly string[]): boolean {
    return this.automerge.automerge.hasHeads(this.automerge.doc, [...heads])
  }

  private requireHeads(heads: readonly string[]): void {
    if (this.knows(heads)) return
    throw new SelvedgeError(documentErrors.configHeadsUnknown, `the config ${this.id} has no changes of these hashes (yet)`, {
      details: { id: this.id, heads: [...heads] }
    })
  }

  private refuseDegraded(): void {
    assert(this.open, 'a closed config was used')
    if (this.host.degraded())
      throw new SelvedgeError(documentErrors.storeDegraded, `the store can't take changes of the config ${this.id} now`, {
        details: { id: this.id }
      })
  }

  private plain(doc: Doc<ConfigContent>): Readonly<Content> {
    const content = this.automerge.automerge.toJS(doc)
    return this.freeze(content) as Readonly<Content>
  }

  /** Containers only: bytes can't be frozen, and a counter or a date is replaced by a change, never altered. */
  private freeze(value: unknown): unknown {
    if (!isContainer(this.automerge.automerge, value)) return value
    for (const item of Object.values(value)) this.freeze(item)
    return Object.freeze(value)
  }
}
