/**
 * How many rows the columns of Automerge chunks claim to have. A column is a row of runs, and a run of a thousand million rows takes
 * six bytes: Automerge makes room for all of them before it finds anything wrong, and the memory of a WebAssembly module never
 * shrinks again. So runs are counted before Automerge sees them, and what can't be counted is refused.
 *
 * Source: https://automerge.org/automerge-binary-format-spec/ (Chunks, Columns).
 */
import { inflateRawSync } from 'node:zlib'
import { ByteReader } from '@selvedge/core'
import { chunkType, type Chunk } from './change-chunks.js'

const hashBytes = 32
const columnType = { boolean: 4, string: 5, bytes: 7 } as const
const deflatedBit = 8

export interface RowLimits {
  /** Rows of one column; as many as the chunk has bytes, inflated, are always good: of a text each character is a row. */
  readonly rowsMax: number
  /** Bytes of what is inflated, of one column or change. */
  readonly inflatedBytesMax: number
}

/** @throws Error when a column claims too many rows, or when they can't be counted */
export function checkClaimedRows({ type, contents }: Chunk, { rowsMax, inflatedBytesMax }: RowLimits): void {
  const inflated = (bytes: Uint8Array): Uint8Array => inflateRawSync(bytes, { maxOutputLength: inflatedBytesMax })
  const reader = new ByteReader(type === chunkType.compressedChange ? inflated(contents) : contents)
  const heads = type === chunkType.document ? skipDocumentHead(reader) : skipChangeHead(reader)
  const columns = heads.map(({ spec, length }) => {
    const stored = reader.raw(length)
    return { type: spec & 7, bytes: spec & deflatedBit ? inflated(stored) : stored }
  })
  const totalBytes = columns.reduce((sum, { bytes }) => sum + bytes.length, 0)
  for (const column of columns) checkColumn(column, Math.max(rowsMax, totalBytes))
}

interface ColumnHead {
  readonly spec: number
  readonly length: number
}

function skipDocumentHead(reader: ByteReader): ColumnHead[] {
  skipEach(reader, () => reader.bytes()) // actors
  skipEach(reader, () => reader.raw(hashBytes)) // heads
  return [...columnHeads(reader), ...columnHeads(reader)] // of changes, of operations
}

function skipChangeHead(reader: ByteReader): ColumnHead[] {
  skipEach(reader, () => reader.raw(hashBytes)) // what it follows
  reader.bytes() // actor
  for (let number = 0; number < 3; number++) skipNumber(reader) // sequence number, first operation, time
  reader.bytes() // message
  skipEach(reader, () => reader.bytes()) // other actors
  return columnHeads(reader)
}

function columnHeads(reader: ByteReader): ColumnHead[] {
  const heads: ColumnHead[] = []
  skipEach(reader, () => heads.push({ spec: reader.uint(), length: reader.uint() }))
  return heads
}

function checkColumn({ type, bytes }: { type: number; bytes: Uint8Array }, rowsMax: number): void {
  if (type === columnType.bytes) return
  const reader = new ByteReader(bytes)
  for (let rows = 0; reader.remaining > 0;) {
    const run = type === columnType.boolean ? 0 : signed(reader)
    const count = run === 0 ? reader.uint() : Math.abs(run)
    rows += count
    if (rows > rowsMax) throw new Error(`a column claims more than ${rowsMax} rows`)
    // One value that is repeated, or each its own; nulls and booleans have none.
    for (let values = run > 0 ? 1 : -run; values > 0; values--) {
      if (type === columnType.string) reader.bytes()
      else skipNumber(reader)
    }
  }
}

function skipEach(reader: ByteReader, skip: () => void): void {
  for (let left = reader.count('a list'); left > 0; left--) skip()
}

// Values have 64 bits, of which `uint` takes 53.
function skipNumber(reader: ByteReader): void {
  while (reader.byte() >= 0x80);
}

/** LEB128 in two's complement. Above 2^53 it is not exact, and large all the same. */
function signed(reader: ByteReader): number {
  let value = 0
  let scale = 1
  for (;;) {
    const byte = reader.byte()
    value += (byte & 0x7f) * scale
    scale *= 128
    if (byte < 0x80) return byte & 0x40 ? value - scale : value
  }
}
