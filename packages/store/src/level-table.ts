/**
 * Checks a LevelDB table file (`.ldb`) block by block, and mends one with damaged blocks by taking these out of its index. LevelDB
 * itself reads tables without looking at their checksums here (the binding has no option for it): a changed byte in a key puts keys
 * out of order, and the next compaction then aborts the whole process, at every start anew. So no table that fails this check is
 * ever given to LevelDB.
 *
 * A mended table has the size of the damaged one, since LevelDB's own list of files names sizes. Only the end of the file changes:
 *
 *     data blocks, filter block | metaindex | index | footer (48 bytes: where metaindex and index are; magic number)
 *
 * Format: github.com/google/leveldb, doc/table_format.md. Our databases are written uncompressed, so that an index can be read here.
 */
import { maskedCrc32c } from './crc32c.js'

export type TableState =
  | { readonly state: 'sound'; readonly empty: boolean }
  /** `mended` stands for the whole file; the records of `blocksLost` blocks are not in it. */
  | { readonly state: 'damaged'; readonly mended: Uint8Array; readonly blocksLost: number; readonly blocks: number }
  /** Its index is gone, or the file is no table at all. */
  | { readonly state: 'lost' }

interface Handle {
  readonly offset: number
  readonly size: number
}

interface IndexEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

const footerBytes = 48
const magic = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]
/** Behind each block: its kind, and the checksum of block and kind. */
const trailerBytes = 5
/** A block without entries: one restart point, at 0. */
const emptyBlock = Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0)
const uncompressed = 0

export function inspectTable(file: Uint8Array): TableState {
  return inspect(file, true)
}

function inspect(file: Uint8Array, mayMend: boolean): TableState {
  const footerAt = file.length - footerBytes
  const reader = footerAt < 0 ? undefined : new BlockReader(file, footerAt, footerAt + 40)
  const metaindex = reader && readHandle(reader)
  const index = reader && readHandle(reader)
  if (!metaindex || !index || !isSoundBlock(file, index)) return { state: 'lost' }
  // Written by another program: its blocks can't be listed, but the index is as it was written.
  if (file[index.offset + index.size] !== uncompressed) return { state: 'sound', empty: false }
  const entries = readEntries(file, index)
  if (!entries) return { state: 'lost' }
  const kept = entries.filter(({ value }) => {
    const block = readHandle(new BlockReader(value, 0, value.length))
    return block !== undefined && isSoundBlock(file, block)
  })
  const filtersSound = areFiltersSound(file, metaindex)
  const magicSound = magic.every((byte, i) => file[footerAt + 40 + i] === byte)
  if (kept.length === entries.length && filtersSound && magicSound) return { state: 'sound', empty: entries.length === 0 }
  const mended = mayMend ? mend(file, index, kept, filtersSound ? metaindex : undefined) : undefined
  // The footer has no checksum: where it names one sound block for another, what is written breaks what is kept.
  return mended && inspect(mended, false).state === 'sound'
    ? { state: 'damaged', mended, blocksLost: entries.length - kept.length, blocks: entries.length }
    : { state: 'lost' }
}

/** The metaindex lists the filter block: a damaged filter makes LevelDB say of a key that it is not there. */
function areFiltersSound(file: Uint8Array, metaindex: Handle): boolean {
  if (!isSoundBlock(file, metaindex) || file[metaindex.offset + metaindex.size] !== uncompressed) return false
  const entries = readEntries(file, metaindex)
  return (
    entries?.every(({ value }) => {
      const filter = readHandle(new BlockReader(value, 0, value.length))
      return filter !== undefined && isSoundBlock(file, filter)
    }) ?? false
  )
}

