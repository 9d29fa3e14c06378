/**
 * The columnar encoding of entries: one format for frames and for the store. A block is
 *
 *     version, new writers (count, then keys), number of entries,
 *     columns, each with its length: flags · paths · slots · writers · seqs · times · extras · values [· ranks, in version 2]
 *
 * Columns put like beside like, so that deflate finds what repeats: paths are front-coded against the one before, seqs and times
 * are differences. Version 1 is for entries in the order of their writes, version 2 for entries in the order of their paths: see
 * `dot-columns.ts`. Writers are named by their index in a dictionary, which a session keeps for its lifetime and the store starts
 * anew in each block. Fixtures in `testing/fixtures` hold blocks that every later version must read.
 */
import { ByteReader, ByteWriter, limits, readValue, SelvedgeError, writeValue, type Value } from '@selvedge/core'
import { DotReader, DotWriter, RankedDots, rankedEntriesMax, readRanked } from './dot-columns.js'
import { tableErrors } from './errors.js'
import { PathReader } from './path-reader.js'
import type { Entry, WriterLog } from './register.js'

/** Versions of a block: entries in the order of their writes, and entries in the order of their paths. */
export enum EntryBlock {
  InOrder = 1,
  Ranked = 2
}

enum Flag {
  Tombstone = 1,
  Slot = 2,
  Quality = 4,
  Expiry = 8,
  Batch = 16,
  SameWriter = 32,
  Shadow = 64,
  SamePath = 128
}

const ticksPerMs = 4096

/** Writers of a dictionary up to which it is scanned. */
const scannedMax = 8

/** Writers named so far in one direction of a session, or in one block. */
export class WriterDictionary {
  private readonly writers: WriterLog[] = []
  /** Made once a scan would take longer than a look-up: most dictionaries hold a few writers for as long as a session lasts. */
  private indexes: Map<WriterLog, number> | undefined

  /** Writers at most: what comes beyond closes the session, which starts a new one with an empty dictionary. */
  static readonly writersMax = 65_536

  indexOf(writer: WriterLog): number | undefined {
    if (this.indexes) return this.indexes.get(writer)
    const index = this.writers.indexOf(writer)
    return index < 0 ? undefined : index
  }

  add(writer: WriterLog): number {
    if (this.writers.length >= WriterDictionary.writersMax)
      throw new SelvedgeError(tableErrors.entryInvalid, `more than ${WriterDictionary.writersMax} writers in one session`)
    const index = this.writers.push(writer) - 1
    if (this.indexes) this.indexes.set(writer, index)
    else if (index === scannedMax) this.indexes = new Map(this.writers.map((named, i) => [named, i]))
    return index
  }

  at(index: number): WriterLog {
    const writer = this.writers[index]
    if (!writer) throw new SelvedgeError(tableErrors.entryInvalid, `writer ${index} was never named`)
    return writer
  }

  get size(): number {
    return this.writers.length
  }
}

/** Something with an entry's fields; `shadow` is stored but means nothing on the wire. */
export interface EncodableEntry extends Entry {
  readonly shadow?: boolean
}

/** Encodes entries until the block has about `targetBytes`; batches are never split between blocks. */
export class EntryEncoder {
  private readonly flags = new ByteWriter(1024)
  private readonly paths = new ByteWriter(4096)
  private readonly slots = new ByteWriter(256)
  private readonly writerIndexes = new ByteWriter(256)
  private readonly seqs = new ByteWriter(1024)
  private readonly times = new ByteWriter(1024)
  private readonly extras = new ByteWriter(256)
  private readonly values = new ByteWriter(4096)
  private readonly ranks = new ByteWriter(256)
  private readonly columns = [
    this.flags,
    this.paths,
    this.slots,
    this.writerIndexes,
    this.seqs,
    this.times,
    this.extras,
    this.values
  ]
  private readonly dots = new DotWriter(this.seqs, this.times)
  private readonly rankedDots = new RankedDots()
  private count = 0
  private named: WriterLog[] = []
  private path = ''
  private writer: WriterLog | undefined
  private writerIndex = 0

  constructor(
    private dictionary: WriterDictionary,
    private layout = EntryBlock.InOrder
  ) {}

  /** A new block with another dictionary: an encoder's buffers serve many. What was not finished is dropped. */
  start(dictionary: WriterDictionary, layout = EntryBlock.InOrder): void {
    this.clear()
    this.dictionary = dictionary
    this.layout = layout
  }

