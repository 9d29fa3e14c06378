/**
 * The document protocol of one session and one space, sans I/O: bytes in by `receive`, bytes out by `next`. The session keeps order
 * and loses nothing within a connection; what a cut loses is pulled again on the next channel. (Rules with their ids: README.)
 *
 *     pull(number, document, engine, included, needs, body)   give me what I lack; body: Yjs state vector or Automerge sync message
 *     answer(number, found, included, target, body)           all that I have of it; whoever has applied it includes `included`
 *     live(document, engine, writer, from, to, update)        the edits of `writer` after `from` up to `to`
 *     stored(document, included)                              on my disk, and mine to give
 *     confirm(document, included)                             say `stored` when you have this
 *     relayed(document, relay, included)                      on the disk of that relay, as far as I know
 *     seek(document, included)                                say `relayed` when you know of a relay that has this
 *
 * A document is *behind* when the catalogue lists an edit that its content does not include. It is pulled from one peer at a time. The
 * asker takes over the answer's `included` only when its content reached the answer's `target`. A live update is claimed only when
 * it joins on to what is included and was integrated; else its content is kept and the document is pulled.
 *
 * It ends: a peer is asked for a document only while the catalogue lists an edit that it was not yet asked for, or it has said that
 * it has one that is missing here. Whoever could not give what it was asked for says `stored` when it comes.
 */
import type { Clock, DocumentId, Timer } from '@selvedge/core'
import { SelvedgeError } from '@selvedge/core'
import { Answering } from './answering.js'
import type { LiveUpdate } from './copy-contract.js'
import type { DocumentCopy } from './document-copy.js'
import type { DocumentLimits } from './document-limits.js'
import type { EngineName } from './engine.js'
import { messageInvalid } from './errors.js'
import { Reassembly } from './fragments.js'
import type { Included } from './included.js'
import { decodeMessage, type LiveMessage, type Message } from './messages.js'
import { Outbox } from './outbox.js'
import { Pulling } from './pulling.js'
import { RelayedNotices } from './relayed-notices.js'
import { Confirmations, StoredNotices } from './stored-notices.js'
import { WriterNames } from './writer-names.js'

export interface DocumentChannel {
  /** Takes a message from the peer. @throws SelvedgeError when it is bad: the channel is closed then, and the session must close */
  receive(message: Uint8Array): void
  /** The next message to send, at most `fragmentBytesMax` long; `undefined` when there is nothing to send. */
  next(): Uint8Array | undefined
  /** Whether `next` has something. */
  readonly pending: boolean
  /** Idempotent. Pulls under way go to other channels. */
  close(): void
}

export interface ChannelOptions {
  /** Who is at the other end: a node id. */
  readonly label: string
  readonly role: 'node' | 'relay'
  /** There is something to send again. */
  onPending(): void
  /** A message turned out bad after `receive` had returned: the session must close. The channel is closed already. */
  onFault(error: SelvedgeError): void
}

export interface ChannelHost {
  readonly clock: Clock
  readonly limits: DocumentLimits
  find(id: DocumentId): DocumentCopy | undefined
  /** The document that a peer speaks of, made if need be; undefined when it can't be held. */
  obtain(id: DocumentId, engine: EngineName): DocumentCopy | undefined
  /** Decides anew what to pull, and from whom. */
  reconsider(copy: DocumentCopy): void
  pullFinished(copy: DocumentCopy): void
  /** The peer that was asked does not answer, or not on: another one may. */
  pullStalled(copy: DocumentCopy): void
  stored(channel: Channel, id: DocumentId, included: Included): void
  /** The peer says that `relay` has this on disk. */
  relayed(channel: Channel, id: DocumentId, relay: string, included: Included): void
  /** The peer wants to hear when a relay has this on disk. */
  sought(channel: Channel, id: DocumentId, included: Included): void
  closed(channel: Channel): void
}

export class Channel implements DocumentChannel {
  readonly label: string
  readonly role: 'node' | 'relay'
  readonly pulling: Pulling
  private readonly answering: Answering
  private readonly notices: StoredNotices
  private readonly confirmations = new Confirmations()
  private readonly relayedNotices: RelayedNotices
  private readonly outbox: Outbox
  private readonly reassembly: Reassembly
  private readonly names = new WriterNames()
  private confirming: Timer | undefined
  private closed = false