/** Rewrites the end of the file. Without `metaindex` an empty one takes the last bytes of the old one, which stands before the index. */
function mend(
  file: Uint8Array,
  index: Handle,
  kept: readonly IndexEntry[],
  metaindex: Handle | undefined
): Uint8Array | undefined {
  const mended = Uint8Array.from(file)
  const block = writeEntries(kept)
  if (block.length > index.size) return undefined
  let meta = metaindex
  if (!meta) {
    const offset = index.offset - emptyBlock.length - trailerBytes
    if (offset < 0) return undefined
    meta = writeBlock(mended, offset, emptyBlock)
  }
  const newIndex = writeBlock(mended, index.offset, block)
  const footer = [...varint(meta.offset), ...varint(meta.size), ...varint(newIndex.offset), ...varint(newIndex.size)]
  mended.fill(0, file.length - footerBytes)
  mended.set(footer, file.length - footerBytes)
  mended.set(magic, file.length - magic.length)
  return mended
}

function isSoundBlock(file: Uint8Array, { offset, size }: Handle): boolean {
  const end = offset + size + 1
  if (size < emptyBlock.length - 4 || end + 4 > file.length - footerBytes) return false
  const stored = new DataView(file.buffer, file.byteOffset + end, 4).getUint32(0, true)
  return stored === maskedCrc32c(file, offset, end)
}

function writeBlock(file: Uint8Array, offset: number, contents: Uint8Array): Handle {
  const end = offset + contents.length + 1
  file.set(contents, offset)
  file[end - 1] = uncompressed
  new DataView(file.buffer, file.byteOffset + end, 4).setUint32(0, maskedCrc32c(file, offset, end), true)
  return { offset, size: contents.length }
}

/** Entries of a block: length shared with the previous key, rest of the key, value. Behind them the restart points and their number. */
function readEntries(file: Uint8Array, { offset, size }: Handle): IndexEntry[] | undefined {
  const end = offset + size
  const restarts = new DataView(file.buffer, file.byteOffset + end - 4, 4).getUint32(0, true)
  const entriesEnd = end - 4 - restarts * 4
  if (entriesEnd < offset) return undefined
  const reader = new BlockReader(file, offset, entriesEnd)
  const entries: IndexEntry[] = []
  let previous = new Uint8Array(0)
  while (reader.remaining > 0) {
    const [shared, rest, valueSize] = [reader.varint(), reader.varint(), reader.varint()]
    if (shared === undefined || rest === undefined || valueSize === undefined || shared > previous.length) return undefined
    const tail = reader.raw(rest)
    const value = reader.raw(valueSize)
    if (!tail || !value) return undefined
    const key = new Uint8Array(shared + rest)
    key.set(previous.subarray(0, shared))
    key.set(tail, shared)
    entries.push({ key, value })
    previous = key
  }
  return entries
}

/** As LevelDB writes an index: every entry is a restart point and shares nothing. */
function writeEntries(entries: readonly IndexEntry[]): Uint8Array {
  if (entries.length === 0) return emptyBlock
  const bytes: number[] = []
  const restarts: number[] = []
  for (const { key, value } of entries) {
    restarts.push(bytes.length)
    bytes.push(...varint(0), ...varint(key.length), ...varint(value.length), ...key, ...value)
  }
  for (const number of [...restarts, restarts.length])
    bytes.push(number & 255, (number >>> 8) & 255, (number >>> 16) & 255, number >>> 24)
  return Uint8Array.from(bytes)
}

function readHandle(reader: BlockReader): Handle | undefined {
  const offset = reader.varint()
  const size = reader.varint()
  return offset === undefined || size === undefined ? undefined : { offset, size }
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  bytes.push(value)
  return bytes
}

/** Reads within bounds; `undefined` where the bytes end or make no sense. */
class BlockReader {
  constructor(
    private readonly bytes: Uint8Array,
    private at: number,
    private readonly end: number
  ) {}

  get remaining(): number {
    return this.end - this.at
  }

  varint(): number | undefined {
    let value = 0
    for (let scale = 1; scale < 2 ** 53 && this.at < this.end; scale *= 128) {
      const byte = this.bytes[this.at++]!
      value += (byte & 127) * scale
      if (byte < 128) return value <= Number.MAX_SAFE_INTEGER ? value : undefined
    }
    return undefined
  }

  raw(length: number): Uint8Array | undefined {
    if (length > this.remaining) return undefined
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}
