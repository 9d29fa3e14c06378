/**
 * Reads what a request says, from its query or its body: every field is checked, and one that is not known is refused, since a
 * misspelt `expiresInMs` would be an override for ever.
 *
 * @example
 * const { path, maxAgeMs } = readFields(request.query, { path: text, maxAgeMs: optional(duration) })
 */
import { SelvedgeError, type Value } from '@selvedge/core'
import { controlErrors } from './errors.js'
import { fromControlJson } from './json.js'

/** Gives the field's value, or throws what {@link refuseField} makes. */
export type FieldReader<T> = (raw: unknown, name: string) => T

type Spec = Readonly<Record<string, FieldReader<unknown>>>
type FieldsOf<S extends Spec> = { [Name in keyof S]: ReturnType<S[Name]> }

/** @throws SelvedgeError `CONTROL_REQUEST_INVALID`, with `details.field` */
export function readFields<S extends Spec>(source: unknown, spec: S): FieldsOf<S> {
  if (source !== undefined && (typeof source !== 'object' || source === null || Array.isArray(source)))
    throw new SelvedgeError(controlErrors.requestInvalid, 'the body must be a JSON object')
  const raw = new Map(Object.entries(source ?? {}))
  for (const name of raw.keys())
    if (!Object.hasOwn(spec, name)) throw refuseField(name, `is not known; there are ${Object.keys(spec).join(', ') || 'none'}`)
  const fields = Object.entries(spec).map(([name, read]) => [name, read(raw.get(name), name)])
  return Object.fromEntries(fields) as FieldsOf<S>
}

export function refuseField(name: string, problem: string): SelvedgeError {
  return new SelvedgeError(controlErrors.requestInvalid, `${name} ${problem}`, { details: { field: name } })
}

export function optional<T>(read: FieldReader<T>): FieldReader<T | undefined> {
  return (raw, name) => (raw === undefined ? undefined : read(raw, name))
}

export const text: FieldReader<string> = (raw, name) => {
  if (typeof raw !== 'string') throw refuseField(name, raw === undefined ? 'is missing' : 'must be a string')
  return raw
}

/** A finite number; in a query its text. */
export const number: FieldReader<number> = (raw, name) => {
  const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw refuseField(name, raw === undefined ? 'is missing' : 'must be a number')
  return value
}

/** Whole, 0 or more. */
export const count: FieldReader<number> = (raw, name) => {
  const value = number(raw, name)
  if (!Number.isSafeInteger(value) || value < 0) throw refuseField(name, 'must be a whole number, 0 or more')
  return value
}

const durationMsMax = 100 * 365 * 86_400_000

/** Milliseconds, above 0 and at most a hundred years. */
export const duration: FieldReader<number> = (raw, name) => {
  const value = number(raw, name)
  if (value <= 0 || value > durationMsMax) throw refuseField(name, 'must be milliseconds, above 0 and at most a hundred years')
  return value
}

export const flag: FieldReader<boolean> = (raw, name) => {
  if (raw === true || raw === 'true') return true
  if (raw === false || raw === 'false') return false
  throw refuseField(name, raw === undefined ? 'is missing' : 'must be true or false')
}

export function oneOf<const T extends string>(...values: readonly T[]): FieldReader<T> {
  return (raw, name) => {
    const found = values.find(value => value === raw)
    if (found === undefined) throw refuseField(name, `must be one of ${values.join(', ')}`)
    return found
  }
}

/** Any value that a register can hold; bytes are `{ "$bytes": base64 }`. Its limits are checked where it is written. */
export const value: FieldReader<Value> = (raw, name) => {
  if (raw === undefined) throw refuseField(name, 'is missing')
  const read = fromControlJson(raw)
  if (read === undefined) throw refuseField(name, 'has a $bytes that is not base64')
  return read
}

const listMax = 1_024

/** A list; in a query its texts, separated by commas. */
export function list<T>(read: FieldReader<T>): FieldReader<T[]> {
  return (raw, name) => {
    const items: unknown = typeof raw === 'string' ? raw.split(',').filter(item => item !== '') : raw
    if (!Array.isArray(items)) throw refuseField(name, raw === undefined ? 'is missing' : 'must be a list')
    if (items.length > listMax) throw refuseField(name, `must have at most ${listMax} items`)
    return items.map(item => read(item, name))
  }
}
