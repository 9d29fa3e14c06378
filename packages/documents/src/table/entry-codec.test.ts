import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter, isSelvedgeError, limits, pathProblem, seededRandom } from '@selvedge/core'
import { valueArbitrary } from '../../../core/src/testing/value-arbitrary.js'
import {
  decodeBlock,
  encodeBlock,
  entriesJson,
  entryOf,
  readFixtures,
  writeMissingFixtures,
  type Draft
} from '../testing/entry-fixtures.js'
import { hlcAt, startMs, writerKey } from '../testing/table-kit.js'
import { decodeEntries, EntryBlock, EntryEncoder, WriterDictionary } from './entry-codec.js'
import { slotProblem, WriterLog } from './register.js'
import { readHave, readSeqs, readVector, writeHave, writeSeqs, writeVector } from './vector-codec.js'
import { checkWriterKey } from './writer-key.js'

if (process.env['SELVEDGE_WRITE_FIXTURES']) writeMissingFixtures()
const fixtures = readFixtures()
const intern = (key: string): WriterLog => new WriterLog(checkWriterKey(key))

const path = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter(text => pathProblem(text) === undefined)
const slot = fc.oneof(
  fc.constant(''),
  fc.string({ unit: 'binary', maxLength: 40 }).filter(text => slotProblem(text) === undefined)
)
const writers = [writerKey('b'), writerKey('b', 1), writerKey('c')]
const draft: fc.Arbitrary<Draft> = fc
  .record({
    path: fc.oneof(path, fc.constantFrom('p/1', 'p/2', 'p/2/🏢', 'p/2/🏗')),
    slot,
    value: fc.option(valueArbitrary(), { nil: undefined }),
    time: fc.oneof(fc.maxSafeInteger(), fc.integer({ min: hlcAt(0), max: hlcAt(10) })),
    writer: fc.constantFrom(...writers),
    seq: fc.oneof(
      fc.integer({ min: 1, max: 50 }),
      fc.maxSafeNat().map(seq => Math.max(1, seq))
    ),
    quality: fc.oneof(fc.constant(0), fc.nat(255)),
    expiresAtMs: fc.oneof(fc.constant(0), fc.integer({ min: startMs, max: startMs + 1_000_000 })),
    batch: fc.nat(1_000),
    shadow: fc.boolean()
  })
  .map(made => ({ ...made, batch: made.batch % made.seq }))

