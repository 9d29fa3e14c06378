/**
 * Reading and writing bytes: the base of every wire and stored format. Integers are LEB128 variable-length up to 2^53 - 1; strings
 * and byte fields carry their length. There is one way to write each number, and a reader refuses every other, so that what
 * decodes at all encodes to the same bytes again. A reader treats its input as hostile: it never reads past the end, never
 * believes a length or a count that the rest of the input can't hold, and throws a `SelvedgeError` only.
 */
import { SelvedgeError, assert, coreErrors } from './errors.js'

const textEncoder = new TextEncoder()
// A byte order mark is a character of the text like any other: dropped, the text would not encode to the same bytes again.
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class ByteWriter {
  private buffer: Uint8Array
  private view: DataView
  private length = 0

  constructor(capacityBytes = 256) {
    this.buffer = new Uint8Array(capacityBytes)
    this.view = new DataView(this.buffer.buffer)
  }

  /** Bytes written. */
  get size(): number {
    return this.length
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.buffer.length) return
    const grown = new Uint8Array(Math.max(needed, this.buffer.length * 2))
    grown.set(this.buffer.subarray(0, this.length))
    this.buffer = grown
    this.view = new DataView(grown.buffer)
  }

  byte(value: number): this {
    this.reserve(1)
    this.buffer[this.length++] = value
    return this
  }

  /** A non-negative safe integer; anything else is a programmer's mistake. */
  uint(value: number): this {
    assert(value >= 0 && Number.isSafeInteger(value), 'uint takes a non-negative safe integer')
    this.reserve(8)
    while (value > 0x7fff_ffff) {
      this.buffer[this.length++] = (value % 128) | 0x80
      value = Math.floor(value / 128)
    }
    while (value > 127) {
      this.buffer[this.length++] = (value & 127) | 0x80
      value >>>= 7
    }
    this.buffer[this.length++] = value
    return this
  }

  /** A safe integer of either sign, zigzag coded: as one number while that is below the escapes, else behind one of them. */
  int(value: number): this {
    assert(Number.isSafeInteger(value), 'int takes a safe integer')
    // The sign takes the lowest bit: past 2^52 the doubled value would not be exact, so the value is written apart.
    if (value >= 0) return value < firstEscapedPositive ? this.uint(value * 2) : this.uint(escapePositive).uint(value)
    return -value < firstEscapedNegative ? this.uint(-value * 2 - 1) : this.uint(escapeNegative).uint(-value)
  }

  float64(value: number): this {
    this.reserve(8)
    this.view.setFloat64(this.length, value, true)
    this.length += 8
    return this
  }

  raw(bytes: Uint8Array): this {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
    return this
  }

  /** Length, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.uint(bytes.length).raw(bytes)
  }

  /** Length in bytes, then UTF-8; of what stands from `from` on, which is never between the halves of a surrogate pair. */
  string(text: string, from = 0): this {
    const length = text.length - from
    if (length < 64) {
      this.reserve(length + 1)
      const { buffer } = this
      let at = this.length
      buffer[at++] = length
      let i = from
      for (; i < text.length; i++) {
        const unit = text.charCodeAt(i)
        if (unit > 127) break
        buffer[at++] = unit
      }
      if (i === text.length) {
        this.length = at
        return this
      }
    }
    return this.bytes(textEncoder.encode(from === 0 ? text : text.slice(from)))
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.buffer.slice(0, this.length)
  }

  /** What was written, without a copy: valid until the next write. */
  peek(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }

  /** Forgets what was written and keeps the buffer. */
  clear(): void {
    this.length = 0
  }
}

// The two highest numbers that uint can write announce what zigzag coding can't hold: 2^52 - 1 doubled is the first of them,
// and -2^52 would be coded as the second.
const escapePositive = Number.MAX_SAFE_INTEGER - 1
const escapeNegative = Number.MAX_SAFE_INTEGER
const firstEscapedPositive = 2 ** 52 - 1
const firstEscapedNegative = 2 ** 52

export class ByteReader {
  private at: number
  private readonly end: number
  private readonly buffer: Uint8Array
  private readonly view: DataView

