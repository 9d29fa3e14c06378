/** Blocks of entries, vectors and dots: the columnar formats of the register table. */
import { ByteReader, ByteWriter, isHlcTime, limits, pathProblem, valuesEqual } from '@selvedge/core'
import {
  beneathVoid,
  decodeEntries,
  EntryBlock,
  EntryEncoder,
  readHave,
  readSeqs,
  readVector,
  readWriter,
  slotOfVoid,
  slotProblem,
  valueOfVoid,
  VoidList,
  voidPath,
  writeHave,
  WriterDictionary,
  writeSeqs,
  writeVector,
  writeWriter,
  type DecodedEntry,
  type RegisterTable
} from '@selvedge/documents'
import { decoding, hold, type Target } from '../target.js'
import { holdSize } from '../weigh.js'
import { many, newTable, sampleTable, sampleValue } from './sample-values.js'

function encodeAll(entries: Iterable<Parameters<EntryEncoder['add']>[0]>, layout = EntryBlock.InOrder): Uint8Array {
  const encoder = new EntryEncoder(new WriterDictionary(), layout)
  for (const entry of entries) encoder.add(entry)
  const out = new ByteWriter()
  encoder.finish(out)
  return out.finish()
}

function decodeAll(bytes: Uint8Array, table: RegisterTable): DecodedEntry[] {
  const reader = new ByteReader(bytes)
  const entries = decodeEntries(reader, new WriterDictionary(), key => table.writer(key))
  reader.finish('a block')
  return entries
}

function sameEntry(a: DecodedEntry, b: DecodedEntry): boolean {
  return (
    a.path === b.path &&
    a.slot === b.slot &&
    a.writer === b.writer &&
    a.seq === b.seq &&
    a.time === b.time &&
    a.quality === b.quality &&
    a.expiresAtMs === b.expiresAtMs &&
    a.batch === b.batch &&
    a.shadow === b.shadow &&
    (a.value === undefined || b.value === undefined ? a.value === b.value : valuesEqual(a.value, b.value))
  )
}

const entries: Target = {
  name: 'entries',
  from: 'register frames and the log on disk',
  reaches: ['decodeEntries', 'WriterDictionary', 'PathReader', 'DotReader', 'readRanked'],
  open: random => ({
    corpus: many(30, i => {
      const table = sampleTable(random)
      const layout = i % 2 ? EntryBlock.Ranked : EntryBlock.InOrder
      return [encodeAll([...table.all(), ...table.shadows.values()].slice(0, 1 + (i % 24)), layout)]
    }),
    take([bytes]) {
      const table = newTable(1)
      return decoding(
        () => decodeAll(bytes!, table),
        decoded => {
          for (const { path, slot, time, seq } of decoded) {
            hold(pathProblem(path) === undefined, 'a path is none')
            hold(slot === '' || slotProblem(slot) === undefined, 'a slot is none')
            hold(isHlcTime(time) && Number.isSafeInteger(seq) && seq > 0, 'a stamp or a seq is out of range')
          }
          // A path is coded by what it shares with the one before: three bytes can stand for a whole one.
          holdSize(
            decoded.map(({ path, slot, value }) => [path, slot, value]),
            bytes!.length,
            128 + limits.pathBytesMax / 2
          )
          const again = decodeAll(encodeAll(decoded), table)
          hold(
            again.length === decoded.length && again.every((entry, i) => sameEntry(entry, decoded[i]!)),
            'the entries encode to others'
          )
        }
      )
    }
  })
}