describe('REG-18 the encoding of entries', () => {
  it('gives back what went in', () => {
    fc.assert(
      fc.property(fc.array(draft, { maxLength: 30 }), drafts => {
        expect(entriesJson(decodeBlock(encodeBlock(drafts)))).toEqual(entriesJson(drafts.map(entryOf)))
      }),
      { numRuns: 1_000 }
    )
  })

  it('gives back what went in by paths, in the order of writers and their seqs', () => {
    const rank = (entry: { writer: WriterLog; seq: number }, first: Map<string, number>): [number, number] => [
      first.get(entry.writer.key)!,
      entry.seq
    ]
    fc.assert(
      fc.property(fc.array(draft, { maxLength: 30 }), drafts => {
        const entries = drafts.map(entryOf)
        const first = new Map<string, number>()
        for (const { writer } of entries) if (!first.has(writer.key)) first.set(writer.key, first.size)
        const ordered = entries.toSorted((a, b) => {
          const [[writerA, seqA], [writerB, seqB]] = [rank(a, first), rank(b, first)]
          return writerA - writerB || seqA - seqB
        })
        expect(entriesJson(decodeBlock(encodeBlock(drafts, EntryBlock.Ranked)))).toEqual(entriesJson(ordered))
      }),
      { numRuns: 1_000 }
    )
  })

  it('takes fewer bytes by paths than by writes, once deflated', () => {
    const random = seededRandom(7)
    const paths = Array.from({ length: 1_000 }, (_, i) => `floor/${Math.floor(i / 40)}/vav/${i % 40}/temp`)
    const writes = paths.map(path => ({ path, order: random.float() })).sort((a, b) => a.order - b.order)
    const drafts = writes.map(({ path, order }, i) => ({
      path,
      seq: 3 * i + 1,
      time: hlcAt(90 * i),
      value: Math.round(order * 500) / 10
    }))
    const sorted = drafts.toSorted((a, b) => (a.path < b.path ? -1 : 1))
    const bytes = (block: Uint8Array): number => deflateRawSync(block, { memLevel: 5 }).length
    expect(bytes(encodeBlock(sorted, EntryBlock.Ranked))).toBeLessThan(0.95 * bytes(encodeBlock(drafts)))
  })

  it('refuses ranks that are no order', () => {
    const block = encodeBlock(
      [
        { path: 'a', seq: 1 },
        { path: 'b', seq: 2 }
      ],
      EntryBlock.Ranked
    )
    for (const ranks of [
      [0, 0, 0, 0],
      [1, 1, 0, 0],
      [0, 2, 0, 0],
      [0, 1, 0, 1]
    ]) {
      const bad = block.slice()
      bad.set(ranks, bad.length - 4)
      expect(() => decodeBlock(bad), ranks.join()).toThrow(expect.objectContaining({ code: 'ENTRY_INVALID' }))
    }
    const short = [...block.slice(0, -5), 2, 0, 1]
    expect(() => decodeBlock(Uint8Array.from(short))).toThrow(expect.objectContaining({ code: 'ENTRY_INVALID' }))
  })

  it('goes on naming writers by their place in one dictionary, block after block', () => {
    const [sent, received] = [new WriterDictionary(), new WriterDictionary()]
    const encoder = new EntryEncoder(sent)
    const sizes = [1, 2, 3].map(seq => {
      encoder.add(entryOf({ seq, value: seq }))
      encoder.add(entryOf({ path: 'q', seq, writer: writers[2]!, value: seq }))
      expect(encoder.entries).toBe(2)
      expect(encoder.size).toBeGreaterThan(10)
      const out = new ByteWriter()
      encoder.finish(out)
      const bytes = out.finish()
      expect(decodeEntries(new ByteReader(bytes), received, intern).map(entry => entry.writer.key)).toEqual([
        writers[0],
        writers[2]
      ])
      return bytes.length
    })
    expect(sizes[1]).toBe(sizes[2])
    expect(sizes[1]).toBeLessThan(sizes[0]! - 2 * 24)
  })

  it('has a bounded dictionary', () => {
    const dictionary = new WriterDictionary()
    const log = intern(writers[0]!)
    for (let i = 0; i < WriterDictionary.writersMax; i++) dictionary.add(log)
    expect(() => dictionary.add(log)).toThrow(expect.objectContaining({ code: 'ENTRY_INVALID' }))
  })

  it('is still read as every version has written it', () => {
    expect(fixtures.map(fixture => fixture.name)).toEqual(
      ['v1', 'v2'].flatMap(version => ['empty', 'points', 'shapes', 'values'].map(name => `entries-${version}-${name}.bin`))
    )
    for (const { name, bytes, json } of fixtures) expect(entriesJson(decodeBlock(bytes)), name).toEqual(json)
  })

  it('refuses a version that it does not know, by name', () => {
    const bytes = encodeBlock([{}])
    bytes[0] = 3
    expect(() => decodeBlock(bytes)).toThrow(expect.objectContaining({ code: 'ENTRY_VERSION', details: { version: 3 } }))
  })

  it('refuses what no encoder writes', () => {
    const bad: Record<string, Draft> = {
      'an empty segment': { path: 'a//b' },
      'a path too long': { path: 'a'.repeat(limits.pathBytesMax + 1) },
      'a control character in a path': { path: 'a\u0001' },
      'a control character in a slot': { slot: 'a\u0000' },
      'a slot too long': { slot: 'a'.repeat(limits.slotBytesMax + 1) },
      'seq 0': { seq: 0 },
      'a negative seq': { seq: -1 },
      'a quality over a byte': { quality: 256 }
    }
    for (const [what, draft] of Object.entries(bad))
      expect(() => decodeBlock(encodeBlock([draft])), what).toThrow(expect.toSatisfy(isSelvedgeError))
    expect(() => decodeBlock(new Uint8Array([...encodeBlock([{}]), 0]))).toThrow(expect.toSatisfy(isSelvedgeError))
  })

  it('takes few bytes a point', () => {
    // 10,000 points of a building as it sends them after a cut: values with one decimal, seconds apart, three writers.
    const random = seededRandom(1)
    const drafts = Array.from({ length: 10_000 }, (_, i): Draft => ({
      path: `floor/${Math.floor(i / 500)}/vav/${Math.floor(i / 10) % 50}/${['zone-temp', 'setpoint', 'damper', 'flow', 'occupied', 'co2', 'reheat', 'mode', 'fault', 'power'][i % 10]}`,
      value: i % 10 === 4 ? random.float() < 0.5 : i % 10 === 7 ? 'auto' : Math.round(random.float() * 300) / 10,
      seq: 50_000 + i * 3 + Math.floor(random.float() * 3),
      time: hlcAt(Math.floor(random.float() * 60_000)),
      writer: writers[Math.floor(i / 3_400)]!
    }))
    const bytes = encodeBlock(drafts)
    const report = { plain: bytes.length / 10_000, deflated: deflateRawSync(bytes).length / 10_000 }
    if (process.env['SELVEDGE_REPORT']) process.stdout.write(`bytes a point: ${JSON.stringify(report)}\n`)
    expect(report.plain).toBeLessThan(29)
    expect(report.deflated).toBeLessThan(15)
  })
})

