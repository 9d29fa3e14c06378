/**
 * Reading and writing bytes: the base of every wire and stored format. Integers are LEB128 variable-length up to 2^53 - 1; strings
 * and byte fields carry their length. A reader treats its input as hostile: it never reads past the end, never believes a length
 * or a count that the rest of the input can't hold, and throws a `SelvedgeError` only.
 */
import { SelvedgeError, coreErrors } from './errors.js'

const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder('utf-8', { fatal: true })

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

  /** A non-negative safe integer. */
  uint(value: number): this {
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

  /** A safe integer of either sign, zigzag coded; up to ±2^52 as one number, beyond that behind an escape. */
  int(value: number): this {
    if (value >= 0) {
      // The sign takes the lowest bit: past 2^52 the doubled value would not be exact, so the top bit is written apart.
      if (value < 0xf_ffff_ffff_ffff) return this.uint(value * 2)
      return this.uint(escapePositive).uint(value)
    }
    if (value > -0x10_0000_0000_0000) return this.uint(-value * 2 - 1)
    return this.uint(escapeNegative).uint(-value)
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

  /** Length in bytes, then UTF-8. */
  string(text: string): this {
    if (text.length < 64 && isAscii(text)) {
      this.reserve(text.length + 1)
      this.buffer[this.length++] = text.length
      for (let i = 0; i < text.length; i++) this.buffer[this.length++] = text.charCodeAt(i)
      return this
    }
    return this.bytes(textEncoder.encode(text))
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

const escapePositive = Number.MAX_SAFE_INTEGER - 1
const escapeNegative = Number.MAX_SAFE_INTEGER

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false
  return true
}

export class ByteReader {
  private at: number
  private readonly end: number
  private readonly view: DataView

  constructor(
    private readonly buffer: Uint8Array,
    start = 0,
    end = buffer.length
  ) {
    this.at = start
    this.end = end
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.end - this.at
  }

  private need(bytes: number): void {
    if (bytes > this.end - this.at) throw new SelvedgeError(coreErrors.codecTruncated, 'the input ends in the middle of a field')
  }

  byte(): number {
    this.need(1)
    return this.buffer[this.at++]!
  }

  uint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      this.need(1)
      const byte = this.buffer[this.at++]!
      value += (byte & 127) * scale
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      scale *= 128
    }
    throw new SelvedgeError(coreErrors.codecInvalid, 'an integer is longer than 53 bits')
  }

  /** An integer that must not be above `max`: a length, a count, an index. */
  uintUpTo(max: number, what: string): number {
    const value = this.uint()
    if (value > max) throw new SelvedgeError(coreErrors.codecOverflow, `${what} is ${value}, the limit is ${max}`, { details: { what, value, max } })
    return value
  }

  /** A count of items that take at least `bytesEach` bytes each in the rest of the input. */
  count(what: string, bytesEach = 1): number {
    return this.uintUpTo(Math.floor(this.remaining / bytesEach), what)
  }

  int(): number {
    const coded = this.uint()
    if (coded === escapePositive) return this.uint()
    if (coded === escapeNegative) return -this.uint()
    return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2
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

  bytes(max = this.remaining, what = 'a byte field'): Uint8Array {
    return this.raw(this.uintUpTo(Math.max(max, 0), `the length of ${what}`))
  }

  string(max = this.remaining, what = 'a string'): string {
    const bytes = this.bytes(max, what)
    if (bytes.length < 48) {
      const text = shortAscii(bytes)
      if (text !== undefined) return text
    }
    try {
      return textDecoder.decode(bytes)
    } catch (cause) {
      throw new SelvedgeError(coreErrors.codecInvalid, `${what} is not valid UTF-8`, { cause })
    }
  }

  /** Throws unless everything was read. */
  finish(what: string): void {
    if (this.remaining !== 0) throw new SelvedgeError(coreErrors.codecInvalid, `${this.remaining} stray bytes after ${what}`)
  }
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
