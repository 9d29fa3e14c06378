/**
 * A trunk connection: each binary WebSocket message is a frame; the close message carries the reason. Counts WebSocket messages
 * with their headers, before TLS.
 */
import type { RawData, WebSocket } from 'ws'
import { assert, type Clock, type CloseReason, type Connection, type ConnectionHandlers, type RemotePeer } from '@selvedge/core'
import { closedReason, encodeCloseReason, lostReason, parseCloseReason } from '../close-reason.js'
import { connectionLimits } from '../connection-limits.js'
import { closeCodes } from '../errors.js'
import { Inbox } from '../inbox.js'

/** WebSocket close codes of ours: 4000 ends a connection, 4001 refuses a handshake. */
export const closeStatus = { closed: 4000, refused: 4001 } as const
/** What a WebSocket close message can carry beside its number. */
export const closeTextBytesMax = 123
const tooBigStatus = 1009

export interface SocketConnectionOptions {
  readonly socket: WebSocket
  readonly remote: RemotePeer
  readonly outgoing: boolean
  readonly clock: Clock
  /** Called once, when nothing can be sent or received any more, before the handlers are told. */
  ended?(connection: SocketConnection, reason: CloseReason): void
}

export class SocketConnection implements Connection {
  readonly kind = 'trunk'
  readonly remote: RemotePeer
  readonly outgoing: boolean
  bytesOut = 0
  bytesIn = 0
  private readonly socket: WebSocket
  private readonly inbox = new Inbox(() => this.readOn())
  private needsDrain = false
  private tooLarge = false

  constructor(private readonly options: SocketConnectionOptions) {
    this.socket = options.socket
    this.remote = options.remote
    this.outgoing = options.outgoing
    this.socket.on('message', (data, isBinary) => this.received(data, isBinary))
    this.socket.on('error', error => {
      if ('code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') this.tooLarge = true
    })
    this.socket.on('close', (status, text) => this.end(this.reasonOf(status, text.toString()), false))
  }

  send(frame: Uint8Array): boolean {
    assert(frame.length <= connectionLimits.frameBytesMax, `a frame has at most ${connectionLimits.frameBytesMax} bytes`)
    if (this.inbox.ended) return false
    if (this.socket.bufferedAmount + frame.length > connectionLimits.queueBytesMax) {
      this.close({ code: closeCodes.overflow, message: 'more was queued than the connection holds' })
      return false
    }
    this.bytesOut += frame.length + headerBytes(frame.length, this.outgoing)
    this.socket.send(frame, { binary: true }, () => this.checkDrain())
    this.needsDrain ||= this.socket.bufferedAmount >= connectionLimits.highWaterBytes
    return !this.needsDrain
  }

  attach(handlers: ConnectionHandlers): void {
    this.inbox.attach(handlers)
    // Frames held so far are delivered in a microtask set before this one.
    queueMicrotask(() => this.readOn())
  }

  close(reason: CloseReason = closedReason): void {
    if (!this.end(reason, true)) return
    this.socket.resume()
    this.socket.close(closeStatus.closed, encodeCloseReason(reason, closeTextBytesMax))
    const timer = this.options.clock.setTimer(connectionLimits.closeTimeoutMs, () => this.socket.terminate())
    this.socket.once('close', () => timer.cancel())
  }

  private received(data: RawData, isBinary: boolean): void {
    if (this.inbox.ended) return
    if (!isBinary || !Buffer.isBuffer(data))
      return this.close({ code: closeCodes.frameInvalid, message: 'a trunk carries binary messages only' })
    this.bytesIn += data.length + headerBytes(data.length, !this.outgoing)
    // A plain array over the same bytes: the slice of a Buffer would not be a copy, which receivers count on.
    this.inbox.push(new Uint8Array(data.buffer, data.byteOffset, data.length))
    if (this.inbox.heldBytes >= connectionLimits.heldBytesMax) this.socket.pause()
  }

  private readOn(): void {
    if (this.inbox.heldBytes === 0 && this.socket.isPaused) this.socket.resume()
  }

  private checkDrain(): void {
    if (!this.needsDrain || this.socket.bufferedAmount > connectionLimits.lowWaterBytes) return
    this.needsDrain = false
    this.inbox.drain()
  }

  private end(reason: CloseReason, discard: boolean): boolean {
    if (!this.inbox.finish(reason, discard)) return false
    this.options.ended?.(this, reason)
    return true
  }

  private reasonOf(status: number, text: string): CloseReason {
    if (this.tooLarge || status === tooBigStatus)
      return { code: closeCodes.frameTooLarge, message: 'a frame was longer than a connection carries' }
    return (status === closeStatus.closed && parseCloseReason(text)) || lostReason
  }
}

// RFC 6455 section 5.2: 2 bytes, 2 or 8 more for the length, and 4 for the mask of what a client sends.
function headerBytes(length: number, fromClient: boolean): number {
  return (length < 126 ? 2 : length < 65_536 ? 4 : 10) + (fromClient ? 4 : 0)
}
