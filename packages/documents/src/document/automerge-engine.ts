/**
 * One Automerge document in memory. Everything, own changes included, is first done on a clone and adopted when it is found good, so
 * a refused or malformed change leaves nothing behind.
 *
 * Nothing here reads a clock or draws a random number: the actor id is given, and the time of a change is an argument. (Setting an
 * Automerge author draws a random actor, so it is set on a clone, which a second clone gives the actor id back.)
 */
import { SelvedgeError } from '@selvedge/core'
import type * as AutomergeModule from '@automerge/automerge'
import type { Doc, SyncState } from '@automerge/automerge'
import { changeChunks, joinBytes, type Chunk } from './change-chunks.js'
import { checkClaimedRows } from './claimed-rows.js'
import { documentLimits } from './document-limits.js'
import type { Answer, AnswerMemory, Engine, PullSide } from './engine.js'
import { documentErrors } from './errors.js'
import { checkFilters } from './sync-filters.js'

export type Automerge = typeof AutomergeModule
export type ConfigContent = Record<string, unknown>

export interface AutomergeEngineOptions {
  /** 32 hexadecimal digits, fresh for every instance. */
  actor: string
  /** Who makes changes here, for the history. */
  author: string
  /** A change made here, to be stored and sent. */
  local(update: Uint8Array): void
  /** The content changed, whoever changed it. */
  changed(): void
}

let imported: Automerge | undefined

/**
 * Automerge takes 55 ms and 22 MB to import: only a process that has a config document to handle pays for it. Each `import()` takes
 * turns of the event loop, so what is there is given at once.
 */
export async function importAutomerge(): Promise<Automerge> {
  return (imported ??= await import('@automerge/automerge'))
}

export class AutomergeEngine implements Engine {
  readonly name = 'automerge'
  private current: Doc<ConfigContent>
  /** What `current` holds, when it has been read already. */
  private read: ConfigContent | undefined

  constructor(
    readonly automerge: Automerge,
    private readonly options: AutomergeEngineOptions
  ) {
    this.current = this.authored(automerge.init<ConfigContent>({ actor: options.actor }))
  }

  /**
   * The document; replaced, never changed, by every change. Automerge may be asked about its root only: nested objects are taken over
   * from earlier documents, which are freed (`automerge.view` makes new ones).
   */
  get doc(): Doc<ConfigContent> {
    return this.current
  }

  /** Everything that the document holds, without Automerge's own marks: the caller's to keep, and made anew for each that asks. */
  takeContent(): ConfigContent {
    const content = this.read ?? this.automerge.toJS(this.current)
    this.read = undefined
    return content
  }

  get ownClock(): number {
    const own = this.automerge.getLastLocalChange(this.current)
    if (!own) return 0
    const change = this.automerge.decodeChange(own)
    return change.actor === this.options.actor ? change.seq : 0
  }

  get settled(): boolean {
    return this.automerge.getMissingDeps(this.current, []).length === 0
  }

  load(updates: readonly Uint8Array[]): void {
    const { automerge } = this
    let loaded = automerge.clone(this.current, { actor: this.options.actor })
    for (const update of updates) {
      // One chunk at a time: a truncated tail would otherwise be passed over in silence.
      for (const chunk of changeChunks(update)) loaded = automerge.loadIncremental(loaded, chunk.bytes)
    }
    this.adopt(this.authored(loaded))
  }

  /**
   * Makes a change. `check` sees the content as it would become and refuses it by throwing.
   * @returns the hash of the change, or `undefined` when nothing would change
   */
  change(
    timeMs: number,
    message: string | undefined,
    edit: (draft: ConfigContent) => void,
    check: (content: ConfigContent) => void
  ): string | undefined {
    const { automerge } = this
    let clone = automerge.clone(this.current, { actor: this.options.actor })
    // A whole document received by an empty one takes the author off it.
    if (automerge.getAuthor(clone) !== toHex(this.options.author)) clone = this.authored(clone)
    let adopted: Doc<ConfigContent>
    try {
      // Automerge keeps time in whole seconds.
      const next = automerge.change(
        clone,
        { time: Math.floor(timeMs / 1000), ...(message === undefined ? {} : { message }) },
        edit
      )
      const changes = automerge.getChangesSince(next, automerge.getHeads(this.current))
      if (changes.length === 0) {
        this.discard(clone)
        return undefined
      }
      check(automerge.toJS(next))
      this.options.local(joinBytes(changes))
      adopted = next
    } catch (error) {
      this.discard(clone)
      throw error
    }
    this.adopt(adopted)
    // A new change follows every head, so it is the only one now.
    return automerge.getHeads(adopted)[0]
  }