  /** Whether the block takes no more entries, whatever its size. */
  get isFull(): boolean {
    return this.layout === EntryBlock.Ranked && this.count >= rankedEntriesMax
  }

  get entries(): number {
    return this.count
  }

  /** Bytes encoded so far, but for the header. */
  get size(): number {
    return (
      this.flags.size +
      this.paths.size +
      this.slots.size +
      this.writerIndexes.size +
      this.seqs.size +
      this.times.size +
      this.extras.size +
      this.values.size
    )
  }

  add(entry: EncodableEntry): void {
    const samePath = entry.path === this.path
    const sameWriter = entry.writer === this.writer
    this.flags.byte(
      (entry.value === undefined ? Flag.Tombstone : 0) |
        (entry.slot === '' ? 0 : Flag.Slot) |
        (entry.quality === 0 ? 0 : Flag.Quality) |
        (entry.expiresAtMs === 0 ? 0 : Flag.Expiry) |
        (entry.batch === 0 ? 0 : Flag.Batch) |
        (sameWriter ? Flag.SameWriter : 0) |
        (entry.shadow ? Flag.Shadow : 0) |
        (samePath ? Flag.SamePath : 0)
    )
    if (!samePath) this.addPath(entry.path)
    if (entry.slot !== '') this.slots.string(entry.slot)
    if (!sameWriter) this.addWriter(entry.writer)
    if (this.layout === EntryBlock.Ranked) this.rankedDots.add(this.writerIndex, entry.seq, entry.time)
    else this.dots.add(entry.seq, entry.time, sameWriter)
    if (entry.quality !== 0) this.extras.uint(entry.quality)
    if (entry.expiresAtMs !== 0) this.extras.int(entry.expiresAtMs - Math.floor(entry.time / ticksPerMs))
    if (entry.batch !== 0) this.extras.uint(entry.seq - entry.batch)
    if (entry.value !== undefined) writeValue(this.values, entry.value)
    this.count++
  }

  private addPath(path: string): void {
    const before = this.path
    const most = Math.min(before.length, path.length)
    let shared = 0
    while (shared < most && before.charCodeAt(shared) === path.charCodeAt(shared)) shared++
    // Never cut between the halves of a surrogate pair: the suffix must be valid UTF-8 of its own.
    if (shared > 0 && isHighSurrogate(path.charCodeAt(shared - 1))) shared--
    this.paths.uint(shared).string(path, shared)
    this.path = path
  }

  private addWriter(writer: WriterLog): void {
    let index = this.dictionary.indexOf(writer)
    if (index === undefined) {
      index = this.dictionary.add(writer)
      this.named.push(writer)
    }
    this.writerIndexes.uint(index)
    this.writer = writer
    this.writerIndex = index
  }

  /** The block, and a fresh start with the same dictionary. */
  finish(writer: ByteWriter): void {
    if (this.layout === EntryBlock.Ranked) this.rankedDots.finish(this.dots, this.ranks)
    writer.byte(this.layout).uint(this.named.length)
    for (const named of this.named) writer.string(named.key)
    writer.uint(this.count)
    for (const column of this.columns) writer.bytes(column.peek())
    if (this.layout === EntryBlock.Ranked) writer.bytes(this.ranks.peek())
    this.clear()
  }

  private clear(): void {
    for (const column of this.columns) column.clear()
    this.ranks.clear()
    this.dots.clear()
    this.rankedDots.clear()
    this.count = 0
    this.named = []
    this.path = ''
    this.writer = undefined
  }
}

/** An entry as decoded, for `RegisterTable.merge` or the store's loader. */
export interface DecodedEntry extends Entry {
  readonly shadow: boolean
}

/**
 * Decodes one block. Bounded: an entry costs at least three bytes of the input.
 * @param intern gives the writer of a key; it validates the key
 * @throws SelvedgeError `ENTRY_INVALID`, `ENTRY_VERSION`, or a codec error
 */
export function decodeEntries(
  reader: ByteReader,
  dictionary: WriterDictionary,
  intern: (key: string) => WriterLog
): DecodedEntry[] {
  const entries: DecodedEntry[] = []
  visitEntries(reader, dictionary, intern, entry => void entries.push(entry))
  return entries
}

