/**
 * How many rows the columns of Automerge chunks claim to have. A column is a row of runs, and a run of a thousand million rows takes
 * six bytes: Automerge makes room for all of them before it finds anything wrong, and the memory of a WebAssembly module never
 * shrinks again. So runs are counted before Automerge sees them.
 *
 * Where a column makes no sense the count ends: Automerge comes no further, and says what is wrong.
 *
 * Source: https://automerge.org/automerge-binary-format-spec/ (Chunks, Columns).
 */
import { inflateRawSync } from 'node:zlib'

const magicAndChecksumBytes = 8
const hashBytes = 32
const chunkType = { document: 0, change: 1, compressedChange: 2 } as const
const columnType = { boolean: 4, string: 5, bytes: 7 } as const
const deflatedBit = 8

export interface RowLimits {
  /** Rows of one column; as many as the chunk has bytes, inflated, are always good: of a text each character is a row. */
  readonly rowsMax: number
  /** Bytes of what is inflated, of one column or change. */
  readonly inflatedBytesMax: number
}

/** Checks one chunk. @throws Error when a column of it claims too many rows */
export function checkClaimedRows(chunk: Uint8Array, limits: RowLimits): void {
  new ChunkCheck(chunk, limits).run()
}

class EndOfInput extends Error {}

/** A place in bytes. Numbers are LEB128; those above 2^53 are not exact, and large all the same. */
class Cursor {
  private at = 0

  constructor(private readonly bytes: Uint8Array) {}

  get done(): boolean {
    return this.at >= this.bytes.length
  }

  byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new EndOfInput()
    return byte
  }

  uint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) return value
    }
  }

  int(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) return byte & 0x40 ? value - scale : value
    }
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw new EndOfInput()
    const taken = this.bytes.subarray(this.at, this.at + length)
    this.at += length
    return taken
  }

  skipNumber(): void {
    while (this.byte() >= 0x80);
  }

  skipBytes(): void {
    this.take(this.uint())
  }
}

interface Column {
  readonly spec: number
  readonly length: number
}

class ChunkCheck {
  private rowsMax = 0

  constructor(
    private readonly chunk: Uint8Array,
    private readonly limits: RowLimits
  ) {}

  run(): void {
    try {
      const header = new Cursor(this.chunk)
      header.take(magicAndChecksumBytes)
      const type = header.byte()
      const contents = header.take(header.uint())
      if (type === chunkType.document) this.document(new Cursor(contents))
      else if (type === chunkType.change) this.change(new Cursor(contents))
      else if (type === chunkType.compressedChange) this.change(new Cursor(this.inflated(contents)))
    } catch (error) {
      if (!(error instanceof EndOfInput)) throw error
    }
  }

  private document(at: Cursor): void {
    skipEach(at, () => at.skipBytes()) // actors
    skipEach(at, () => at.take(hashBytes)) // heads
    const columns = [...columnsAt(at), ...columnsAt(at)]
    this.columns(at, columns)
  }

  private change(at: Cursor): void {
    skipEach(at, () => at.take(hashBytes)) // what it follows
    at.skipBytes() // actor
    for (let number = 0; number < 3; number++) at.skipNumber() // sequence number, first operation, time
    at.skipBytes() // message
    skipEach(at, () => at.skipBytes()) // other actors
    this.columns(at, columnsAt(at))
  }

  private columns(at: Cursor, columns: readonly Column[]): void {
    const contents = columns.map(({ spec, length }) => {
      const stored = at.take(length)
      return { type: spec & 7, bytes: spec & deflatedBit ? this.inflated(stored) : stored }
    })
    const totalBytes = contents.reduce((sum, { bytes }) => sum + bytes.length, 0)
    this.rowsMax = Math.max(this.limits.rowsMax, totalBytes)
    for (const { type, bytes } of contents) {
      if (type === columnType.bytes) continue
      const column = new Cursor(bytes)
      try {
        if (type === columnType.boolean) this.booleans(column)
        else this.runs(column, type === columnType.string ? () => column.skipBytes() : () => column.skipNumber())
      } catch (error) {
        if (!(error instanceof EndOfInput)) throw error
      }
    }
  }

  private runs(column: Cursor, skipValue: () => void): void {
    let rows = 0
    while (!column.done) {
      const run = column.int()
      const count = run === 0 ? column.uint() : Math.abs(run)
      rows = this.more(rows, count)
      for (let values = run > 0 ? 1 : run < 0 ? count : 0; values > 0; values--) skipValue()
    }
  }

  private booleans(column: Cursor): void {
    let rows = 0
    while (!column.done) rows = this.more(rows, column.uint())
  }

  private more(rows: number, count: number): number {
    if (rows + count > this.rowsMax) throw new Error(`a column claims more than ${this.rowsMax} rows`)
    return rows + count
  }

  private inflated(bytes: Uint8Array): Uint8Array {
    try {
      return inflateRawSync(bytes, { maxOutputLength: this.limits.inflatedBytesMax })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') return new Uint8Array()
      throw new Error(`more than ${this.limits.inflatedBytesMax} bytes were deflated`, { cause: error })
    }
  }
}

function skipEach(at: Cursor, skip: () => void): void {
  for (let left = at.uint(); left > 0; left--) skip()
}

function columnsAt(at: Cursor): Column[] {
  const columns: Column[] = []
  for (let left = at.uint(); left > 0; left--) columns.push({ spec: at.uint(), length: at.uint() })
  return columns
}