  apply(update: Uint8Array): boolean {
    const { automerge } = this
    return this.onClone('an Automerge change is malformed', clone => {
      const hashes: string[] = []
      const changes: Uint8Array[] = []
      for (const chunk of soundChunks(update)) {
        if (!chunk.isChange) throw new Error('a live update must consist of changes')
        hashes.push(this.checkedHash(chunk.bytes))
        changes.push(chunk.bytes)
      }
      const [next] = automerge.applyChanges(clone, changes)
      return [next, this.has(next, hashes)]
    })
  }

  join(updates: readonly Uint8Array[]): Uint8Array {
    return joinBytes(updates)
  }

  snapshot(): Uint8Array {
    return this.automerge.save(this.current)
  }

  pull(): PullSide {
    const { automerge } = this
    let sync = automerge.initSyncState()
    return {
      request: full => {
        if (full) return new Uint8Array()
        const [state, message] = automerge.generateSyncMessage(this.current, sync)
        sync = state
        return message ?? undefined
      },
      receive: ({ body, target }) => {
        const heads = decodeHeads(target)
        const before = automerge.getHeads(this.current)
        if (body.length > 0) {
          this.onClone('an Automerge sync message is malformed', clone => {
            const received = this.receive(clone, sync, body)
            sync = received.sync
            heads.push(...received.changes)
            return [received.doc, undefined]
          })
        }
        const changes = automerge.getChangesSince(this.current, before)
        return { update: changes.length > 0 ? joinBytes(changes) : undefined, reached: this.has(this.current, heads) }
      }
    }
  }

  answer(memory: AnswerMemory, request: Uint8Array, full: boolean): Answer {
    const { automerge } = this
    const target = encodeHeads(automerge.getHeads(this.current))
    if (full) return { body: joinBytes([chunksMark, automerge.save(this.current)]), target }
    const heads = this.checkedMessage(request)
    const lacking = memory.sync ? undefined : this.lacking(heads)
    // Whoever has what it asked from, and these changes, has all that there is.
    if (lacking) return { body: joinBytes([chunksMark, ...lacking]), target: new Uint8Array() }
    let clone = automerge.clone(this.current, { actor: this.options.actor })
    try {
      // Read-only: what the asker has and we lack comes by a pull of our own, with its edits named.
      ;[clone, memory.sync] = automerge.receiveSyncMessage(
        clone,
        memory.sync ?? automerge.initSyncState({ readOnly: true }),
        request
      )
      const [state, message] = automerge.generateSyncMessage(clone, memory.sync)
      memory.sync = state
      return { body: message ? joinBytes([syncMark, message]) : new Uint8Array(), target }
    } catch (cause) {
      throw new SelvedgeError(documentErrors.documentMessageInvalid, 'an Automerge sync request is malformed', { cause })
    } finally {
      this.discard(clone)
    }
  }

  destroy(): void {
    this.discard(this.current)
  }

  /** The changes that a first request lacks, when its heads say so by themselves, and when they are few. */
  private lacking(heads: string[]): Uint8Array[] | undefined {
    if (heads.length === 0 || !this.automerge.hasHeads(this.current, heads)) return undefined
    const changes = this.automerge.getChangesSince(this.current, heads)
    return changes.length > changesMax ? undefined : changes
  }

  private receive(
    clone: Doc<ConfigContent>,
    sync: SyncState,
    body: Uint8Array
  ): { doc: Doc<ConfigContent>; sync: SyncState; changes: string[] } {
    const changes: string[] = []
    const content = body.subarray(1)
    if (body[0] === chunksMark[0]) {
      let doc = clone
      for (const { bytes, isChange } of soundChunks(content)) {
        if (isChange) changes.push(this.checkedHash(bytes))
        doc = this.automerge.loadIncremental(doc, bytes)
      }
      return { doc, sync, changes }
    }
    if (body[0] !== syncMark[0]) throw new Error('neither a sync message nor a row of chunks')
    this.checkedMessage(content)
    const [doc, state] = this.automerge.receiveSyncMessage(clone, sync, content)
    return { doc, sync: state, changes }
  }