  constructor(
    private readonly host: ChannelHost,
    private readonly options: ChannelOptions,
    /** Own edits of this boot that the peer is not known to have on disk. */
    private readonly unacknowledged: () => Iterable<[DocumentId, Included]>
  ) {
    this.label = options.label
    this.role = options.role
    const { clock, limits } = host
    this.reassembly = new Reassembly(limits.transferBytesMax)
    this.notices = new StoredNotices(id => host.find(id), limits.noticesMax)
    this.relayedNotices = new RelayedNotices(limits.noticesMax)
    this.outbox = new Outbox(limits, [this.notices, this.confirmations, this.relayedNotices], {
      pending: () => options.onPending(),
      longSent: () => this.answering.pump()
    })
    this.pulling = new Pulling({
      clock,
      limits,
      send: message => this.outbox.send(message),
      finished: copy => host.pullFinished(copy),
      stalled: copy => host.pullStalled(copy),
      adopted: (copy, news) => this.owe(copy.id, news)
    })
    const outbox = this.outbox
    this.answering = new Answering({
      limits,
      find: id => host.find(id),
      send: message => outbox.send(message),
      get busy() {
        return outbox.longPending
      },
      owe: (id, needs, told) => {
        this.notices.owe(id, needs, told)
        outbox.announce()
      },
      fault: error => this.fault(error)
    })
  }

  get pending(): boolean {
    return !this.closed && this.outbox.pending
  }

  /** Called once by the set after it has taken the channel in. */
  open(): void {
    this.outbox.announce()
    // What the peer lacks it pulls and acknowledges by itself: only then it is clear which acknowledgements were lost.
    const { clock, limits } = this.host
    this.confirming = clock.setTimer(limits.confirmDelayMs, () => {
      for (const [id, included] of this.unacknowledged()) this.confirmations.add(id, included)
      this.outbox.announce()
    })
  }

  receive(bytes: Uint8Array): void {
    if (this.closed) return
    try {
      const whole = this.reassembly.add(bytes)
      if (this.reassembly.busy) this.pulling.progressed()
      const message = whole && decodeMessage(whole, this.names)
      if (message) this.dispatch(message)
    } catch (error) {
      this.close()
      throw asSelvedgeError(error)
    }
  }

  next(): Uint8Array | undefined {
    return this.closed ? undefined : this.outbox.next()
  }

  /** Sends a live update along, unless this channel is closed. */
  sendLive(live: LiveUpdate): void {
    if (!this.closed) this.outbox.sendLive({ kind: 'live', ...live })
  }

  /** What is on disk of a document changed. */
  durable(copy: DocumentCopy): void {
    if (this.closed) return
    this.notices.review(copy.id)
    this.outbox.announce()
  }

  /** Tells the peer what a relay has. Relays are not told: it is of use only to nodes. */
  tellRelayed(id: DocumentId, relay: string, included: Included): void {
    if (this.closed || this.role === 'relay') return
    this.relayedNotices.tell(id, relay, included)
    this.outbox.announce()
  }

  /** Asks the peer to say when a relay has this; a relay is asked about itself. */
  seek(id: DocumentId, included: Included): void {
    if (this.closed) return
    if (this.role === 'relay') this.confirmations.add(id, included)
    else this.relayedNotices.seek(id, included)
    this.outbox.announce()
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.confirming?.cancel()
    this.host.closed(this)
    this.pulling.close()
    this.answering.close()
  }

  private dispatch(message: Message): void {
    switch (message.kind) {
      case 'pull':
        this.answering.receive(message)
        if (message.first) this.heard(message.id, message.included)
        break
      case 'answer':
        this.pulling.progressed()
        this.pulling.receive(message)
        break
      case 'live':
        this.receiveLive(message)
        break
      case 'stored':
        this.heard(message.id, message.included)
        this.host.stored(this, message.id, message.included)
        break
      case 'confirm':
        this.notices.confirm(message.id, message.included)
        this.outbox.announce()
        break
      case 'relayed':
        this.relayedNotices.heard(message.id, message.relay, message.included)
        this.host.relayed(this, message.id, message.relay, message.included)
        break
      case 'seek':
        // A relay's own edits are on a relay's disk.
        if (this.role === 'node') this.host.sought(this, message.id, message.included)
        break
    }
  }

  private receiveLive(live: LiveMessage): void {
    const copy = this.host.obtain(live.id, live.engine)
    if (!copy) return
    this.owe(live.id, new Map([[live.writer, live.to]]))
    copy.whenLoaded(
      live.update.length,
      () => copy.applyLive(live, this),
      error => this.fault(error)
    )
  }

  private heard(id: DocumentId, included: Included): void {
    const copy = this.host.find(id)
    // Of a document that the catalogue does not have yet nothing need be remembered: it will be asked for then.
    if (!copy) return
    this.pulling.heard(id, included)
    this.host.reconsider(copy)
  }

  private owe(id: DocumentId, included: Included): void {
    this.notices.owe(id, included)
    this.outbox.announce()
  }

  private fault(error: unknown): void {
    if (this.closed) return
    this.close()
    this.options.onFault(asSelvedgeError(error))
  }
}

function asSelvedgeError(error: unknown): SelvedgeError {
  return error instanceof SelvedgeError ? error : messageInvalid('a document message is malformed', error)
}
