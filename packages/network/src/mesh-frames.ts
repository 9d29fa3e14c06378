/**
 * Frames on a byte stream: a big-endian length of 4 bytes, then the bytes. The highest bit of the length marks the one other
 * message: the reason with which the sender closes. A length above the limit is refused before anything is allocated for it.
 */
import type { CloseReason } from '@selvedge/core'
import { encodeCloseReason, parseCloseReason } from './close-reason.js'
import { connectionLimits } from './connection-limits.js'
import { closeCodes } from './errors.js'

const prefixBytes = 4
const closeBit = 0x8000_0000
const closeBytesMax = 512

export type StreamMessage =
  { readonly type: 'frame'; readonly frame: Uint8Array } | { readonly type: 'close'; readonly reason: CloseReason }

/** The 4 bytes that go before a frame of `length` bytes. */
export function framePrefix(length: number): Uint8Array {
  return prefixOf(length)
}

/** The whole closing message. */
export function encodeClose(reason: CloseReason): Uint8Array {
  const body = new TextEncoder().encode(encodeCloseReason(reason, closeBytesMax))
  const bytes = new Uint8Array(prefixBytes + body.length)
  bytes.set(prefixOf((body.length | closeBit) >>> 0))
  bytes.set(body, prefixBytes)
  return bytes
}

function prefixOf(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
}

/** Puts frames together from chunks cut anywhere. */
export class FrameDecoder {
  private header = 0
  private headerBytes = 0
  private body: Uint8Array | undefined
  private bodyBytes = 0

  /**
   * Hands on every message that `chunk` completes; stops when `deliver` answers false.
   * @returns why the stream can't go on, or `undefined`
   */
  push(chunk: Uint8Array, deliver: (message: StreamMessage) => boolean): CloseReason | undefined {
    let at = 0
    while (at < chunk.length || this.complete()) {
      if (!this.body) {
        at = this.readHeader(chunk, at)
        if (this.headerBytes < prefixBytes) return undefined
        const problem = this.startBody()
        if (problem) return problem
      }
      at = this.readBody(chunk, at)
      if (!this.complete()) return undefined
      const message = this.take()
      if (!message) return { code: closeCodes.frameInvalid, message: 'a closing message can not be read' }
      if (!deliver(message)) return undefined
    }
    return undefined
  }

  private complete(): boolean {
    return this.body !== undefined && this.bodyBytes === this.body.length
  }

  private readHeader(chunk: Uint8Array, start: number): number {
    let at = start
    while (this.headerBytes < prefixBytes && at < chunk.length) {
      this.header = ((this.header << 8) | chunk[at++]!) >>> 0
      this.headerBytes++
    }
    return at
  }

  private startBody(): CloseReason | undefined {
    const closing = this.header >= closeBit
    const length = closing ? this.header - closeBit : this.header
    const max = closing ? closeBytesMax : connectionLimits.frameBytesMax
    if (length > max)
      return { code: closeCodes.frameTooLarge, message: `a frame of ${length} bytes was announced, the limit is ${max}` }
    this.body = new Uint8Array(length)
    this.bodyBytes = 0
    return undefined
  }

  private readBody(chunk: Uint8Array, at: number): number {
    const body = this.body!
    const part = chunk.subarray(at, at + body.length - this.bodyBytes)
    body.set(part, this.bodyBytes)
    this.bodyBytes += part.length
    return at + part.length
  }

  private take(): StreamMessage | undefined {
    const bytes = this.body!
    const closing = this.header >= closeBit
    this.body = undefined
    this.header = this.headerBytes = 0
    if (!closing) return { type: 'frame', frame: bytes }
    const reason = parseCloseReason(new TextDecoder().decode(bytes))
    return reason && { type: 'close', reason }
  }
}
