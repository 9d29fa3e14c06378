/**
 * What the store holds of one document, and the batches that change it:
 *
 *     doc-included/<id>   the header: what the content includes, and which of the records below belong to it
 *     doc/<id>/s/<n>      a snapshot of the whole content
 *     doc/<id>/u/<n>      an update that came after it
 *
 * Every batch puts the header together with the records that it speaks of, so whatever batch was the last to be stored, the header
 * tells the truth. Numbers rise and are never used again, so a record that came back from an earlier time is noticed, too.
 */
import { ByteReader, ByteWriter, SelvedgeError, coreErrors, documentId, readValue, writeValue } from '@selvedge/core'
import type { DocumentId, SpaceStore, StoreBatch, Value } from '@selvedge/core'
import type { EngineName } from './engine.js'
import { readIncluded, writeIncluded, type Included } from './included.js'

export const headerPrefix = 'doc-included/'
export const contentPrefix = 'doc/'
const formatVersion = 1
/** A header that lists more update records is none of ours: they are compacted long before. */
const updateRecordsBound = 65_536
const flag = { deleted: 1, release: 2 } as const
const engineCodes: readonly EngineName[] = ['yjs', 'automerge']

/** Which records hold the content. */
export interface RecordList {
  /** Number of the snapshot record; 0 when there is none. */
  snapshot: number
  snapshotBytes: number
  /** Number of the first update record; the others follow it without gaps. */
  firstUpdate: number
  updates: number
  updateBytes: number
}

export interface OwnEdits {
  readonly count: number
  readonly clock: number
}

export interface Header {
  readonly engine: EngineName
  /** The catalogue entries were deleted; the content waits for `purge`. */
  readonly deleted: boolean
  readonly included: Included
  /** Own edits by writer whose catalogue entries may not have been stored before a crash. */
  readonly own: ReadonlyMap<string, OwnEdits>
  readonly records: RecordList
  /** The release last shown by a config. */
  readonly release: Value | undefined
}

export const noRecords = (): RecordList => ({ snapshot: 0, snapshotBytes: 0, firstUpdate: 1, updates: 0, updateBytes: 0 })

/** The batch that adds an update record, or only a new header. Returns the records as they then are. */
export function appendBatch(
  id: DocumentId,
  records: RecordList,
  engine: EngineName,
  updates: readonly Uint8Array[]
): { records: RecordList; puts: StoreBatch['puts'] } {
  if (updates.length === 0) return { records, puts: [] }
  const value = encodeUpdates(engine, updates)
  return {
    records: { ...records, updates: records.updates + 1, updateBytes: records.updateBytes + value.length },
    puts: [{ key: recordKey(id, 'u', records.firstUpdate + records.updates), value }]
  }
}

/** The batch that puts a snapshot in the place of every record. */
export function compactBatch(
  id: DocumentId,
  records: RecordList,
  engine: EngineName,
  snapshot: Uint8Array,
  strays: readonly string[]
): { records: RecordList; puts: StoreBatch['puts']; deletes: string[] } {
  const number = records.firstUpdate + records.updates
  const value = encodeUpdates(engine, [snapshot])
  return {
    records: { snapshot: number, snapshotBytes: value.length, firstUpdate: number + 1, updates: 0, updateBytes: 0 },
    puts: [{ key: recordKey(id, 's', number), value }],
    deletes: [...new Set([...recordKeys(id, records), ...strays])]
  }
}

export interface StoredContent {
  readonly updates: Uint8Array[]
  /** What the records were written by, should the header be lost. */
  readonly engine: EngineName | undefined
  /** False when a record is missing, or one is there that should not be. */
  readonly sound: boolean
  /** Keys that the header does not list. */
  readonly strays: string[]
  /** The highest record number met. */
  readonly last: number
}

/**
 * Reads the records of a document: the snapshot first, then the updates in order.
 * @throws SelvedgeError when one is of a version unknown here: better unread than taken for lost
 */
