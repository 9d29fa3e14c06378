/**
 * How a space is laid out in Level: the keys, and the bytes behind them. Version 1:
 *
 *     !version                   the version of this layout
 *     !commit                    number of the latest commit of the store; digest of all manifests
 *     !damage                    up to which commit the whole store is suspect, and why (only after damage)
 *     m/<site>/<name>            manifest of a space: digest of its records, number of the commit that wrote it
 *     r/<site>/<name>/<key>      a record
 *
 * A space id has exactly one slash and none of its parts can hold another, so that whatever follows the third slash is the
 * record's key, slashes included. Every value is framed: CRC-32 of (Level key, payload), 4 bytes little-endian, then the payload.
 * The Level key is part of the checksum so that a sound value under another key is noticed.
 *
 * A commit writes its records, the manifests of its spaces and `!commit` in one atomic Level batch. So each stands for the one
 * below: `!commit` for the manifests, a manifest for its records; what follows from the chain is told in verify.ts.
 */
import { ByteReader, ByteWriter, assert, spaceId, utf8Length, type SpaceId } from '@selvedge/core'
import { crc32 } from 'node:zlib'
import { SetDigest } from './digest.js'

/** The version of the layout that this code writes. */
export const layoutVersion = 1

export const versionKey = '!version'
export const commitKey = '!commit'
export const damageKey = '!damage'

/** Bytes of UTF-8 in the key of a record. */
export const recordKeyBytesMax = 1024

/** No store gets as far; a number that can't be counted up from would stop every commit. */
export const sequenceMax = 2 ** 52

const checksumBytes = 4

/** What stands before the key of every record of a space. */
export function recordPrefix(space: SpaceId): string {
  return `r/${space}/`
}

/** Above every record of a space: '0' is the character after '/'. */
export function recordEnd(space: SpaceId): string {
  return `r/${space}0`
}

export function manifestKey(space: SpaceId): string {
  return `m/${space}`
}

/** The space of a Level key that starts with `r/` or `m/`, or `undefined` when it has none. */
export function spaceOfLevelKey(levelKey: string): SpaceId | undefined {
  const afterSite = levelKey.indexOf('/', 2)
  if (afterSite < 0) return undefined
  const afterName = levelKey.indexOf('/', afterSite + 1)
  if (levelKey.startsWith('r/') && afterName < 0) return undefined
  try {
    return spaceId(levelKey.slice(2, levelKey.startsWith('r/') ? afterName : undefined))
  } catch {
    return undefined
  }
}

/** Asserts that `key` can name a record: well-formed Unicode of 1 to {@link recordKeyBytesMax} bytes. */
export function assertRecordKey(key: string): void {
  assert(typeof key === 'string' && key.length > 0, 'the key of a record is a string that is not empty')
  assert(
    key.length <= recordKeyBytesMax / 3 || utf8Length(key) <= recordKeyBytesMax,
    `the key of a record has at most ${recordKeyBytesMax} bytes`
  )
  assert(key.isWellFormed(), 'the key of a record is well-formed Unicode')
}

/** A framed value and its checksum. */
export interface Frame {
  readonly bytes: Uint8Array
  readonly checksum: number
}

/** Copies the payload into a new frame; the caller may change `payload` afterwards. */
export function frame(levelKey: string, payload: Uint8Array): Frame {
  const bytes = new Uint8Array(checksumBytes + payload.length)
  bytes.set(payload, checksumBytes)
  const checksum = checksumOf(levelKey, payload)
  bytes[0] = checksum
  bytes[1] = checksum >>> 8
  bytes[2] = checksum >>> 16
  bytes[3] = checksum >>> 24
  return { bytes, checksum }
}

function checksumOf(levelKey: string, payload: Uint8Array): number {
  return crc32(payload, crc32(levelKey)) >>> 0
}

/** The checksum that a frame carries, whether or not it is true; `undefined` when the frame is too short to carry one. */
export function carriedChecksum(bytes: Uint8Array): number | undefined {
  if (bytes.length < checksumBytes) return undefined
  return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0
}

/** Whether a frame holds what was written under this key. */
export function isSound(levelKey: string, bytes: Uint8Array): boolean {
  return bytes.length >= checksumBytes && checksumOf(levelKey, bytes.subarray(checksumBytes)) === carriedChecksum(bytes)
}

/** The payload of a frame, without a copy; a plain Uint8Array, since the `slice` of Node's Buffer does not copy. */
export function payloadOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + checksumBytes, bytes.length - checksumBytes)
}

/** What a space's records must add up to. */
export interface Manifest {
  readonly digest: SetDigest
  /** The commit of the store that wrote it. */
  readonly sequence: number
}

/** What the manifests of all spaces must add up to, and the number of the latest commit. */
export interface CommitMark {
  readonly sequence: number
  readonly manifests: SetDigest
}

/** Spaces whose manifest is not newer than `sequence` may have lost records. */
export interface DamageMark {
  readonly sequence: number
  readonly message: string
}

const damageMessageBytesMax = 2048

/** A manifest and a commit mark are the same fields: a digest and the number of a commit. */
function encodeDigest(digest: SetDigest, sequence: number): Uint8Array {
  return new ByteWriter(32).uint(digest.count).uint(digest.low).uint(digest.high).uint(sequence).finish()
}

function decodeDigest(payload: Uint8Array): { digest: SetDigest; sequence: number } {
  const reader = new ByteReader(payload)
  const digest = new SetDigest()
  digest.count = reader.uint()
  digest.low = reader.uintUpTo(0xffff_ffff, 'a digest')
  digest.high = reader.uintUpTo(0xffff_ffff, 'a digest')
  const sequence = reader.uintUpTo(sequenceMax, 'the number of a commit')
  reader.finish('a digest')
  return { digest, sequence }
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  return encodeDigest(manifest.digest, manifest.sequence)
}

export function encodeCommitMark(mark: CommitMark): Uint8Array {
  return encodeDigest(mark.manifests, mark.sequence)
}

export function encodeDamageMark(mark: DamageMark): Uint8Array {
  return new ByteWriter(64)
    .uint(mark.sequence)
    .string(mark.message.slice(0, damageMessageBytesMax / 3))
    .finish()
}

export function encodeVersion(version: number): Uint8Array {
  return new ByteWriter(8).uint(version).finish()
}

/** What was decoded, or `corrupt` when the bytes are not what was written. */
export type Decoded<T> = T | 'corrupt'

function decode<T>(levelKey: string, bytes: Uint8Array, read: (payload: Uint8Array) => T): Decoded<T> {
  if (!isSound(levelKey, bytes)) return 'corrupt'
  try {
    return read(payloadOf(bytes))
  } catch {
    return 'corrupt'
  }
}

export function decodeManifest(levelKey: string, bytes: Uint8Array): Decoded<Manifest> {
  return decode(levelKey, bytes, decodeDigest)
}

export function decodeCommitMark(bytes: Uint8Array): Decoded<CommitMark> {
  return decode(commitKey, bytes, payload => {
    const { digest, sequence } = decodeDigest(payload)
    return { sequence, manifests: digest }
  })
}

export function decodeDamageMark(bytes: Uint8Array): Decoded<DamageMark> {
  return decode(damageKey, bytes, payload => {
    const reader = new ByteReader(payload)
    const sequence = reader.uintUpTo(sequenceMax, 'the number of a commit')
    return { sequence, message: reader.string(damageMessageBytesMax) }
  })
}

export function decodeVersion(bytes: Uint8Array): Decoded<number> {
  return decode(versionKey, bytes, payload => new ByteReader(payload).uint())
}
