/**
 * What a channel has to send. Short messages go before long ones, but after each short one a fragment may go, so that neither
 * starves the other. Acknowledgements and notices are not queued but taken from their sources when there is credit: what they say is
 * always the newest.
 */
import type { DocumentLimits } from './document-limits.js'
import { Fragmenter, fitsWhole, wrapWhole } from './fragments.js'
import {
  encodeMessage,
  messageBytesMax,
  type LiveMessage,
  type Message,
  type NoticeMessage,
  type RelayedMessage
} from './messages.js'
import { WriterNames } from './writer-names.js'

/** Where messages come from that are made only when they can be sent. */
export interface NoticeSource {
  readonly pending: boolean
  take(): NoticeMessage | RelayedMessage | undefined
}

export class Outbox {
  private readonly short: Message[] = []
  private readonly long: Uint8Array[] = []
  private live: LiveMessage[] = []
  private liveBytes = 0
  private fragmenter: Fragmenter | undefined
  private fragmentTurn = false
  private announced = false
  private readonly names = new WriterNames()

  constructor(
    private readonly limits: DocumentLimits,
    private readonly sources: readonly NoticeSource[],
    private readonly events: { pending(): void; longSent(): void }
  ) {}

  get pending(): boolean {
    return this.hasShort || this.hasLong
  }

  /** Whether a long message is being sent or waits. */
  get longPending(): boolean {
    return this.hasLong
  }

  private get hasShort(): boolean {
    return this.short.length > 0 || this.live.length > 0 || this.sources.some(source => source.pending)
  }

  private get hasLong(): boolean {
    return this.fragmenter !== undefined || this.long.length > 0
  }

  send(message: Message): void {
    if (this.isShort(message)) this.short.push(message)
    else this.long.push(encodeMessage(message))
    this.announce()
  }

  /** Queues a live update; when too much waits, all that wait are dropped, and the peer pulls once it is behind. */
  sendLive(message: LiveMessage): void {
    this.liveBytes += message.update.length
    this.live.push(message)
    if (this.liveBytes > this.limits.pushQueueBytesMax) {
      this.live = []
      this.liveBytes = 0
      return
    }
    this.announce()
  }

  /** Tells the session that there is something to send, once until the outbox has run empty. */
  announce(): void {
    if (this.announced || !this.pending) return
    this.announced = true
    this.events.pending()
  }

  next(): Uint8Array | undefined {
    const fragment = this.hasLong && (this.fragmentTurn || !this.hasShort)
    this.fragmentTurn = !fragment
    const message = fragment ? this.nextFragment() : this.nextShort()
    if (!this.pending) this.announced = false
    return message
  }

  private nextShort(): Uint8Array | undefined {
    const queued = this.short.shift()
    if (queued) return this.whole(queued)
    const live = this.live.shift()
    if (live) {
      this.liveBytes -= live.update.length
      return this.wrap(live)
    }
    for (const source of this.sources) {
      const notice = source.take()
      if (notice) return this.wrap(notice)
    }
    return this.hasLong ? this.nextFragment() : undefined
  }

  /** Whole if it fits; otherwise it takes its place among the long ones. */
  private wrap(message: Message): Uint8Array | undefined {
    if (this.isShort(message)) return this.whole(message)
    this.long.push(encodeMessage(message))
    return this.nextFragment()
  }

  private isShort(message: Message): boolean {
    return fitsWhole(messageBytesMax(message), this.limits.fragmentBytesMax)
  }

  /** Nothing overtakes it any more, so its writers may be named by number. */
  private whole(message: Message): Uint8Array {
    return wrapWhole(encodeMessage(message, this.names.write))
  }

  private nextFragment(): Uint8Array {
    this.fragmenter ??= new Fragmenter(this.long.shift()!, this.limits.fragmentBytesMax)
    const bytes = this.fragmenter.next()
    if (this.fragmenter.done) {
      this.fragmenter = undefined
      if (!this.hasLong) this.events.longSent()
    }
    return bytes
  }
}