  constructor(buffer: Uint8Array, start = 0, end = buffer.length) {
    assert(start >= 0 && start <= end && end <= buffer.length, 'a reader stays within its buffer')
    this.at = start
    this.end = end
    // A Buffer's slice() shares memory where a Uint8Array's copies: what is handed out here must not depend on what came in.
    this.buffer = buffer.constructor === Uint8Array ? buffer : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.end - this.at
  }

  private need(bytes: number): void {
    if (bytes > this.end - this.at) throw new SelvedgeError(coreErrors.codecTruncated, 'the input ends in the middle of a field')
  }

  /** @throws SelvedgeError `CODEC_TRUNCATED`, as every method here does at the end of the input. */
  byte(): number {
    this.need(1)
    return this.buffer[this.at++]!
  }

  /** @throws SelvedgeError `CODEC_INVALID` above 2^53 - 1, or when it is not in its shortest form */
  uint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      this.need(1)
      const byte = this.buffer[this.at++]!
      value += (byte & 127) * scale
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break
        if (byte === 0 && i > 0) throw notShortest()
        return value
      }
      scale *= 128
    }
    throw new SelvedgeError(coreErrors.codecInvalid, 'an integer is longer than 53 bits')
  }

  /**
   * An integer that must not be above `max`: a length, a count, an index.
   * @throws SelvedgeError `CODEC_OVERFLOW`
   */
  uintUpTo(max: number, what: string): number {
    return upTo(max, this.uint(), what)
  }

  /** A count of items that take at least `bytesEach` bytes each in the rest of the input. */
  count(what: string, bytesEach = 1): number {
    const value = this.uint()
    return upTo(Math.floor(this.remaining / bytesEach), value, what)
  }

  int(): number {
    const coded = this.uint()
    if (coded === escapePositive) return this.escaped(firstEscapedPositive)
    if (coded === escapeNegative) return -this.escaped(firstEscapedNegative)
    return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2
  }

  private escaped(min: number): number {
    const value = this.uint()
    if (value < min) throw notShortest()
    return value
  }

  float64(): number {
    this.need(8)
    const value = this.view.getFloat64(this.at, true)
    this.at += 8
    return value
  }

  /** The next `length` bytes, without a copy. */
  raw(length: number): Uint8Array {
    this.need(length)
    const bytes = this.buffer.subarray(this.at, this.at + length)
    this.at += length
    return bytes
  }

  /** Copies the next `length` bytes into `target` at `at`. */
  copy(length: number, target: Uint8Array, at: number): void {
    this.need(length)
    for (let i = 0; i < length; i++) target[at + i] = this.buffer[this.at + i]!
    this.at += length
  }

  /** Length, then that many bytes, without a copy: `slice()` what is kept. */
  bytes(max = this.remaining, what = 'a byte field'): Uint8Array {
    return this.raw(this.uintUpTo(Math.max(max, 0), `the length of ${what}`))
  }

  string(max = this.remaining, what = 'a string'): string {
    const bytes = this.bytes(max, what)
    // What is longer the decoder reads faster.
    if (bytes.length < 12) {
      const text = shortAscii(bytes)
      if (text !== undefined) return text
    }
    try {
      return textDecoder.decode(bytes)
    } catch (cause) {
      throw new SelvedgeError(coreErrors.codecInvalid, `${what} is not valid UTF-8`, { cause })
    }
  }

  /** A copy of the last `length` bytes of the input: a message kept to be read again. */
  whole(length: number): Uint8Array {
    return this.buffer.slice(this.end - length, this.end)
  }

  /** Throws unless everything was read. */
  finish(what: string): void {
    if (this.remaining !== 0) throw new SelvedgeError(coreErrors.codecInvalid, `${this.remaining} stray bytes after ${what}`)
  }
}

function upTo(max: number, value: number, what: string): number {
  if (value > max)
    throw new SelvedgeError(coreErrors.codecOverflow, `${what} is ${value}, the limit is ${max}`, {
      details: { what, value, max }
    })
  return value
}

function notShortest(): SelvedgeError {
  return new SelvedgeError(coreErrors.codecInvalid, 'an integer is not in its shortest form')
}

function shortAscii(bytes: Uint8Array): string | undefined {
  let text = ''
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte > 127) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}
