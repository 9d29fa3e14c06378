/**
 * A frame is one message: a kind byte, then its body. Bit 7 of the kind marks a message that a receiver may skip when it does not
 * know it; bit 6 says that the body is deflated. Frames are at most `limits.frameBytesMax` long, deflated or not.
 */
import { ByteReader, ByteWriter, limits, SelvedgeError } from '@selvedge/core'
import { sessionErrors } from './errors.js'

/** What a frame can say. Numbers are for ever; kinds from 32 up are free for later versions. */
export enum Kind {
  Hello = 1,
  Space = 2,
  Have = 3,
  Registers = 4,
  Held = 5,
  Seal = 6,
  Ack = 7,
  Members = 8,
  Compare = 9,
  Compared = 10,
  FullCompare = 11,
  Document = 12,
  Signal = 13,
  Ping = 14,
  Pong = 15,
  Credit = 16,
  Close = 17,
  SpaceClosed = 18,
  Beat = 19
}

/** A peer that does not know them may pass them over. */
export const optionalKinds: ReadonlySet<Kind> = new Set([Kind.Signal, Kind.Members, Kind.Beat])

const optionalBit = 0x80
const deflatedBit = 0x40
const kindMask = 0x3f

/** The first protocol version and the newest that this code speaks. */
export const protocolVersions = { min: 1, max: 1 } as const

/** Raw deflate, handed in because the browser and Node bring different ones. Synchronous: a simulation must not leave its thread. */
export interface Compressor {
  deflate(bytes: Uint8Array): Uint8Array
  /** Must refuse to give more than `maxBytes`. */
  inflate(bytes: Uint8Array, maxBytes: number): Uint8Array
}

/** Below this a frame is sent as it is. */
const compressFromBytes = 256

export function encodeFrame(kind: Kind, optional: boolean, body: Uint8Array, compressor: Compressor | undefined): Uint8Array {
  if (body.length + 1 > limits.frameBytesMax)
    throw new SelvedgeError(
      sessionErrors.frameTooLarge,
      `a ${Kind[kind]} frame of ${body.length} bytes, the limit is ${limits.frameBytesMax}`
    )
  const first = kind | (optional ? optionalBit : 0)
  if (compressor && body.length >= compressFromBytes) {
    const deflated = compressor.deflate(body)
    if (deflated.length < body.length) return join(first | deflatedBit, deflated)
  }
  return join(first, body)
}

function join(first: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(body.length + 1)
  frame[0] = first
  frame.set(body, 1)
  return frame
}

export interface DecodedFrame {
  readonly kind: number
  readonly optional: boolean
  readonly body: ByteReader
}

/** @throws SelvedgeError `SESSION_FRAME_TOO_LARGE`, `SESSION_FRAME_INVALID` */
export function decodeFrame(frame: Uint8Array, compressor: Compressor | undefined): DecodedFrame {
  if (frame.length > limits.frameBytesMax)
    throw new SelvedgeError(sessionErrors.frameTooLarge, `a frame of ${frame.length} bytes, the limit is ${limits.frameBytesMax}`)
  const first = frame[0]
  if (first === undefined) throw new SelvedgeError(sessionErrors.frameInvalid, 'an empty frame')
  let body = frame.subarray(1)
  if (first & deflatedBit) {
    if (!compressor) throw new SelvedgeError(sessionErrors.frameInvalid, 'a deflated frame, though none was agreed on')
    try {
      body = compressor.inflate(body, limits.frameBytesMax)
    } catch (cause) {
      throw new SelvedgeError(sessionErrors.frameInvalid, 'a frame that can not be inflated within its limit', { cause })
    }
  }
  return { kind: first & kindMask, optional: (first & optionalBit) !== 0, body: new ByteReader(body) }
}

const scratch = new ByteWriter(limits.frameBytesMax)

/** Writes a body with a shared buffer. */
export function bodyOf(write: (out: ByteWriter) => void): Uint8Array {
  scratch.clear()
  write(scratch)
  return scratch.finish()
}