export async function readContent(store: SpaceStore, id: DocumentId, records: RecordList): Promise<StoredContent> {
  const expected = new Set(recordKeys(id, records))
  const found: { kind: string; number: number; engine: EngineName; updates: Uint8Array[] }[] = []
  const strays: string[] = []
  let last = 0
  let sound = true
  for (const kind of ['s', 'u']) {
    for await (const { key, value } of store.read(`${contentPrefix}${id}/${kind}/`)) {
      const record = parseRecordKey(key)
      if (!record || record.id !== id) continue
      last = Math.max(last, record.number)
      if (!expected.delete(key)) {
        strays.push(key)
        sound = false
      }
      found.push({ kind, number: record.number, ...decodeUpdates(value) })
    }
  }
  found.sort((a, b) => (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : a.number - b.number))
  return {
    updates: found.flatMap(record => record.updates),
    engine: found[0]?.engine,
    sound: sound && expected.size === 0,
    strays,
    last
  }
}

export function recordKeys(id: DocumentId, records: RecordList): string[] {
  const keys = records.snapshot > 0 ? [recordKey(id, 's', records.snapshot)] : []
  for (let i = 0; i < records.updates; i++) keys.push(recordKey(id, 'u', records.firstUpdate + i))
  return keys
}

/** The document and number that a record's key names. */
export function parseRecordKey(key: string): { id: DocumentId; kind: string; number: number } | undefined {
  const match = /^doc\/(.+)\/([su])\/(\d{1,15})$/.exec(key)
  if (!match) return undefined
  try {
    return { id: documentId(match[1]!), kind: match[2]!, number: Number(match[3]) }
  } catch {
    return undefined
  }
}

function recordKey(id: DocumentId, kind: 's' | 'u', number: number): string {
  return `${contentPrefix}${id}/${kind}/${number}`
}

function encodeUpdates(engine: EngineName, updates: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(updates.reduce((sum, update) => sum + update.length + 8, 16))
  writer.byte(formatVersion).byte(engineCodes.indexOf(engine)).uint(updates.length)
  for (const update of updates) writer.bytes(update)
  return writer.finish()
}

function decodeUpdates(value: Uint8Array): { engine: EngineName; updates: Uint8Array[] } {
  const reader = new ByteReader(value)
  requireVersion(reader)
  const engine = readEngine(reader)
  const updates = Array.from({ length: reader.count('the number of updates') }, () => reader.bytes().slice())
  reader.finish('the updates of a document')
  return { engine, updates }
}

function requireVersion(reader: ByteReader): void {
  const version = reader.byte()
  if (version !== formatVersion)
    throw new SelvedgeError(
      coreErrors.codecInvalid,
      `a document record is of version ${version}; this is version ${formatVersion}`
    )
}

function readEngine(reader: ByteReader): EngineName {
  const engine = engineCodes[reader.byte()]
  if (!engine) throw new SelvedgeError(coreErrors.codecInvalid, 'a document record is of an unknown engine')
  return engine
}

export function encodeHeader(header: Header): Uint8Array {
  const writer = new ByteWriter()
  writer.byte(formatVersion).byte(engineCodes.indexOf(header.engine))
  writer.byte((header.deleted ? flag.deleted : 0) | (header.release === undefined ? 0 : flag.release))
  writeIncluded(writer, header.included)
  writer.uint(header.own.size)
  for (const [key, { count, clock }] of header.own) writer.string(key).uint(count).uint(clock)
  const { snapshot, snapshotBytes, firstUpdate, updates, updateBytes } = header.records
  writer.uint(snapshot).uint(snapshotBytes).uint(firstUpdate).uint(updates).uint(updateBytes)
  if (header.release !== undefined) writeValue(writer, header.release)
  return writer.finish()
}

/** @throws SelvedgeError when it is not a header of a known version */
export function decodeHeader(value: Uint8Array): Header {
  const reader = new ByteReader(value)
  requireVersion(reader)
  const engine = readEngine(reader)
  const flags = reader.byte()
  const included = readIncluded(reader)
  const own = new Map<string, OwnEdits>()
  for (let i = reader.count('the number of own writers', 3); i > 0; i--)
    own.set(reader.string(), { count: reader.uint(), clock: reader.uint() })
  const records = {
    snapshot: reader.uint(),
    snapshotBytes: reader.uint(),
    firstUpdate: reader.uint(),
    updates: reader.uintUpTo(updateRecordsBound, 'the number of update records'),
    updateBytes: reader.uint()
  }
  const release = flags & flag.release ? readValue(reader) : undefined
  reader.finish('a document header')
  return { engine, deleted: (flags & flag.deleted) !== 0, included, own, records, release }
}
