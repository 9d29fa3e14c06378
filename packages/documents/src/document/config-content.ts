/** What the values inside a config document are: containers, and scalars that are objects in JavaScript. */
import type { Automerge } from './automerge-engine.js'

type Keyed = Record<string, unknown>

/** Whether a value of a document has keys or indexes of its own, rather than being a date, bytes, a counter or the like. */
export function isContainer(automerge: Automerge, value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return true
  return (
    !(value instanceof Date) &&
    !(value instanceof Uint8Array) &&
    !automerge.isCounter(value) &&
    !automerge.isImmutableString(value)
  )
}

/** Whether two values of documents hold the same content. */
export function contentEquals(automerge: Automerge, a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime()
  if (a instanceof Uint8Array && b instanceof Uint8Array) return a.length === b.length && a.every((byte, i) => byte === b[i])
  if (automerge.isCounter(a) && automerge.isCounter(b)) return a.value === b.value
  if (automerge.isImmutableString(a) && automerge.isImmutableString(b)) return a.val === b.val
  if (!isContainer(automerge, a) || !isContainer(automerge, b) || Array.isArray(a) !== Array.isArray(b)) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every(key => key in b && contentEquals(automerge, (a as Keyed)[key], (b as Keyed)[key]))
}

/** A copy that shares nothing with the document: Automerge refuses to take in objects that are part of a document already. */
export function copyContent(automerge: Automerge, value: unknown): unknown {
  if (automerge.isCounter(value)) return new automerge.Counter(value.value)
  if (Array.isArray(value)) return value.map(item => copyContent(automerge, item))
  if (!isContainer(automerge, value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyContent(automerge, item)]))
}
