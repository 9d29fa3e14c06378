/**
 * The values that registers hold, and their encoding. It is canonical (object keys sorted, the shortest form of a number), so that
 * equal values have equal bytes and equal hashes everywhere. A value of a kind that this version does not know is kept as an
 * {@link OpaqueValue} and written again as it came.
 *
 * Format: one tag byte, then by tag. Tags below 16 are self-delimiting; tags from 16 up carry their length first.
 */
import { ByteReader, ByteWriter } from './bytes.js'
import { SelvedgeError, coreErrors } from './errors.js'
import { limits } from './limits.js'

export type Value = null | boolean | number | string | Uint8Array | OpaqueValue | readonly Value[] | { readonly [key: string]: Value }

/** A value written by a later version: its tag and bytes, to be stored and forwarded as they are. */
export class OpaqueValue {
  constructor(
    readonly tag: number,
    readonly bytes: Uint8Array
  ) {}
}

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
  Decimal3 = 11,
  FirstOpaque = 16
}

/** Why `value` can't be held by a register, or `undefined`. Encoded size is checked when it is encoded. */
export function valueProblem(value: unknown, depth = 0): string | undefined {
  switch (typeof value) {
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : `${value} is not a finite number`
    case 'string':
      return value.isWellFormed() ? undefined : 'a string is not well-formed Unicode'
    case 'object':
      break
    default:
      return `a value can't be of type ${typeof value}`
  }
  if (value === null || value instanceof Uint8Array || value instanceof OpaqueValue) return undefined
  if (depth >= limits.valueDepthMax) return `it is nested deeper than ${limits.valueDepthMax}`
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const problem = valueProblem(value[i], depth + 1)
      if (problem) return problem
    }
    return undefined
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return `a value can't be an instance of ${value.constructor?.name ?? 'a class'}`
  for (const [key, item] of Object.entries(value)) {
    const problem = key.isWellFormed() ? valueProblem(item, depth + 1) : 'a key is not well-formed Unicode'
    if (problem) return problem
  }
  return undefined
}

/** A deep, frozen copy of an accepted value, so that a caller's later change does not reach the table. Primitives are returned. */
export function ownValue(value: Value): Value {
  if (typeof value === 'number') return value === 0 ? 0 : value // -0 and 0 are one value
  if (typeof value !== 'object' || value === null || value instanceof OpaqueValue) return value
  if (value instanceof Uint8Array) return value.slice()
  if (Array.isArray(value)) return Object.freeze(value.map(ownValue))
  const copy: Record<string, Value> = {}
  for (const [key, item] of Object.entries(value)) define(copy, key, ownValue(item))
  return Object.freeze(copy)
}

// '__proto__' as a key is data like any other.
function define(target: Record<string, Value>, key: string, value: Value): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  else target[key] = value
}

/** Whether two values are the same, by their canonical encoding. */
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
 * @throws SelvedgeError `VALUE_TOO_LARGE` above `limits.valueBytesMax`
 */
export function encodeValue(value: Value): Uint8Array {
  scratch.clear()
  writeValue(scratch, value)
  if (scratch.size > limits.valueBytesMax) throw tooLarge(scratch.size)
  return scratch.finish()
}

/** The encoded size in bytes, without keeping the encoding. */
export function encodedSize(value: Value): number {
  scratch.clear()
  writeValue(scratch, value)
  return scratch.size
}

export function tooLarge(size: number): SelvedgeError {
  return new SelvedgeError(coreErrors.valueTooLarge, `a value takes ${size} bytes encoded, the limit is ${limits.valueBytesMax}`, {
    details: { size, max: limits.valueBytesMax }
  })
}

/** Appends a value that passed {@link valueProblem}. */
export function writeValue(writer: ByteWriter, value: Value): void {
  if (typeof value === 'number') writeNumber(writer, value)
  else if (typeof value === 'string') writer.byte(Tag.String).string(value)
  else if (typeof value === 'boolean') writer.byte(value ? Tag.True : Tag.False)
  else if (value === null) writer.byte(Tag.Null)
  else if (value instanceof Uint8Array) writer.byte(Tag.Bytes).bytes(value)
  else if (value instanceof OpaqueValue) writer.byte(value.tag).bytes(value.bytes)
  else if (isArray(value)) {
    writer.byte(Tag.Array).uint(value.length)
    for (const item of value) writeValue(writer, item)
  } else {
    const keys = Object.keys(value).sort()
    writer.byte(Tag.Object).uint(keys.length)
    for (const key of keys) {
      writer.string(key)
      writeValue(writer, value[key]!)
    }
  }
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
  for (let scale = 1, power = 10; scale <= 3; scale++, power *= 10) {
    const mantissa = Math.round(value * power)
    if (Math.abs(mantissa) < 0x4000_0000 && mantissa / power === value) {
      writer.byte(Tag.Decimal1 + scale - 1).int(mantissa)
      return
    }
  }
  writer.byte(Tag.Float).float64(value)
}

/** Reads one value. Bounded in depth and size; an unknown kind becomes an {@link OpaqueValue}. */
export function readValue(reader: ByteReader, depth = 0): Value {
  if (depth > limits.valueDepthMax) throw new SelvedgeError(coreErrors.codecOverflow, `a value is nested deeper than ${limits.valueDepthMax}`)
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
      return reader.int() / 10
    case Tag.Decimal2:
      return reader.int() / 100
    case Tag.Decimal3:
      return reader.int() / 1000
    case Tag.Float: {
      const value = reader.float64()
      if (!Number.isFinite(value)) throw new SelvedgeError(coreErrors.codecInvalid, 'a number is not finite')
      return value
    }
    case Tag.String:
      return reader.string(limits.valueBytesMax, 'a string value')
    case Tag.Bytes:
      return reader.bytes(limits.valueBytesMax, 'a bytes value').slice()
    case Tag.Array: {
      const length = reader.count('the length of an array')
      const items: Value[] = []
      for (let i = 0; i < length; i++) items.push(readValue(reader, depth + 1))
      return Object.freeze(items)
    }
    case Tag.Object: {
      const size = reader.count('the size of an object', 2)
      const object: Record<string, Value> = {}
      for (let i = 0; i < size; i++) {
        const key = reader.string(limits.valueBytesMax, 'a key')
        define(object, key, readValue(reader, depth + 1))
      }
      return Object.freeze(object)
    }
    default:
      if (tag < Tag.FirstOpaque) throw new SelvedgeError(coreErrors.codecInvalid, `value tag ${tag} has no meaning`)
      return new OpaqueValue(tag, reader.bytes(limits.valueBytesMax, 'an opaque value').slice())
  }
}

/** Decodes the bytes of exactly one value. */
export function decodeValue(bytes: Uint8Array): Value {
  const reader = new ByteReader(bytes)
  const value = readValue(reader)
  reader.finish('a value')
  return value
}