const vectors: Target = {
  name: 'vectors',
  from: 'announcements, seals, acks and comparisons',
  reaches: ['readVector', 'readSeqs', 'readHave', 'readWriter'],
  open: random => {
    const write = (table: RegisterTable, dictionary: WriterDictionary): Uint8Array => {
      const out = new ByteWriter()
      const intern = (key: string) => table.writer(key)
      writeVector(out, dictionary, table.vector(), intern)
      writeSeqs(out, dictionary, table.floors(), intern)
      writeHave(out, dictionary, table.have())
      writeWriter(out, dictionary, table.ownWriter())
      return out.finish()
    }
    return {
      corpus: many(20, () => {
        const table = sampleTable(random)
        for (const key of table.writers.keys()) table.raiseFloor(key, 1 + (random.uint32() % 5))
        return [write(table, new WriterDictionary())]
      }),
      take([bytes]) {
        const table = newTable(1)
        const intern = (key: string) => table.writer(key)
        const read = (from: Uint8Array) => {
          const reader = new ByteReader(from)
          const dictionary = new WriterDictionary()
          const vector = readVector(reader, dictionary, intern)
          const floors = readSeqs(reader, dictionary, intern)
          const have = readHave(reader, dictionary, intern)
          const writer = readWriter(reader, dictionary, intern)
          reader.finish('vectors')
          return { vector, floors, have, writer }
        }
        return decoding(
          () => read(bytes!),
          decoded => {
            for (const { runs } of decoded.have)
              for (const [first, count] of runs)
                hold(Number.isSafeInteger(first + (count - 1)) && first > 0 && count > 0, 'a run is none')
            holdSize(
              [decoded.vector, decoded.floors, decoded.have.map(({ writer, runs }) => [writer.key, runs])],
              bytes!.length,
              200
            )
            const out = new ByteWriter()
            const dictionary = new WriterDictionary()
            writeVector(out, dictionary, decoded.vector, intern)
            writeSeqs(out, dictionary, decoded.floors, intern)
            writeHave(out, dictionary, decoded.have)
            writeWriter(out, dictionary, decoded.writer)
            const again = read(out.finish())
            hold(
              again.writer === decoded.writer && textOfVectors(again) === textOfVectors(decoded),
              'the vectors encode to others'
            )
          }
        )
      }
    }
  }
}

function textOfVectors({
  vector,
  floors,
  have
}: {
  vector: { seqs: ReadonlyMap<string, number>; closed: ReadonlyMap<string, number> }
  floors: Map<string, number>
  have: { writer: { key: string }; runs: readonly (readonly [number, number])[] }[]
}): string {
  return JSON.stringify([[...vector.seqs], [...vector.closed], [...floors], have.map(({ writer, runs }) => [writer.key, runs])])
}

const voids: Target = {
  name: 'voids',
  from: 'registers under @void',
  reaches: ['VoidList', 'beneathVoid'],
  open: random => ({
    corpus: many(20, () => {
      const table = sampleTable(random)
      const [named, beneath] = table.all()
      return [
        encodeAll([
          {
            ...fieldsOf(named!),
            path: voidPath,
            slot: slotOfVoid(named!),
            value: valueOfVoid(named!, random.uint32() % 2 ? beneath : undefined)
          }
        ])
      ]
    }),
    generate: source => {
      const [named] = sampleTable(source).all()
      return [
        encodeAll([
          {
            ...fieldsOf(named!),
            path: voidPath,
            slot: slotOfVoid(named!),
            value: {
              ...(valueOfVoid(named!, named) as object),
              [fieldNames[source.uint32() % fieldNames.length]!]: sampleValue(source)
            }
          }
        ])
      ]
    },
    take([bytes]) {
      const table = newTable(1)
      return decoding(
        () => decodeAll(bytes!, table),
        decoded => {
          const list = new VoidList()
          for (const entry of decoded) {
            list.add(entry)
            const beneath = beneathVoid(entry, key => table.writer(key))
            // What is put back is stored and sent like any register: it must encode.
            if (beneath) hold(decodeAll(encodeAll([beneath]), table).length === 1, 'what a void puts back can not be sent')
            table.merge(entry, 1)
            table.advance()
          }
          for (const entry of decoded) list.remove(entry)
          hold(list.size === 0, 'voids stay behind')
          encodeAll(table.all())
        }
      )
    }
  })
}

const fieldNames = ['path', 'slot', 'time', 'node', 'beneath', '__proto__', 'toString']

function fieldsOf({ path, slot, value, time, writer, seq, quality, expiresAtMs, batch }: Parameters<EntryEncoder['add']>[0]) {
  return { path, slot, value, time, writer, seq, quality, expiresAtMs, batch }
}

export const tableTargets: readonly Target[] = [entries, vectors, voids]
