/**
 * The encoding of values. It is canonical (object keys sorted, the shortest form of a number) and a reader refuses every other
 * form, so that equal values have equal bytes and equal hashes everywhere, and what decodes encodes to the same bytes again.
 *
 * Format: one tag byte, then by tag. Tags below 16 are self-delimiting; tags from 16 up carry their length first.
 */
import { ByteReader, ByteWriter } from './bytes.js'
import { SelvedgeError, coreErrors } from './errors.js'
import { limits } from './limits.js'
import { OpaqueValue, firstOpaqueTag, type Value } from './value.js'

enum Tag {
  Null = 0,
  False = 1,
  True = 2,
  Integer = 3,
  Float = 4,
  String = 5,
  Bytes = 6,
  Array = 7,
  Object = 8,
  /** Mantissa / 10^scale: what sensors send. */
  Decimal1 = 9,
  Decimal2 = 10,
  Decimal3 = 11
}

/**
 * Whether two values are the same, by their canonical encoding.
 * @throws SelvedgeError as {@link encodeValue} does
 */
export function valuesEqual(a: Value, b: Value): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const x = encodeValue(a)
  const y = encodeValue(b)
  return x.length === y.length && x.every((byte, i) => byte === y[i])
}

const scratch = new ByteWriter(1024)

/**
 * The canonical bytes of a value.
 * @throws SelvedgeError `VALUE_TOO_LARGE` above `limits.valueBytesMax`, `VALUE_INVALID` for what is no value at all
 */
export function encodeValue(value: Value): Uint8Array {
  scratch.clear()
  writeValue(scratch, value)
  return scratch.finish()
}

/**
 * The encoded size in bytes, without keeping the encoding.
 * @throws SelvedgeError as {@link encodeValue} does
 */
export function encodedSize(value: Value): number {
  scratch.clear()
  writeValue(scratch, value)
  return scratch.size
}

export function tooLarge(size: number): SelvedgeError {
  return new SelvedgeError(
    coreErrors.valueTooLarge,
    `a value takes ${size} bytes encoded, the limit is ${limits.valueBytesMax}`,
    {
      details: { size, max: limits.valueBytesMax }
    }
  )
}

/**
 * Appends a value that passed {@link valueProblem}. It stops at the first byte too many, so that a value which shares its parts
 * can't grow without bound on the way.
 * @throws SelvedgeError as {@link encodeValue} does; what was appended by then is not a value
 */
export function writeValue(writer: ByteWriter, value: Value): void {
  write(writer, value, writer.size, 0)
}

function write(writer: ByteWriter, value: Value, start: number, depth: number): void {
  if (typeof value === 'number') writeNumber(writer, value)
  else if (typeof value === 'string') writer.byte(Tag.String).string(fitting(value))
  else if (typeof value === 'boolean') writer.byte(value ? Tag.True : Tag.False)
  else if (value === null) writer.byte(Tag.Null)
  else if (value instanceof Uint8Array) writer.byte(Tag.Bytes).bytes(fitting(value))
  else if (value instanceof OpaqueValue) writer.byte(value.tag).bytes(fitting(value.bytes))
  else if (typeof value !== 'object') throw notAValue(`a value can't be of type ${typeof value}`)
  else if (depth >= limits.valueDepthMax) throw notAValue(`a value is nested deeper than ${limits.valueDepthMax}`)
  else if (isArray(value)) {
    writer.byte(Tag.Array).uint(value.length)
    for (const item of value) write(writer, item, start, depth + 1)
  } else {
    const keys = Object.keys(value).sort()
    writer.byte(Tag.Object).uint(keys.length)
    for (const key of keys) {
      writer.string(fitting(key))
      write(writer, value[key]!, start, depth + 1)
    }
  }
  if (writer.size - start > limits.valueBytesMax) throw tooLarge(writer.size - start)
}

// What is too long by itself is not even copied.
function fitting<Field extends string | Uint8Array>(field: Field): Field {
  if (field.length > limits.valueBytesMax) throw tooLarge(field.length)
  return field
}

function notAValue(problem: string): SelvedgeError {
  return new SelvedgeError(coreErrors.valueInvalid, problem)
}

// Array.isArray does not narrow readonly arrays out of a union.
function isArray(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (Number.isSafeInteger(value)) {
    writer.byte(Tag.Integer).int(value === 0 ? 0 : value)
    return
  }
  const scale = decimalScale(value)
  if (scale > 0) writer.byte(Tag.Decimal1 + scale - 1).int(Math.round(value * 10 ** scale))
  else if (Number.isFinite(value)) writer.byte(Tag.Float).float64(value)
  else throw notAValue(`${value} is not a finite number`)
}