describe('REG-18 the encoding of vectors and dots', () => {
  it('gives back what went in', () => {
    const seqs = fc.uniqueArray(fc.tuple(fc.constantFrom(...writers), fc.maxSafeNat()), { selector: ([key]) => key })
    // After an incarnation that is closed there must be room for the next.
    const closable = fc.maxSafeInteger().map(time => Math.min(time, Number.MAX_SAFE_INTEGER - 1))
    const runs = fc.array(fc.tuple(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 1_000 })), { maxLength: 5 })
    fc.assert(
      fc.property(seqs, runs, closable, (entries, gaps, closedAt) => {
        const [sent, received] = [new WriterDictionary(), new WriterDictionary()]
        const logs = new Map(writers.map(key => [key, intern(key)]))
        const vector = { seqs: new Map(entries), closed: new Map([[logs.get(writers[0]!)!.node, closedAt]]) }
        let at = 0
        const dots = gaps.map(([gap, count]) => ((at += gap + count), [at - count, count] as const))
        const out = new ByteWriter()
        writeVector(out, sent, vector, key => logs.get(key)!)
        writeSeqs(out, sent, vector.seqs, key => logs.get(key)!)
        writeHave(out, sent, [{ writer: logs.get(writers[2]!)!, runs: dots }])
        const reader = new ByteReader(out.finish())
        expect(readVector(reader, received, intern)).toEqual(vector)
        expect(readSeqs(reader, received, intern)).toEqual(vector.seqs)
        expect(readHave(reader, received, intern).map(have => [have.writer.key, have.runs])).toEqual([[writers[2], dots]])
        reader.finish('a message')
      })
    )
  })
})

