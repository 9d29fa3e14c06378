/** Vectors, floors and dots on the wire: writers by dictionary index, as in blocks of entries. */
import {
  type ByteReader,
  type ByteWriter,
  hlcFromHex,
  hlcToHex,
  isHlcTime,
  limits,
  nodeId,
  SelvedgeError,
  type HlcTime,
  type NodeId
} from '@selvedge/core'
import { tableErrors } from './errors.js'
import type { WriterDictionary } from './entry-codec.js'
import type { WriterLog } from './register.js'
import { emptyVector, type DotRuns, type VersionVector } from './version-vector.js'
import type { WriterKey } from './writer-key.js'

/** Gives the writer of a key. */
export type Intern = (key: WriterKey) => WriterLog

/** Appends a writer: its index, or one past the last and its key when it is new. */
export function writeWriter(out: ByteWriter, dictionary: WriterDictionary, writer: WriterLog): void {
  const known = dictionary.indexOf(writer)
  if (known !== undefined) out.uint(known)
  else out.uint(dictionary.add(writer)).string(writer.key)
}

export function readWriter(reader: ByteReader, dictionary: WriterDictionary, intern: Intern): WriterLog {
  const index = reader.uint()
  if (index === dictionary.size) dictionary.add(intern(reader.string(limits.nodeIdLengthMax + 23, 'a writer key')))
  return dictionary.at(index)
}

export function writeSeqs(
  out: ByteWriter,
  dictionary: WriterDictionary,
  seqs: ReadonlyMap<WriterKey, number>,
  intern: Intern
): void {
  out.uint(seqs.size)
  for (const [key, seq] of seqs) {
    writeWriter(out, dictionary, intern(key))
    out.uint(seq)
  }
}

export function readSeqs(reader: ByteReader, dictionary: WriterDictionary, intern: Intern): Map<WriterKey, number> {
  const seqs = new Map<WriterKey, number>()
  for (let left = reader.count('the number of writers', 2); left > 0; left--)
    seqs.set(readWriter(reader, dictionary, intern).key, reader.uint())
  return seqs
}

export function writeVector(out: ByteWriter, dictionary: WriterDictionary, vector: VersionVector, intern: Intern): void {
  writeSeqs(out, dictionary, vector.seqs, intern)
  out.uint(vector.closed.size)
  for (const [node, time] of vector.closed) out.string(node).string(hlcToHex(time))
}

export function readVector(reader: ByteReader, dictionary: WriterDictionary, intern: Intern): VersionVector {
  const seqs = readSeqs(reader, dictionary, intern)
  let left = reader.count('the number of closed nodes', 16)
  if (left === 0) return { seqs, closed: emptyVector.closed }
  const closed = new Map<NodeId, HlcTime>()
  for (; left > 0; left--) closed.set(nodeId(reader.string(limits.nodeIdLengthMax, 'a node id')), readTime(reader))
  return { seqs, closed }
}

function readTime(reader: ByteReader): HlcTime {
  const hex = reader.string(14, 'a time')
  const time = /^[0-9a-f]{14}$/.test(hex) ? hlcFromHex(hex) : Number.NaN
  // After an incarnation that is closed there must be room for the next.
  if (!isHlcTime(time + 1)) throw new SelvedgeError(tableErrors.entryInvalid, 'a time is not valid')
  return time
}

export function writeHave(out: ByteWriter, dictionary: WriterDictionary, have: readonly DotRuns[]): void {
  out.uint(have.length)
  for (const { writer, runs } of have) {
    writeWriter(out, dictionary, writer)
    out.uint(runs.length)
    let at = 0
    for (const [first, count] of runs) {
      out.uint(first - at).uint(count)
      at = first + count
    }
  }
}

export function readHave(reader: ByteReader, dictionary: WriterDictionary, intern: Intern): DotRuns[] {
  const have: DotRuns[] = []
  for (let left = reader.count('the number of writers', 2); left > 0; left--) {
    const writer = readWriter(reader, dictionary, intern)
    const runs: [number, number][] = []
    let at = 0
    for (let more = reader.count('the number of runs', 2); more > 0; more--) {
      const first = at + reader.uint()
      const count = reader.uint()
      at = first + count
      // The last dot there is can be held: one past it is no safe integer, and exact all the same.
      if (first < 1 || count < 1 || !Number.isSafeInteger(first + (count - 1)))
        throw new SelvedgeError(tableErrors.entryInvalid, 'a run of dots is not valid')
      runs.push([first, count])
    }
    have.push({ writer, runs })
  }
  return have
}
