/**
 * Channels of a space that has no documents yet: many spaces never have any, and a relay has thousands of sessions. A channel is made
 * when the space has its first document, or when a peer says its first word of one; from then on all are made at once.
 */
import type { ChannelOptions, DocumentChannel } from './channel.js'

export class WaitingChannels {
  private readonly waiting: WaitingChannel[] = []
  private awake = false

  constructor(private readonly open: (options: ChannelOptions) => DocumentChannel) {}

  /** A channel, or what stands for one until there is something to say. */
  channel(options: ChannelOptions): DocumentChannel {
    if (this.awake) return this.open(options)
    const channel = new WaitingChannel(this, options)
    this.waiting.push(channel)
    return channel
  }

  /** Makes all that wait. */
  wake(): void {
    this.awake = true
    for (const channel of this.waiting.splice(0)) channel.made = this.open(channel.options)
  }

  /** Those that wait are never made. */
  close(): void {
    this.waiting.length = 0
  }

  forget(channel: WaitingChannel): void {
    const at = this.waiting.indexOf(channel)
    if (at >= 0) this.waiting.splice(at, 1)
  }
}

class WaitingChannel implements DocumentChannel {
  made: DocumentChannel | undefined

  constructor(
    private readonly all: WaitingChannels,
    readonly options: ChannelOptions
  ) {}

  get pending(): boolean {
    return this.made?.pending ?? false
  }

  receive(message: Uint8Array): void {
    if (!this.made) this.all.wake()
    // One that was closed while it waited is never made.
    this.made?.receive(message)
  }

  next(): Uint8Array | undefined {
    return this.made?.next()
  }

  close(): void {
    this.all.forget(this)
    this.made?.close()
  }
}
