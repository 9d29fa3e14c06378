/**
 * A mesh connection: frames over one libp2p stream, which is the only one on its libp2p connection (libp2p's own pings aside), so
 * that the two end together. Counts the bytes of the stream: frames and their prefixes, before encryption.
 */
import type { Connection as Libp2pConnection, Stream } from '@libp2p/interface'
import { assert, type Clock, type CloseReason, type Connection, type ConnectionHandlers, type RemotePeer } from '@selvedge/core'
import { closedReason, lostReason } from '../close-reason.js'
import { connectionLimits } from '../connection-limits.js'
import { closeCodes } from '../errors.js'
import { Inbox } from '../inbox.js'
import { encodeClose, FrameDecoder, framePrefix, type StreamMessage } from '../mesh-frames.js'
import { sparseWindowUpdates } from './window-updates.js'

/** Frames sent in one turn are written together, at most about this much at a time. */
const gatherBytesMax = 64 * 1024

export interface StreamConnectionOptions {
  readonly stream: Stream
  readonly link: Libp2pConnection
  readonly remote: RemotePeer
  readonly clock: Clock
  /** Called once, when nothing can be sent or received any more, before the handlers are told. */
  ended(connection: StreamConnection, reason: CloseReason): void
}

export class StreamConnection implements Connection {
  readonly kind = 'mesh'
  readonly remote: RemotePeer
  readonly outgoing: boolean
  readonly sinceMs: number
  /** Resolves once the libp2p connection is closed or given up. */
  readonly finished: Promise<void>
  bytesOut = 0
  bytesIn = 0
  private heardMs: number
  private readonly stream: Stream
  private readonly decoder = new FrameDecoder()
  private readonly inbox = new Inbox(() => this.readOn())
  private needsDrain = false
  /** Messages of this turn. Each write is a Yamux frame, a Noise message and a system call, whatever its size. */
  private gathered: Uint8Array[] = []
  private gatheredBytes = 0
  private resolveFinished!: () => void

  constructor(private readonly options: StreamConnectionOptions) {
    this.stream = options.stream
    this.remote = options.remote
    this.outgoing = options.link.direction === 'outbound'
    this.sinceMs = this.heardMs = options.clock.monotonicMs()
    this.finished = new Promise(resolve => (this.resolveFinished = resolve))
    sparseWindowUpdates(this.stream)
    this.stream.addEventListener('message', event => this.received(event.data))
    this.stream.addEventListener('drain', () => this.checkDrain())
    this.stream.addEventListener('idle', () => this.checkDrain())
    // Not 'remoteCloseWrite', which does not wait for what a paused stream still holds.
    this.stream.addEventListener('end', () => this.lost())
    this.stream.addEventListener('close', () => this.lost())
    options.link.addEventListener('close', () => this.lost())
  }

  /** Whether bytes came within the last `withinMs`. */
  heardWithin(withinMs: number): boolean {
    return this.options.clock.monotonicMs() - this.heardMs < withinMs
  }

  send(frame: Uint8Array): boolean {
    assert(frame.length <= connectionLimits.frameBytesMax, `a frame has at most ${connectionLimits.frameBytesMax} bytes`)
    if (this.inbox.ended) return false
    if (this.stream.writeBufferLength + frame.length > connectionLimits.queueBytesMax) {
      this.fail({ code: closeCodes.overflow, message: 'more was queued than the connection holds' })
      return false
    }
    if (!this.gather(framePrefix(frame.length), frame)) return false
    this.needsDrain ||= this.stream.writableNeedsDrain || this.stream.writeBufferLength >= connectionLimits.highWaterBytes
    return !this.needsDrain
  }

  attach(handlers: ConnectionHandlers): void {
    this.inbox.attach(handlers)
    // Frames held so far are delivered in a microtask set before this one.
    queueMicrotask(() => this.readOn())
  }

  close(reason: CloseReason = closedReason): void {
    if (!this.end(reason, true)) return
    this.gather(encodeClose(reason))
    this.flush()
    void this.shutDown()
  }