/**
 * Decodes one block as {@link decodeEntries} does, and hands over each entry at once: none outlives its turn unless `visit` keeps it.
 * What is wrong with a block may show after some entries were visited.
 */
export function visitEntries(
  reader: ByteReader,
  dictionary: WriterDictionary,
  intern: (key: string) => WriterLog,
  visit: (entry: DecodedEntry) => void
): void {
  const version = reader.byte()
  if (version !== EntryBlock.InOrder && version !== EntryBlock.Ranked)
    throw new SelvedgeError(
      tableErrors.entryVersion,
      `entries of version ${version}: this version reads up to ${EntryBlock.Ranked}`,
      {
        details: { version }
      }
    )
  const named = reader.count('the number of writers', 25)
  for (let i = 0; i < named; i++) dictionary.add(intern(reader.string(limits.nodeIdLengthMax + 23, 'a writer key')))
  const count = reader.count('the number of entries', 3)
  const flags = reader.bytes()
  const [paths, slots, writerIndexes, seqs, times, extras, values] = Array.from(
    { length: 7 },
    () => new ByteReader(reader.bytes())
  ) as [ByteReader, ByteReader, ByteReader, ByteReader, ByteReader, ByteReader, ByteReader]
  if (flags.length !== count) throw bad('a block has another number of flags than of entries')
  const dots = new DotReader(seqs, times)
  const pathReader = new PathReader()
  const writers = version === EntryBlock.Ranked ? writersOf(flags, writerIndexes, dictionary) : undefined
  const ranked = writers && readRanked(reader.bytes(), writers, dots)
  // A table takes a writer's registers fastest in the order of their seqs.
  const held: DecodedEntry[] | undefined = ranked && []
  let path = ''
  let writer: WriterLog | undefined
  for (let i = 0; i < count; i++) {
    const flag = flags[i]!
    if (!(flag & Flag.SamePath)) path = pathReader.read(paths)
    else if (path === '') throw bad('the first entry has no path')
    const slot = flag & Flag.Slot ? readSlot(slots) : ''
    const sameWriter = (flag & Flag.SameWriter) !== 0
    if (writers) writer = writers[i]
    else if (!sameWriter) writer = dictionary.at(writerIndexes.uint())
    if (!writer) throw bad('the first entry has no writer')
    if (!ranked) dots.next(sameWriter)
    const seq = ranked ? ranked.seqs[i]! : dots.seq
    const time = ranked ? ranked.times[i]! : dots.time
    const quality = flag & Flag.Quality ? extras.uintUpTo(255, 'a quality') : 0
    const expiresAtMs = flag & Flag.Expiry ? extras.int() + Math.floor(time / ticksPerMs) : 0
    if (!Number.isSafeInteger(expiresAtMs)) throw bad('an expiry is out of range')
    const batch = flag & Flag.Batch ? seq - extras.uintUpTo(seq - 1, 'the place in a batch') : 0
    const value: Value | undefined = flag & Flag.Tombstone ? undefined : readValue(values)
    const entry = { path, slot, value, time, writer, seq, quality, expiresAtMs, batch, shadow: (flag & Flag.Shadow) !== 0 }
    if (held) held.push(entry)
    else visit(entry)
  }
  for (const column of [paths, slots, writerIndexes, seqs, times, extras, values]) column.finish('a column')
  if (ranked && held) for (const i of ranked.entryAt) visit(held[i]!)
}

/** The writer of each entry: ranks need them before the rest is read. */
function writersOf(flags: Uint8Array, indexes: ByteReader, dictionary: WriterDictionary): WriterLog[] {
  const writers: WriterLog[] = []
  let writer: WriterLog | undefined
  for (const flag of flags) {
    if (!(flag & Flag.SameWriter)) writer = dictionary.at(indexes.uint())
    if (!writer) throw bad('the first entry has no writer')
    writers.push(writer)
  }
  return writers
}

function readSlot(reader: ByteReader): string {
  const slot = reader.string(limits.slotBytesMax, 'a slot')
  if (slot === '') throw bad('a slot is empty')
  for (let i = 0; i < slot.length; i++) if (slot.charCodeAt(i) < 32) throw bad('a slot has a control character')
  return slot
}

function bad(message: string): SelvedgeError {
  return new SelvedgeError(tableErrors.entryInvalid, message)
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}
