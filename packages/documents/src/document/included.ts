/**
 * What a document's content includes: writer → highest edit count. It names edits, not bytes: a replica that includes (w, n) has
 * every edit of w up to n. Whoever includes all that the catalogue lists has the whole document.
 */
import { type ByteReader, type ByteWriter, limits } from '@selvedge/core'
import type { ReadName, WriteName } from './writer-names.js'

export type Included = ReadonlyMap<string, number>

/** The edits of `wanted` that `included` lacks. */
export function missingFrom(included: Included, wanted: Included): Map<string, number> {
  const missing = new Map<string, number>()
  for (const [writer, count] of wanted) if (count > (included.get(writer) ?? 0)) missing.set(writer, count)
  return missing
}

export function covers(included: Included, wanted: Included): boolean {
  for (const [writer, count] of wanted) if (count > (included.get(writer) ?? 0)) return false
  return true
}

/** Raises `target` to what `from` includes; says whether anything rose. */
export function raise(target: Map<string, number>, from: Included): boolean {
  let rose = false
  for (const [writer, count] of from)
    if (count > (target.get(writer) ?? 0)) {
      target.set(writer, count)
      rose = true
    }
  return rose
}

/** What either includes. */
export function raised(one: Included, other: Included): Map<string, number> {
  const both = new Map(one)
  raise(both, other)
  return both
}

const writeKey: WriteName = (out, key) => void out.string(key)
const readKey: ReadName = reader => reader.string(limits.slotBytesMax, 'a writer key')

export function writeIncluded(writer: ByteWriter, included: Included, writeName = writeKey): void {
  writer.uint(included.size)
  for (const [key, count] of included) {
    writeName(writer, key)
    writer.uint(count)
  }
}

export function readIncluded(reader: ByteReader, readName = readKey): Map<string, number> {
  const size = reader.count('the number of writers', 2)
  const included = new Map<string, number>()
  for (let i = 0; i < size; i++) included.set(readName(reader), reader.uint())
  return included
}
