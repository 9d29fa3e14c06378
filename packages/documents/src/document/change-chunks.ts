/**
 * Automerge's storage format is a row of chunks: magic (4 bytes), checksum (4), type (1), length (LEB128), contents. Splitting it
 * ourselves tells a truncated row from a short one, which `loadIncremental` does not.
 *
 * Source: https://automerge.org/automerge-binary-format-spec/ (Chunks).
 */
import { ByteReader, SelvedgeError } from '@selvedge/core'
import { documentErrors } from './errors.js'

const magic = [0x85, 0x6f, 0x4a, 0x83]
const checksumBytes = 4
export const chunkType = { document: 0, change: 1, compressedChange: 2 } as const

export interface Chunk {
  readonly bytes: Uint8Array
  readonly type: number
  /** What follows its head, a part of `bytes`. */
  readonly contents: Uint8Array
  /** One change, rather than a whole document. */
  readonly isChange: boolean
}

/** The chunks of an update. @throws SelvedgeError `DOCUMENT_MESSAGE_INVALID` */
export function changeChunks(update: Uint8Array): Chunk[] {
  const chunks: Chunk[] = []
  const reader = new ByteReader(update)
  try {
    while (reader.remaining > 0) {
      const start = update.length - reader.remaining
      for (const byte of magic) if (reader.byte() !== byte) throw new Error('a chunk does not start with the magic bytes')
      reader.raw(checksumBytes)
      const type = reader.byte()
      if (type > chunkType.compressedChange) throw new Error(`chunk type ${type} has no meaning`)
      const { length } = reader.bytes()
      const bytes = update.slice(start, update.length - reader.remaining)
      chunks.push({ bytes, type, contents: bytes.subarray(bytes.length - length), isChange: type !== chunkType.document })
    }
  } catch (cause) {
    throw new SelvedgeError(documentErrors.documentMessageInvalid, 'an Automerge update is malformed', { cause })
  }
  return chunks
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