  /** Cuts the connection without a word to the other end. */
  abort(reason: CloseReason): void {
    this.end(reason, true)
    this.cut(reason.message)
  }

  /** This end can't go on: says so and cuts, without waiting for what is queued. */
  private fail(reason: CloseReason): void {
    if (!this.end(reason, true)) return
    if (this.stream.writeBufferLength === 0) {
      this.gather(encodeClose(reason))
      this.flush()
    }
    void this.shutDown()
  }

  private lost(): void {
    // Not at once: libp2p may be in the middle of aborting the connection, and to abort it from within makes that throw.
    if (this.end(lostReason, false)) queueMicrotask(() => this.cut(lostReason.message))
  }

  private end(reason: CloseReason, discard: boolean): boolean {
    if (!this.inbox.finish(reason, discard)) return false
    this.options.ended(this, reason)
    return true
  }

  private received(data: Uint8Array | Iterable<Uint8Array>): void {
    this.heardMs = this.options.clock.monotonicMs()
    for (const chunk of data instanceof Uint8Array ? [data] : data) {
      if (this.inbox.ended) return
      this.bytesIn += chunk.length
      const problem = this.decoder.push(chunk, message => this.deliver(message))
      if (problem) return this.fail(problem)
    }
  }

  private deliver(message: StreamMessage): boolean {
    if (message.type === 'close') {
      if (this.end(message.reason, false)) void this.shutDown()
      return false
    }
    this.inbox.push(message.frame)
    if (this.inbox.heldBytes >= connectionLimits.heldBytesMax && this.stream.readStatus === 'readable') this.stream.pause()
    return !this.inbox.ended
  }

  private readOn(): void {
    if (this.inbox.heldBytes === 0 && this.stream.readStatus === 'paused') this.stream.resume()
  }

  private gather(...parts: Uint8Array[]): boolean {
    if (this.gathered.length === 0) queueMicrotask(() => this.flush())
    for (const part of parts) {
      this.gathered.push(part)
      this.gatheredBytes += part.length
      this.bytesOut += part.length
    }
    return this.gatheredBytes < gatherBytesMax || this.flush()
  }

  private flush(): boolean {
    if (this.gathered.length === 0) return true
    const bytes = concatenated(this.gathered, this.gatheredBytes)
    this.gathered = []
    this.gatheredBytes = 0
    try {
      this.stream.send(bytes)
      return true
    } catch {
      // The stream ended and its event is still to come.
      this.lost()
      return false
    }
  }

  private checkDrain(): void {
    if (!this.needsDrain) return
    // libp2p goes on with its own queue in a microtask after the event: look at what that left.
    queueMicrotask(() => {
      if (!this.needsDrain || this.stream.writableNeedsDrain || this.stream.writeBufferLength > connectionLimits.lowWaterBytes)
        return
      this.needsDrain = false
      this.inbox.drain()
    })
  }

  /**
   * Sends what is queued, waits until the other end has closed its half too, then closes the libp2p connection: closed earlier, the
   * kernel may answer what is under way with a reset, and the other end loses our last words. Cut when that takes too long.
   */
  private async shutDown(): Promise<void> {
    const abort = new AbortController()
    const timer = this.options.clock.setTimer(connectionLimits.closeTimeoutMs, () => abort.abort())
    try {
      if (this.stream.readStatus === 'paused') this.stream.resume()
      await this.stream.close({ signal: abort.signal })
      await this.otherHalfClosed(abort.signal)
      await this.options.link.close({ signal: abort.signal })
      this.resolveFinished()
    } catch {
      this.cut('the connection did not close in time')
    } finally {
      timer.cancel()
    }
  }

  private otherHalfClosed(signal: AbortSignal): Promise<void> {
    if (this.stream.remoteWriteStatus === 'closed' || this.stream.status !== 'open') return Promise.resolve()
    return new Promise((resolve, reject) => {
      for (const type of ['remoteCloseWrite', 'close'] as const)
        this.stream.addEventListener(type, () => resolve(), { once: true })
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true })
    })
  }

  private cut(message: string): void {
    this.options.link.abort(new Error(message))
    this.resolveFinished()
  }
}

function concatenated(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
