/**
 * The messages of the document protocol, and their bytes. What they mean is said in `channel.ts`. Everything read here is untrusted:
 * bounded, checked, and refused with a `SelvedgeError`.
 */
import { ByteReader, ByteWriter, SelvedgeError, documentId, limits, type DocumentId } from '@selvedge/core'
import type { LiveUpdate } from './copy-contract.js'
import type { EngineName } from './engine.js'
import { documentErrors } from './errors.js'
import { readIncluded, writeIncluded, type Included } from './included.js'

export interface PullMessage {
  readonly kind: 'pull'
  /** Chosen by the asker; its answer carries it. */
  readonly pull: number
  /** The first message of its conversation. */
  readonly first: boolean
  /** Everything is wanted, whatever the asker has. */
  readonly full: boolean
  readonly id: DocumentId
  readonly engine: EngineName
  readonly included: Included
  /** The edits that the asker lacks, by its catalogue. */
  readonly needs: Included
  readonly body: Uint8Array
}

export interface AnswerMessage {
  readonly kind: 'answer'
  readonly pull: number
  /** False: the answerer has no content of this document (and the rest is empty). */
  readonly found: boolean
  readonly included: Included
  readonly target: Uint8Array
  readonly body: Uint8Array
}

export interface LiveMessage extends LiveUpdate {
  readonly kind: 'live'
}

export interface NoticeMessage {
  /**
   * `stored`: what the sender has on disk and can give. `confirm`: say `stored` when you have this. `seek`: say `relayed` when you know
   * of a relay that has this.
   */
  readonly kind: 'stored' | 'confirm' | 'seek'
  readonly id: DocumentId
  readonly included: Included
}

/** What the sender knows to be on the disk of a relay, from the relay itself or by hearsay. */
export interface RelayedMessage {
  readonly kind: 'relayed'
  readonly id: DocumentId
  /** The relay's node id. */
  readonly relay: string
  readonly included: Included
}

export type Message = PullMessage | AnswerMessage | LiveMessage | NoticeMessage | RelayedMessage

const codes = { pull: 1, answer: 2, live: 3, stored: 4, confirm: 5, relayed: 128, seek: 129 } as const
/** Kinds from here up may be skipped by those who don't know them: those of earlier versions skip `relayed` and `seek`. */
const firstOptionalCode = 128
const engines: readonly EngineName[] = ['yjs', 'automerge']

export function encodeMessage(message: Message): Uint8Array {
  const writer = new ByteWriter()
  writer.byte(codes[message.kind])
  switch (message.kind) {
    case 'pull':
      writer.uint(message.pull).byte((message.first ? 1 : 0) | (message.full ? 2 : 0))
      writer.string(message.id).byte(engines.indexOf(message.engine))
      writeIncluded(writer, message.included)
      writeIncluded(writer, message.needs)
      writer.bytes(message.body)
      break
    case 'answer':
      writer.uint(message.pull).byte(message.found ? 1 : 0)
      writeIncluded(writer, message.included)
      writer.bytes(message.target).bytes(message.body)
      break
    case 'live':
      writer.string(message.id).byte(engines.indexOf(message.engine)).string(message.writer)
      writer.uint(message.from).uint(message.to).bytes(message.update)
      break
    case 'relayed':
      writer.string(message.id).string(message.relay)
      writeIncluded(writer, message.included)
      break
    default:
      writer.string(message.id)
      writeIncluded(writer, message.included)
  }
  return writer.finish()
}

/** The message, or `undefined` for an optional one of a later version. @throws SelvedgeError when it is malformed */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  const reader = new ByteReader(bytes)
  const code = reader.byte()
  const message = readMessage(code, reader)
  if (!message) return undefined
  reader.finish('a document message')
  return message
}

function readMessage(code: number, reader: ByteReader): Message | undefined {
  switch (code) {
    case codes.pull: {
      const pull = reader.uint()
      const flags = reader.byte()
      return {
        kind: 'pull',
        pull,
        first: (flags & 1) !== 0,
        full: (flags & 2) !== 0,
        id: readId(reader),
        engine: readEngine(reader),
        included: readIncluded(reader),
        needs: readIncluded(reader),
        body: reader.bytes().slice()
      }
    }
    case codes.answer:
      return {
        kind: 'answer',
        pull: reader.uint(),
        found: reader.byte() === 1,
        included: readIncluded(reader),
        target: reader.bytes().slice(),
        body: reader.bytes().slice()
      }
    case codes.live: {
      const id = readId(reader)
      const engine = readEngine(reader)
      const writer = reader.string(limits.slotBytesMax, 'a writer key')
      const from = reader.uint()
      const to = reader.uint()
      if (to <= from) throw invalid(`a live update goes from ${from} to ${to}`)
      return { kind: 'live', id, engine, writer, from, to, update: reader.bytes().slice() }
    }
    case codes.stored:
      return { kind: 'stored', id: readId(reader), included: readIncluded(reader) }
    case codes.confirm:
      return { kind: 'confirm', id: readId(reader), included: readIncluded(reader) }
    case codes.seek:
      return { kind: 'seek', id: readId(reader), included: readIncluded(reader) }
    case codes.relayed:
      return {
        kind: 'relayed',
        id: readId(reader),
        relay: reader.string(limits.slotBytesMax, 'a node id'),
        included: readIncluded(reader)
      }
    default:
      if (code >= firstOptionalCode) return undefined
      throw invalid(`document message ${code} has no meaning`)
  }
}

function readId(reader: ByteReader): DocumentId {
  return documentId(reader.string(limits.pathBytesMax, 'a document id'))
}

function readEngine(reader: ByteReader): EngineName {
  const engine = engines[reader.byte()]
  if (!engine) throw invalid('an engine has no meaning')
  return engine
}

export function invalid(message: string, cause?: unknown): SelvedgeError {
  return new SelvedgeError(documentErrors.documentMessageInvalid, message, { cause })
}
