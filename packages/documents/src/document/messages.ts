/**
 * The messages of the document protocol, and their bytes. What they mean is said in `channel.ts`. Everything read here is untrusted:
 * bounded, checked, and refused with a `SelvedgeError`.
 */
import { ByteReader, ByteWriter, documentId, limits, type DocumentId } from '@selvedge/core'
import type { LiveUpdate } from './copy-contract.js'
import type { EngineName } from './engine.js'
import { messageInvalid } from './errors.js'
import { readIncluded, writeIncluded, type Included } from './included.js'
import { WriterNames, writeWholeName, type ReadName, type WriteName } from './writer-names.js'

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

/** The bytes of a message. Without `name` it can be read whatever else was; with a channel's, only in its place. */
export function encodeMessage(message: Message, name: WriteName = writeWholeName): Uint8Array {
  const writer = new ByteWriter()
  writer.byte(codes[message.kind])
  switch (message.kind) {
    case 'pull':
      writer.uint(message.pull).byte((message.first ? 1 : 0) | (message.full ? 2 : 0))
      writer.string(message.id).byte(engines.indexOf(message.engine))
      writeIncluded(writer, message.included, name)
      writeIncluded(writer, message.needs, name)
      writer.bytes(message.body)
      break
    case 'answer':
      writer.uint(message.pull).byte(message.found ? 1 : 0)
      writeIncluded(writer, message.included, name)
      writer.bytes(message.target).bytes(message.body)
      break
    case 'live':
      writer.string(message.id).byte(engines.indexOf(message.engine))
      name(writer, message.writer)
      writer.uint(message.from).uint(message.to).bytes(message.update)
      break
    case 'relayed':
      writer.string(message.id).string(message.relay)
      writeIncluded(writer, message.included, name)
      break
    default:
      writer.string(message.id)
      writeIncluded(writer, message.included, name)
  }
  return writer.finish()
}

/** No message of these writers, ids and contents is longer, however its writers are written. */
export function messageBytesMax(message: Message): number {
  const text = (value: string): number => 3 * value.length + 9
  const names = (included: Included): number => [...included.keys()].reduce((sum, key) => sum + text(key) + 10, 9)
  switch (message.kind) {
    case 'pull':
      return 40 + text(message.id) + names(message.included) + names(message.needs) + message.body.length
    case 'answer':
      return 40 + names(message.included) + message.target.length + message.body.length
    case 'live':
      return 60 + text(message.id) + text(message.writer) + message.update.length
    case 'relayed':
      return 10 + text(message.id) + text(message.relay) + names(message.included)
    default:
      return 10 + text(message.id) + names(message.included)
  }
}

/** The message, or `undefined` for an optional one of a later version. @throws SelvedgeError when it is malformed */
export function decodeMessage(bytes: Uint8Array, names = new WriterNames()): Message | undefined {
  const reader = new ByteReader(bytes)
  const code = reader.byte()
  const message = readMessage(code, reader, names.read)
  if (!message) return undefined
  reader.finish('a document message')
  return message
}

function readMessage(code: number, reader: ByteReader, name: ReadName): Message | undefined {
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
        included: readIncluded(reader, name),
        needs: readIncluded(reader, name),
        body: reader.bytes().slice()
      }
    }
    case codes.answer:
      return {
        kind: 'answer',
        pull: reader.uint(),
        found: reader.byte() === 1,
        included: readIncluded(reader, name),
        target: reader.bytes().slice(),
        body: reader.bytes().slice()
      }
    case codes.live: {
      const id = readId(reader)
      const engine = readEngine(reader)
      const writer = name(reader)
      const from = reader.uint()
      const to = reader.uint()
      if (to <= from) throw messageInvalid(`a live update goes from ${from} to ${to}`)
      return { kind: 'live', id, engine, writer, from, to, update: reader.bytes().slice() }
    }
    case codes.stored:
      return { kind: 'stored', id: readId(reader), included: readIncluded(reader, name) }
    case codes.confirm:
      return { kind: 'confirm', id: readId(reader), included: readIncluded(reader, name) }
    case codes.seek:
      return { kind: 'seek', id: readId(reader), included: readIncluded(reader, name) }
    case codes.relayed:
      return {
        kind: 'relayed',
        id: readId(reader),
        relay: reader.string(limits.slotBytesMax, 'a node id'),
        included: readIncluded(reader, name)
      }
    default:
      if (code >= firstOptionalCode) return undefined
      throw messageInvalid(`document message ${code} has no meaning`)
  }
}

function readId(reader: ByteReader): DocumentId {
  return documentId(reader.string(limits.pathBytesMax, 'a document id'))
}

function readEngine(reader: ByteReader): EngineName {
  const engine = engines[reader.byte()]
  if (!engine) throw messageInvalid('an engine has no meaning')
  return engine
}
