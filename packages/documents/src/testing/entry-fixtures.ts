/**
 * The entries of the stored-format fixtures, and the script that wrote them. A fixture is written once and never again: what a
 * version has stored, every later one must read. For a new format version add fixtures of its own; leave these alone.
 *
 *     SELVEDGE_WRITE_FIXTURES=1 npx vitest run packages/documents/src/table/entry-codec.test.ts
 *
 * writes those that are missing, each with the JSON that it must decode to.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { ByteReader, ByteWriter, encodeValue, OpaqueValue, type Value } from '@selvedge/core'
import {
  checkWriterKey,
  decodeEntries,
  EntryBlock,
  EntryEncoder,
  WriterDictionary,
  WriterLog,
  type DecodedEntry,
  type EncodableEntry
} from '../table/index.js'
import { hlcAt, writerKey } from './table-kit.js'

const directory = new URL('fixtures/', import.meta.url)

export type Draft = Partial<Omit<EncodableEntry, 'writer'>> & { readonly writer?: string }

const logs = new Map<string, WriterLog>()

function logOf(key: string): WriterLog {
  const log = logs.get(key) ?? new WriterLog(checkWriterKey(key))
  logs.set(key, log)
  return log
}

/** The entry of a draft. */
export function entryOf({ writer = writerKey('b'), ...draft }: Draft): EncodableEntry {
  const plain = { path: 'p', slot: '', value: null, time: hlcAt(0), seq: 1, quality: 0, expiresAtMs: 0, batch: 0 }
  return { ...plain, ...draft, writer: logOf(writer) }
}

/** Encodes drafts as one block, with a dictionary of its own, as the store does. */
export function encodeBlock(drafts: readonly Draft[], layout = EntryBlock.InOrder): Uint8Array {
  const encoder = new EntryEncoder(new WriterDictionary(), layout)
  for (const draft of drafts) encoder.add(entryOf(draft))
  const out = new ByteWriter()
  encoder.finish(out)
  return out.finish()
}

export function decodeBlock(bytes: Uint8Array): DecodedEntry[] {
  const reader = new ByteReader(bytes)
  const entries = decodeEntries(reader, new WriterDictionary(), logOf)
  reader.finish('a block')
  return entries
}

/** Entries as plain JSON: writers by key, tombstones by a mark, values by their bytes where JSON has no such kind. */
export function entriesJson(entries: readonly EncodableEntry[]): unknown[] {
  return entries.map(({ path, slot, value, time, writer, seq, quality, expiresAtMs, batch, shadow }) => {
    const held = value === undefined ? { tombstone: true } : { value: Buffer.from(encodeValue(value)).toString('hex') }
    return { path, slot, ...held, time, writer: writer.key, seq, quality, expiresAtMs, batch, shadow: shadow ?? false }
  })
}

const values: readonly Value[] = [
  null,
  true,
  false,
  0,
  -1,
  21.5,
  1e300,
  0.1 + 0.2,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  '',
  'on',
  'Küche ☕ 🏢',
  new Uint8Array(),
  new Uint8Array([0, 255]),
  [],
  [1, [2, ['three']]],
  {},
  { setpoint: 21.5, mode: 'eco', nested: { deep: [null] } },
  new OpaqueValue(200, new Uint8Array([1, 2, 3]))
]

/** Name → drafts: every kind of entry that version 1 can hold. */
const fixtures: Readonly<Record<string, readonly Draft[]>> = {
  empty: [],
  values: values.map((value, i) => ({ path: `values/${i}`, value, seq: i + 1, time: hlcAt(i) })),
  shapes: [
    { path: 'ahu/1/supply-temp', value: 18.5, quality: 1 },
    { path: 'ahu/1/supply-temp', slot: 'override', value: 20, seq: 2, expiresAtMs: 1_800_000_000_000 },
    { path: 'ahu/1/supply-temp', slot: '#Küche', value: undefined, seq: 3, time: hlcAt(1) + 17 },
    { path: 'ahu/10', value: 'x', seq: 5, batch: 5, time: hlcAt(2) },
    { path: 'ahu/10/🏢', value: 'y', seq: 6, batch: 5, quality: 2 },
    { path: 'ahu/10/🏗', value: 'surrogate halves in common', seq: 7, time: hlcAt(-5_000_000) + 4095 },
    { path: 'p', value: undefined, writer: writerKey('c', 9), seq: 9_007_199_254_740_991, expiresAtMs: 1, quality: 255 },
    { path: 'p', value: { kept: true }, writer: writerKey('c', 9), seq: 4, shadow: true, time: hlcAt(86_400_000) },
    { path: 'p'.repeat(512), slot: 's'.repeat(128), value: 1, writer: writerKey('n'.repeat(64)), time: Number.MAX_SAFE_INTEGER },
    { path: 'last', value: 1, writer: writerKey('b'), seq: 1, time: Number.MIN_SAFE_INTEGER + 1, expiresAtMs: -1 }
  ],
  points: Array.from({ length: 200 }, (_, i) => ({
    path: `floor/${Math.floor(i / 40)}/vav/${i % 40}/temp`,
    value: 20 + (i % 50) / 10,
    seq: i + 1,
    time: hlcAt(i * 3),
    writer: writerKey(i % 7 === 0 ? 'c' : 'b')
  }))
}

export interface Fixture {
  readonly name: string
  readonly bytes: Uint8Array
  readonly json: unknown
}

/** Every fixture on disk, of all versions. */
export function readFixtures(): Fixture[] {
  const names = readdirSync(directory).filter(file => /^entries-v\d+-.*\.bin$/.test(file))
  return names.sort().map(file => ({
    name: file,
    bytes: new Uint8Array(readFileSync(new URL(file, directory))),
    json: JSON.parse(readFileSync(new URL(file.replace(/\.bin$/, '.json'), directory), 'utf8')) as unknown
  }))
}

/** Writes the fixtures that are missing. Returns their names. */
export function writeMissingFixtures(): string[] {
  const written: string[] = []
  for (const layout of [EntryBlock.InOrder, EntryBlock.Ranked])
    for (const [name, drafts] of Object.entries(fixtures)) {
      const file = new URL(`entries-v${layout}-${name}.bin`, directory)
      if (existsSync(file)) continue
      const bytes = encodeBlock(drafts, layout)
      writeFileSync(file, bytes)
      const json = JSON.stringify(entriesJson(decodeBlock(bytes)), null, 1)
      writeFileSync(new URL(`entries-v${layout}-${name}.json`, directory), `${json}\n`)
      written.push(file.pathname.split('/').at(-1)!)
    }
  return written
}