  /** The heads of a sync message, if what else is in it may be given to Automerge. */
  private checkedMessage(message: Uint8Array): string[] {
    try {
      const { heads, have, changes } = this.automerge.decodeSyncMessage(message)
      checkFilters(have.map(({ bloom }) => bloom))
      for (const chunks of changes) soundChunks(chunks)
      return heads
    } catch (cause) {
      throw new SelvedgeError(documentErrors.documentMessageInvalid, 'an Automerge sync message is malformed', { cause })
    }
  }

  /** Automerge does not compare a change with the checksum it carries. */
  private checkedHash(change: Uint8Array): string {
    const { hash } = this.automerge.decodeChange(change)
    for (let i = 0; i < 4; i++)
      if (Number.parseInt(hash.slice(i * 2, i * 2 + 2), 16) !== change[4 + i])
        throw new Error('a change does not match its checksum')
    return hash
  }

  private onClone<Result>(problem: string, work: (clone: Doc<ConfigContent>) => [Doc<ConfigContent>, Result]): Result {
    const clone = this.automerge.clone(this.current, { actor: this.options.actor })
    let outcome: [Doc<ConfigContent>, Result]
    let content: ConfigContent
    try {
      outcome = work(clone)
      content = this.automerge.toJS(outcome[0])
      // What can be applied can't always be read again: a change that is encoded in an unusual way is stored as another.
      this.discard(this.automerge.load<ConfigContent>(this.automerge.save(outcome[0])))
    } catch (cause) {
      this.discard(clone)
      throw new SelvedgeError(documentErrors.documentMessageInvalid, problem, { cause })
    }
    this.adopt(outcome[0], content)
    return outcome[1]
  }

  private adopt(next: Doc<ConfigContent>, content?: ConfigContent): void {
    const previous = this.current
    this.current = next
    this.discard(previous)
    this.read = content
    this.options.changed()
    // Whoever shows the content has taken it by now; else it is read when it is asked for.
    this.read = undefined
  }

  /** Whether changes are part of a document. Most often they are its heads; to look up others copies them out of it. */
  private has(doc: Doc<ConfigContent>, hashes: readonly string[]): boolean {
    const heads = this.automerge.getHeads(doc)
    const others = hashes.filter(hash => !heads.includes(hash))
    return others.length === 0 || this.automerge.hasHeads(doc, others)
  }

  private discard(doc: Doc<ConfigContent>): void {
    try {
      this.automerge.free(doc)
    } catch {
      // A panic in WebAssembly leaves its handle borrowed for ever: it can't be freed, and nobody uses it again.
    }
  }

  private authored(doc: Doc<ConfigContent>): Doc<ConfigContent> {
    const { automerge } = this
    const withAuthor = automerge.clone(doc, { author: toHex(this.options.author) })
    this.discard(doc)
    const withActor = automerge.clone(withAuthor, { actor: this.options.actor })
    this.discard(withAuthor)
    return withActor
  }
}

// A whole document, or changes.
const chunksMark = Uint8Array.of(1)
const syncMark = Uint8Array.of(2)
const hashBytes = 32
/** Of rows that have no bytes of their own, such as deletes: more than anybody makes in one change. */
const rowLimits = { rowsMax: 1_048_576, inflatedBytesMax: documentLimits.transferBytesMax }
/** Changes that are sent one by one; when more are lacking, Automerge's sync chooses between them and a whole document. */
const changesMax = 64

function soundChunks(update: Uint8Array): Chunk[] {
  const chunks = changeChunks(update)
  for (const chunk of chunks) checkClaimedRows(chunk, rowLimits)
  return chunks
}

function encodeHeads(heads: readonly string[]): Uint8Array {
  return joinBytes(
    heads.map(head => Uint8Array.from({ length: hashBytes }, (_, i) => Number.parseInt(head.slice(i * 2, i * 2 + 2), 16)))
  )
}

function decodeHeads(bytes: Uint8Array): string[] {
  if (bytes.length % hashBytes !== 0)
    throw new SelvedgeError(documentErrors.documentMessageInvalid, 'Automerge heads are malformed')
  const heads: string[] = []
  for (let at = 0; at < bytes.length; at += hashBytes) heads.push(bytesToHex(bytes.subarray(at, at + hashBytes)))
  return heads
}

function bytesToHex(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  return hex
}

function toHex(text: string): string {
  return bytesToHex(new TextEncoder().encode(text))
}

/** The author of a change as it was given, or `undefined` when it is not one of ours. */
export function authorFromHex(hex: string | null | undefined): string | undefined {
  if (!hex || !/^([0-9a-f]{2})+$/.test(hex)) return undefined
  return new TextDecoder().decode(
    Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16))
  )
}
