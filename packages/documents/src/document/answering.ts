/**
 * The answering half of a channel. One answer is made at a time, and only once the last has left: so however many documents a peer
 * asks for, one document's content is held for it. An answer is sent when everything in it is on disk.
 */
import { isSelvedgeError, LazyMap, type DocumentId } from '@selvedge/core'
import type { DocumentCopy } from './document-copy.js'
import type { DocumentLimits } from './document-limits.js'
import type { AnswerMemory } from './engine.js'
import { documentErrors, messageInvalid } from './errors.js'
import { covers, type Included } from './included.js'
import { messageBytesMax, type AnswerMessage, type PullMessage } from './messages.js'

// Conversations of several messages that one peer can have open: no more than it may have pulls waiting.
const memoriesMax = 64

export interface AnsweringHost {
  readonly limits: DocumentLimits
  find(id: DocumentId): DocumentCopy | undefined
  send(message: AnswerMessage): void
  /** Whether a long message has not left yet. */
  readonly busy: boolean
  /** The peer asked for edits that this replica lacks: it wants to hear when they come. */
  owe(id: DocumentId, needs: Included, told: Included): void
  fault(error: unknown): void
}

export class Answering {
  private readonly waiting: PullMessage[] = []
  private readonly memories = new LazyMap<DocumentId, AnswerMemory>()
  private serving = false
  private closed = false

  constructor(private readonly host: AnsweringHost) {}

  /** @throws SelvedgeError when the peer has too many requests waiting */
  receive(request: PullMessage): void {
    if (this.waiting.length >= this.host.limits.pullsWaitingMax) throw messageInvalid('too many pull requests wait for an answer')
    this.waiting.push(request)
    this.pump()
  }

  /** Starts on the next answer if nothing holds it up. */
  pump(): void {
    if (this.closed || this.serving || this.host.busy) return
    const request = this.waiting.shift()
    if (!request) return
    this.serving = true
    this.serve(request)
      .catch((error: unknown) => {
        // What the store fails with is no fault of the peer: it asks another replica.
        if (isSelvedgeError(error, documentErrors.documentMessageInvalid)) this.host.fault(error)
        else this.sendNothing(request)
      })
      .finally(() => {
        this.serving = false
        this.pump()
      })
  }

  close(): void {
    this.closed = true
    this.waiting.length = 0
    this.memories.clear()
  }

  private async serve(request: PullMessage): Promise<void> {
    const copy = this.host.find(request.id)
    if (!copy?.hasContent || copy.engineName !== request.engine || copy.purged) {
      this.sendNothing(request)
      return
    }
    copy.pin()
    try {
      const engine = await copy.use()
      if (!copy.servable || copy.purged) {
        this.sendNothing(request)
        return
      }
      const onDisk = copy.sealNow()
      // Of one turn: the content, and what it includes. It is sent once that is on disk.
      const answer = engine.answer(this.memory(request), request.body, request.full)
      const included = new Map(copy.included)
      await onDisk
      const message: AnswerMessage = { kind: 'answer', pull: request.pull, found: true, included, ...answer }
      if (!copy.servable || !covers(copy.durable, included) || messageBytesMax(message) > this.host.limits.transferBytesMax) {
        this.sendNothing(request)
        return
      }
      if (!covers(included, request.needs)) this.host.owe(request.id, request.needs, included)
      this.send(message)
    } finally {
      copy.unpin()
    }
  }

  private sendNothing(request: PullMessage): void {
    this.host.owe(request.id, request.needs, new Map())
    this.send({
      kind: 'answer',
      pull: request.pull,
      found: false,
      included: new Map(),
      target: new Uint8Array(),
      body: new Uint8Array()
    })
  }

  private send(message: AnswerMessage): void {
    if (!this.closed) this.host.send(message)
  }

  private memory(request: PullMessage): AnswerMemory {
    const known = request.first ? undefined : this.memories.get(request.id)
    const memory = known ?? {}
    this.memories.delete(request.id)
    this.memories.set(request.id, memory)
    if (this.memories.size > memoriesMax) this.memories.delete(this.memories.keys().next().value!)
    return memory
  }
}
