/**
 * Values as JSON, both ways: bytes are `{ "$bytes": base64 }`, and a value that only a later version knows is shown as
 * `{ "$opaque": tag }`. What is not there (`undefined`) is left out.
 */
import { OpaqueValue, type Value } from '@selvedge/core'

/** One line of JSON. */
export function toControlJson(value: unknown): string {
  return JSON.stringify(value ?? null, function (this: unknown, key, shown: unknown) {
    // What stands at the key itself: a Buffer has turned itself into an object by now.
    const held = (this as Record<string, unknown>)[key]
    if (held instanceof Uint8Array)
      return { $bytes: Buffer.from(held.buffer, held.byteOffset, held.byteLength).toString('base64') }
    return held instanceof OpaqueValue ? { $opaque: held.tag } : shown
  })
}

/** Parsed JSON as a value; `undefined` when its bytes are not base64. */
export function fromControlJson(json: unknown): Value | undefined {
  if (Array.isArray(json)) {
    const items = json.map(fromControlJson)
    return items.includes(undefined) ? undefined : (items as Value[])
  }
  if (typeof json !== 'object' || json === null) return json as Value
  const entries = Object.entries(json)
  if (entries.length === 1 && entries[0]![0] === '$bytes') return bytesOf(entries[0]![1])
  const read = entries.map(([key, item]) => [key, fromControlJson(item)] as const)
  return read.some(([, item]) => item === undefined) ? undefined : (Object.fromEntries(read) as Value)
}

function bytesOf(base64: unknown): Uint8Array | undefined {
  if (typeof base64 !== 'string' || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64))
    return undefined
  return new Uint8Array(Buffer.from(base64, 'base64'))
}