// Nine digits divided by a power of ten are exact to read back: no two such decimals are the same double.
const mantissaMax = 0x3fff_ffff

/** The decimal places, 1 to 3, with which a short mantissa gives exactly this number that is not whole; else 0. */
function decimalScale(value: number): number {
  for (let scale = 1, power = 10; scale <= 3; scale++, power *= 10) {
    const mantissa = Math.round(value * power)
    if (Math.abs(mantissa) <= mantissaMax && mantissa / power === value) return scale
  }
  return 0
}

/**
 * Reads one value, bounded in depth and size as {@link writeValue} is; an unknown kind becomes an {@link OpaqueValue}.
 * @throws SelvedgeError `CODEC_TRUNCATED`, `CODEC_INVALID`, `CODEC_OVERFLOW`
 */
export function readValue(reader: ByteReader, depth = 0): Value {
  const before = reader.remaining
  const value = read(reader, depth)
  const size = before - reader.remaining
  if (size > limits.valueBytesMax)
    throw new SelvedgeError(coreErrors.codecOverflow, `a value takes ${size} bytes, the limit is ${limits.valueBytesMax}`)
  return value
}

function read(reader: ByteReader, depth: number): Value {
  const tag = reader.byte()
  switch (tag) {
    case Tag.Null:
      return null
    case Tag.False:
      return false
    case Tag.True:
      return true
    case Tag.Integer:
      return reader.int()
    case Tag.Decimal1:
      return readDecimal(reader, 10)
    case Tag.Decimal2:
      return readDecimal(reader, 100)
    case Tag.Decimal3:
      return readDecimal(reader, 1000)
    case Tag.Float:
      return readFloat(reader)
    case Tag.String:
      return reader.string(limits.valueBytesMax, 'a string value')
    case Tag.Bytes:
      return reader.bytes(limits.valueBytesMax, 'a bytes value').slice()
    case Tag.Array:
      return readArray(reader, deeper(depth))
    case Tag.Object:
      return readObject(reader, deeper(depth))
    default:
      if (tag < firstOpaqueTag) throw new SelvedgeError(coreErrors.codecInvalid, `value tag ${tag} has no meaning`)
      return new OpaqueValue(tag, reader.bytes(limits.valueBytesMax, 'an opaque value').slice())
  }
}

function deeper(depth: number): number {
  if (depth < limits.valueDepthMax) return depth + 1
  throw new SelvedgeError(coreErrors.codecOverflow, `a value is nested deeper than ${limits.valueDepthMax}`)
}

function readDecimal(reader: ByteReader, power: number): number {
  const mantissa = reader.int()
  if (mantissa % 10 === 0 || Math.abs(mantissa) > mantissaMax) throw notCanonical('a decimal')
  return mantissa / power
}

function readFloat(reader: ByteReader): number {
  const value = reader.float64()
  if (!Number.isFinite(value)) throw new SelvedgeError(coreErrors.codecInvalid, 'a number is not finite')
  if (Number.isSafeInteger(value) || decimalScale(value) > 0) throw notCanonical('a number')
  return value
}

function readArray(reader: ByteReader, depth: number): readonly Value[] {
  const length = reader.count('the length of an array')
  const items: Value[] = []
  for (let i = 0; i < length; i++) items.push(read(reader, depth))
  return Object.freeze(items)
}

function readObject(reader: ByteReader, depth: number): { readonly [key: string]: Value } {
  const size = reader.count('the size of an object', 2)
  const members: [string, Value][] = []
  let last: string | undefined
  for (let i = 0; i < size; i++) {
    const key = reader.string(limits.valueBytesMax, 'a key')
    if (last !== undefined && key <= last) throw notCanonical('an object')
    last = key
    members.push([key, read(reader, depth)])
  }
  // Unlike assignment this takes '__proto__' for a key like any other.
  return Object.freeze(Object.fromEntries(members))
}

function notCanonical(what: string): SelvedgeError {
  return new SelvedgeError(coreErrors.codecInvalid, `${what} is not in its canonical form`)
}

/** Decodes the bytes of exactly one value. */
export function decodeValue(bytes: Uint8Array): Value {
  const reader = new ByteReader(bytes)
  const value = readValue(reader)
  reader.finish('a value')
  return value
}