describe('REG-19 hostile bytes', () => {
  it("can't close a node at the last time there is, after which it could never write again", () => {
    const out = new ByteWriter()
    const log = intern(writers[0]!)
    const vector = { seqs: new Map(), closed: new Map([[log.node, Number.MAX_SAFE_INTEGER]]) }
    writeVector(out, new WriterDictionary(), vector, () => log)
    expect(() => readVector(new ByteReader(out.finish()), new WriterDictionary(), intern)).toThrow(
      expect.objectContaining({ code: 'ENTRY_INVALID' })
    )
  })

  const readers: readonly ((reader: ByteReader) => unknown)[] = [
    reader => decodeEntries(reader, new WriterDictionary(), intern),
    reader => readVector(reader, new WriterDictionary(), intern),
    reader => readHave(reader, new WriterDictionary(), intern)
  ]

  it('are refused with a code, or read, and never more than they can hold', () => {
    const random = seededRandom(7)
    const below = (bound: number): number => Math.floor(random.float() * bound)
    const sound = [...fixtures.map(fixture => fixture.bytes), vectorBytes(), haveBytes()]
    const interesting = [0, 1, 127, 128, 255]
    let refused = 0
    for (let run = 0; run < 20_000; run++) {
      const bytes = random.float() < 0.1 ? random.bytes(below(200)) : sound[below(sound.length)]!.slice(0, 4_000)
      for (let n = below(4); n > 0 && bytes.length > 0; n--)
        bytes[below(Math.min(bytes.length, 1 + below(bytes.length)))] = random.float() < 0.5 ? interesting[below(5)]! : below(256)
      const cut = random.float() < 0.2 ? bytes.subarray(0, below(bytes.length + 1)) : bytes
      for (const read of readers)
        try {
          const result = read(new ByteReader(cut))
          if (Array.isArray(result)) expect(result.length).toBeLessThanOrEqual(cut.length)
        } catch (error) {
          if (!isSelvedgeError(error)) throw new Error(`run ${run}: ${String(error)}`, { cause: error })
          refused++
        }
    }
    expect(refused).toBeGreaterThan(20_000)
  })

  it("can't claim more entries, writers or runs than the input could hold", () => {
    const huge = new ByteWriter().byte(1).uint(0).uint(Number.MAX_SAFE_INTEGER).finish()
    for (const read of readers) expect(() => read(new ByteReader(huge))).toThrow(expect.toSatisfy(isSelvedgeError))
    expect(() =>
      readHave(new ByteReader(new ByteWriter().uint(Number.MAX_SAFE_INTEGER).finish()), new WriterDictionary(), intern)
    ).toThrow(expect.objectContaining({ code: 'CODEC_OVERFLOW' }))
  })

  it("can't name an empty or overflowing run of dots", () => {
    for (const [first, count] of [
      [0, 1],
      [1, 0],
      [Number.MAX_SAFE_INTEGER, 2]
    ] as const) {
      const out = new ByteWriter().uint(1).uint(0).string(writers[0]!).uint(1).uint(first).uint(count)
      expect(() => readHave(new ByteReader(out.finish()), new WriterDictionary(), intern)).toThrow(
        expect.objectContaining({ code: 'ENTRY_INVALID' })
      )
    }
  })

  it("can't name a writer that was never named", () => {
    const dictionary = new WriterDictionary()
    dictionary.add(intern(writers[0]!))
    const out = new ByteWriter().uint(1).uint(7).uint(1)
    expect(() => readSeqs(new ByteReader(out.finish()), dictionary, intern)).toThrow(
      expect.objectContaining({ code: 'ENTRY_INVALID' })
    )
  })
})

function vectorBytes(): Uint8Array {
  const out = new ByteWriter()
  const log = intern(writers[0]!)
  writeVector(out, new WriterDictionary(), { seqs: new Map([[log.key, 9]]), closed: new Map([[log.node, hlcAt(0)]]) }, () => log)
  return out.finish()
}

function haveBytes(): Uint8Array {
  const out = new ByteWriter()
  writeHave(out, new WriterDictionary(), [
    {
      writer: intern(writers[0]!),
      runs: [
        [3, 4],
        [9, 1]
      ]
    }
  ])
  return out.finish()
}
