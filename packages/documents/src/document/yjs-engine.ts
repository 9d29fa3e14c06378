/**
 * One Yjs document in memory. Edits that the service makes on `doc` are handed to `onLocal`; what comes from the store or from peers
 * is applied under an origin of its own and is not.
 *
 * A malformed update can decode and still throw in the middle of its integration, leaving a document half changed. So bytes from
 * peers are first applied to a *rehearsal*: a second instance that nobody sees. It is thrown away when it fails.
 */
import { SelvedgeError } from '@selvedge/core'
import * as Y from 'yjs'
import type { Answer, AnswerMemory, Engine, PullSide } from './engine.js'
import { documentErrors } from './errors.js'

/** Origin of transactions that are not edits of this replica. */
export const replicated = Symbol('selvedge replicated')

// What an empty document encodes to.
const emptyUpdateBytes = 2
const emptyStateVector = Uint8Array.of(0)
const rehearsalLagBytesMax = 1024 * 1024

export interface YjsEngineEvents {
  /** An edit made on this replica. What it throws reaches the service that made the edit. */
  local(update: Uint8Array): void
  /** An observer of the service threw while replicated content was applied. */
  observerFailed(error: unknown): void
  /** The service destroyed the document. */
  destroyed(): void
}

export class YjsEngine implements Engine {
  readonly name = 'yjs'
  readonly doc: Y.Doc
  private rehearsal: Y.Doc | undefined
  private lag: Uint8Array[] = []
  private lagBytes = 0
  private ended = false

  constructor(
    id: string,
    clientId: number,
    private readonly events: YjsEngineEvents
  ) {
    this.doc = new Y.Doc({ guid: id })
    this.doc.clientID = clientId
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin === replicated) return
      this.follow(update)
      this.events.local(update)
    })
    this.doc.on('destroy', () => {
      if (!this.ended) this.events.destroyed()
    })
  }

  get ownClock(): number {
    return Y.getState(this.doc.store, this.doc.clientID)
  }

  get settled(): boolean {
    return this.doc.store.pendingStructs === null && this.doc.store.pendingDs === null
  }

  load(updates: readonly Uint8Array[]): void {
    for (const update of updates) Y.decodeUpdate(update)
    for (const update of updates) this.integrate(update)
    this.dropRehearsal()
  }

  apply(update: Uint8Array): boolean {
    const { ds } = this.rehearse(update)
    this.integrate(update)
    return this.reaches(Y.parseUpdateMeta(update).to) && this.reaches(endsOf(ds))
  }

  join(updates: readonly Uint8Array[]): Uint8Array {
    return updates.length === 1 ? updates[0]! : Y.mergeUpdates([...updates])
  }

  snapshot(): Uint8Array {
    return Y.encodeStateAsUpdate(this.doc)
  }

  pull(): PullSide {
    return {
      request: full => (full ? emptyStateVector : Y.encodeStateVector(this.doc)),
      receive: ({ body, target }) => {
        const wanted = decodeStateVector(target)
        if (body.length > emptyUpdateBytes) this.apply(body)
        return {
          update: body.length > emptyUpdateBytes ? body : undefined,
          reached: this.reaches(wanted)
        }
      }
    }
  }

  answer(_memory: AnswerMemory, request: Uint8Array, full: boolean): Answer {
    decodeStateVector(request)
    return { body: Y.encodeStateAsUpdate(this.doc, full ? undefined : request), target: Y.encodeStateVector(this.doc) }
  }

  destroy(): void {
    this.ended = true
    this.dropRehearsal()
    this.doc.destroy()
  }

  /** The rehearsal passed, so what throws here is an observer of the service: Yjs has finished the transaction by then. */
  private integrate(update: Uint8Array): void {
    try {
      Y.applyUpdate(this.doc, update, replicated)
    } catch (error) {
      this.events.observerFailed(error)
    }
  }

  private rehearse(update: Uint8Array): ReturnType<typeof Y.decodeUpdate> {
    try {
      if (!this.rehearsal) {
        // Named, so that Yjs does not draw a name: that takes longer than all the rest.
        this.rehearsal = new Y.Doc({ guid: this.doc.guid })
        Y.applyUpdate(this.rehearsal, this.snapshot())
        this.lag = []
        this.lagBytes = 0
      }
      for (const own of this.lag) Y.applyUpdate(this.rehearsal, own)
      this.lag = []
      this.lagBytes = 0
      const decoded = Y.decodeUpdate(update)
      requireReadable(decoded)
      Y.applyUpdate(this.rehearsal, update)
      return decoded
    } catch (cause) {
      this.dropRehearsal()
      throw new SelvedgeError(documentErrors.documentMessageInvalid, 'a Yjs update is malformed', { cause })
    }
  }

  private reaches(wanted: ReadonlyMap<number, number>): boolean {
    for (const [client, clock] of wanted) if (Y.getState(this.doc.store, client) < clock) return false
    return true
  }

  private follow(update: Uint8Array): void {
    if (!this.rehearsal) return
    this.lag.push(update)
    this.lagBytes += update.length
    if (this.lagBytes > rehearsalLagBytesMax) this.dropRehearsal()
  }

  private dropRehearsal(): void {
    this.rehearsal?.destroy()
    this.rehearsal = undefined
    this.lag = []
    this.lagBytes = 0
  }
}

/**
 * Yjs takes in what has no length, and numbers that are too large to be exact, and can then not read the snapshot that it makes of the
 * document.
 */
function requireReadable({ structs, ds }: ReturnType<typeof Y.decodeUpdate>): void {
  const ranges = structs.map(({ id: { client, clock }, length }) => ({ client, clock, length }))
  for (const [client, deleted] of ds.clients) for (const { clock, len } of deleted) ranges.push({ client, clock, length: len })
  for (const { client, clock, length } of ranges) {
    if (length < 1) throw new Error('something in it has no length')
    requireExact(client, clock + length)
  }
  for (const struct of structs) {
    if (!(struct instanceof Y.Item)) continue
    const { origin, rightOrigin, parent } = struct
    for (const id of [origin, rightOrigin, parent]) if (id instanceof Y.ID) requireExact(id.client, id.clock)
  }
}

function requireExact(...numbers: number[]): void {
  if (!numbers.every(Number.isSafeInteger)) throw new Error('a number in it is too large')
}

/** Up to where the deletions of an update reach, by client: they count once what they delete is there. */
function endsOf({ clients }: ReturnType<typeof Y.decodeUpdate>['ds']): Map<number, number> {
  return new Map(
    [...clients].map(([client, ranges]) => [client, ranges.reduce((end, { clock, len }) => Math.max(end, clock + len), 0)])
  )
}

function decodeStateVector(bytes: Uint8Array): Map<number, number> {
  try {
    const vector = Y.decodeStateVector(bytes)
    for (const [client, clock] of vector) requireExact(client, clock)
    return vector
  } catch (cause) {
    throw new SelvedgeError(documentErrors.documentMessageInvalid, 'a Yjs state vector is malformed', { cause })
  }
}
