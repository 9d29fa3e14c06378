/**
 * Long messages travel in fragments, so that nothing on the wire is longer than `fragmentBytesMax` and short messages need not wait
 * behind a long one. One long message is under way at a time.
 *
 * Wire: byte 0 and a whole message, or byte 1, the total length and the first fragment, or byte 2 and the next fragment.
 */
import { ByteReader, ByteWriter } from '@selvedge/core'
import { messageInvalid } from './errors.js'

const whole = 0
const first = 1
const next = 2
/** The marker byte and the total length. */
const headerBytesMax = 9

export function fitsWhole(messageBytes: number, fragmentBytesMax: number): boolean {
  return messageBytes + 1 <= fragmentBytesMax
}

export function wrapWhole(message: Uint8Array): Uint8Array {
  return new ByteWriter(message.length + 1).byte(whole).raw(message).finish()
}

/** Cuts one long message into fragments, as they are asked for. */
export class Fragmenter {
  private at = 0

  constructor(
    private readonly message: Uint8Array,
    private readonly fragmentBytesMax: number
  ) {}

  get done(): boolean {
    return this.at >= this.message.length
  }

  next(): Uint8Array {
    const writer = new ByteWriter(Math.min(this.fragmentBytesMax, this.message.length + headerBytesMax))
    if (this.at === 0) writer.byte(first).uint(this.message.length)
    else writer.byte(next)
    const end = Math.min(this.message.length, this.at + this.fragmentBytesMax - headerBytesMax)
    writer.raw(this.message.subarray(this.at, end))
    this.at = end
    return writer.finish()
  }
}

/** Puts fragments together again. Memory grows with what has arrived, not with what was announced. */
export class Reassembly {
  private parts: Uint8Array[] = []
  private expected = 0
  private received = 0

  constructor(private readonly transferBytesMax: number) {}

  /** Whether a long message is under way. */
  get busy(): boolean {
    return this.expected > 0
  }

  /** The message that is complete with these bytes, if one is. @throws SelvedgeError when they are malformed */
  add(bytes: Uint8Array): Uint8Array | undefined {
    const reader = new ByteReader(bytes)
    const marker = reader.byte()
    if (marker === whole) return reader.raw(reader.remaining)
    if (marker === first) {
      if (this.busy) throw messageInvalid('a long message starts inside of another')
      this.expected = reader.uintUpTo(this.transferBytesMax, 'the length of a message')
    } else if (marker !== next) throw messageInvalid(`fragment marker ${marker} has no meaning`)
    else if (!this.busy) throw messageInvalid('a fragment belongs to no message')
    const part = reader.raw(reader.remaining).slice()
    if (part.length === 0) throw messageInvalid('a fragment is empty')
    this.parts.push(part)
    this.received += part.length
    if (this.received > this.expected) throw messageInvalid('a message is longer than it was announced')
    return this.received === this.expected ? this.finish() : undefined
  }

  private finish(): Uint8Array {
    const message = new Uint8Array(this.expected)
    let at = 0
    for (const part of this.parts) {
      message.set(part, at)
      at += part.length
    }
    this.parts = []
    this.expected = this.received = 0
    return message
  }
}
