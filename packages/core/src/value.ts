/**
 * The values that registers hold: JSON's kinds, and bytes. A value of a kind that this version does not know is kept as an
 * {@link OpaqueValue} and written again as it came.
 */
import { limits } from './limits.js'

export type Value =
  null | boolean | number | string | Uint8Array | OpaqueValue | readonly Value[] | { readonly [key: string]: Value }

/** A value written by a later version: its tag and bytes, to be stored and forwarded as they are. */
export class OpaqueValue {
  constructor(
    readonly tag: number,
    readonly bytes: Uint8Array
  ) {}
}

/** Tags from here up mean nothing yet; the tags of known kinds are in `value-codec.ts`. */
export const firstOpaqueTag = 16

/**
 * Why `value` can't be held by a register, or `undefined`. It takes any object, cyclic and shared ones too, in bounded time, and
 * calls no code of the object's. Encoded size is checked when it is encoded.
 */
export function valueProblem(value: unknown, depth = 0): string | undefined {
  return problemOf(value, depth, { parts: limits.valueBytesMax })
}

// Every part takes a byte encoded, so that an object which reaches itself by many ways runs out of parts and not out of time.
function problemOf(value: unknown, depth: number, left: { parts: number }): string | undefined {
  if (left.parts-- <= 0) return `it has more than ${limits.valueBytesMax} parts`
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
  if (value === null || value instanceof Uint8Array) return undefined
  if (value instanceof OpaqueValue) return opaqueProblem(value)
  if (depth >= limits.valueDepthMax) return `it is nested deeper than ${limits.valueDepthMax}`
  return Array.isArray(value) ? arrayProblem(value, depth, left) : objectProblem(value, depth, left)
}

function opaqueProblem({ tag, bytes }: OpaqueValue): string | undefined {
  const known = Number.isInteger(tag) && tag >= firstOpaqueTag && tag <= 0xff && bytes instanceof Uint8Array
  return known ? undefined : `an opaque value has a tag from ${firstOpaqueTag} to 255 and bytes`
}

function arrayProblem(items: readonly unknown[], depth: number, left: { parts: number }): string | undefined {
  // Like an object's members: what a getter gives now is not what it gives when the value is copied.
  for (let i = 0; i < items.length; i++) {
    const member = Object.getOwnPropertyDescriptor(items, i)
    const problem = member?.get || member?.set ? 'an item is a getter' : problemOf(member?.value, depth + 1, left)
    if (problem) return problem
  }
  return undefined
}

function objectProblem(object: object, depth: number, left: { parts: number }): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null) return `a value can't be an instance of ${className(prototype)}`
  for (const key of Object.keys(object)) {
    if (!key.isWellFormed()) return 'a key is not well-formed Unicode'
    const member = Object.getOwnPropertyDescriptor(object, key)
    const problem = member?.get || member?.set ? 'a member is a getter' : problemOf(member?.value, depth + 1, left)
    if (problem) return problem
  }
  return undefined
}

function className(prototype: unknown): string {
  const made: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  const name: unknown = typeof made === 'function' ? Object.getOwnPropertyDescriptor(made, 'name')?.value : undefined
  return typeof name === 'string' && name !== '' ? name : 'a class'
}

/** A deep, frozen copy of an accepted value, so that a caller's later change does not reach the table. Primitives are returned. */
export function ownValue(value: Value): Value {
  if (typeof value === 'number') return value === 0 ? 0 : value // -0 and 0 are one value
  if (typeof value !== 'object' || value === null) return value
  // Not slice(): a Buffer's shares its memory.
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (value instanceof OpaqueValue) return new OpaqueValue(value.tag, new Uint8Array(value.bytes))
  if (Array.isArray(value)) return Object.freeze(Array.from(value, ownValue))
  // Unlike assignment this takes '__proto__' for a key like any other.
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, ownValue(item)])))
}
