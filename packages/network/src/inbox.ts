/**
 * The receiving half that every connection shares. It keeps three promises of the `Connection` contract: frames are delivered in
 * order, those that came before `attach` after it; `closed` is told exactly once and last; no handler runs inside a call of the
 * connection's user (`attach`, `send` or `close`).
 */
import { assert, type CloseReason, type ConnectionHandlers } from '@selvedge/core'

export class Inbox {
  private handlers: ConnectionHandlers | undefined
  private pending: Uint8Array[] = []
  private pendingBytes = 0
  /** Handlers are set and what came before them is delivered. */
  private flowing = false
  private end: CloseReason | undefined
  private told = false

  /** @param consumed called with the bytes that the handlers took, so that the transport can read on */
  constructor(private readonly consumed: (bytes: number) => void = () => {}) {}

  /** Bytes that wait for handlers. */
  get heldBytes(): number {
    return this.pendingBytes
  }

  get ended(): boolean {
    return this.end !== undefined
  }

  /** A frame arrived. After the end it is dropped. */
  push(frame: Uint8Array): void {
    if (this.end) return
    if (this.flowing) {
      this.handlers!.frame(frame)
      this.consumed(frame.length)
    } else {
      this.pending.push(frame)
      this.pendingBytes += frame.length
    }
  }

  /** There is room to send again. */
  drain(): void {
    if (this.flowing && !this.end) this.handlers!.drain()
  }

  /** The connection is over; `discard` when this end wanted it so: frames not yet delivered are dropped then. False if it was before. */
  finish(reason: CloseReason, discard: boolean): boolean {
    if (this.end) return false
    this.end = reason
    if (discard) this.dropPending()
    if (this.handlers) queueMicrotask(() => this.flush())
    return true
  }

  attach(handlers: ConnectionHandlers): void {
    assert(!this.handlers, 'attach is called once')
    this.handlers = handlers
    queueMicrotask(() => this.flush())
  }

  private flush(): void {
    const handlers = this.handlers!
    // A handler may close the connection: then the rest is gone.
    for (let frame = this.pending.shift(); frame; frame = this.pending.shift()) {
      this.pendingBytes -= frame.length
      handlers.frame(frame)
      this.consumed(frame.length)
    }
    this.flowing = true
    if (this.end && !this.told) {
      this.told = true
      handlers.closed(this.end)
    }
  }

  private dropPending(): void {
    this.pending = []
    this.pendingBytes = 0
  }
}
