/**
 * Reads every entry of a database and finds what is not as it was written. Nothing is changed here: what is found is told to
 * whoever opens the space and is found again, until a commit of that space has put its records right. So a crash between the
 * opening and the caller's answer does not hide a loss.
 *
 * What is noticed, and by what:
 * - a changed value, a value under another key: the checksum of the record;
 * - a record missing, an older one or a deleted one come back: the digest in the manifest of the space;
 * - the same of a manifest, so that a space went back as a whole: the digest of the manifests in `!commit`;
 * - the whole database gone back: the watermark beside it (see level-source.ts).
 */
import type { SpaceId, StoreLoss } from '@selvedge/core'
import { SetDigest } from './digest.js'
import type { LevelDatabase } from './level-source.js'
import {
  carriedChecksum,
  commitKey,
  damageKey,
  decodeCommitMark,
  decodeDamageMark,
  decodeManifest,
  decodeVersion,
  isSound,
  manifestKey,
  recordPrefix,
  spaceOfLevelKey,
  versionKey,
  type CommitMark,
  type DamageMark,
  type Decoded,
  type Manifest
} from './record.js'

/** What was found of one space. */
export class FoundSpace {
  /** Checksums of the sound records, by key. */
  readonly checksums = new Map<string, number>()
  /** Checksums of the sound records. */
  readonly digest = new SetDigest()
  /** Keys whose value is not what was written, with the checksum that they carry, true or not. */
  readonly corrupt = new Map<string, number>()
  manifest: Decoded<Manifest> | undefined
  /** The checksum of a sound manifest. */
  manifestChecksum: number | undefined
}

export interface Found {
  version: Decoded<number> | undefined
  commit: Decoded<CommitMark> | undefined
  damage: Decoded<DamageMark> | undefined
  readonly spaces: Map<SpaceId, FoundSpace>
  /** Entries in all. */
  entries: number
  /** Keys that no version of this layout writes. */
  strangers: number
}

/** Reads and checks every entry. Rejects with Level's own error when it can't be read to its end. */
export async function verifyAll(database: LevelDatabase): Promise<Found> {
  const found: Found = { version: undefined, commit: undefined, damage: undefined, spaces: new Map(), entries: 0, strangers: 0 }
  let prefix: string | undefined
  let space: FoundSpace | undefined
  for await (const [levelKey, bytes] of database.entries({})) {
    found.entries++
    // Records of a space follow one another: its id is parsed once.
    if (prefix === undefined || !levelKey.startsWith(prefix)) {
      const id = levelKey.startsWith('r/') ? spaceOfLevelKey(levelKey) : undefined
      if (id === undefined) {
        noteOther(found, levelKey, bytes)
        continue
      }
      prefix = recordPrefix(id)
      space = spaceIn(found, id)
    }
    noteRecord(found, space!, levelKey, levelKey.slice(prefix.length), bytes)
  }
  return found
}

function spaceIn(found: Found, id: SpaceId): FoundSpace {
  let space = found.spaces.get(id)
  if (!space) found.spaces.set(id, (space = new FoundSpace()))
  return space
}

function noteRecord(found: Found, space: FoundSpace, levelKey: string, key: string, bytes: Uint8Array): void {
  const checksum = carriedChecksum(bytes)
  if (checksum !== undefined && isSound(levelKey, bytes)) {
    space.checksums.set(key, checksum)
    space.digest.add(checksum)
  }
  // A key that is no longer UTF-8 can't be told by a string, nor deleted by one: the digest tells that its record is missing.
  else if (key.includes('\ufffd')) found.strangers++
  else space.corrupt.set(key, checksum ?? 0)
}

function noteOther(found: Found, levelKey: string, bytes: Uint8Array): void {
  const id = levelKey.startsWith('m/') ? spaceOfLevelKey(levelKey) : undefined
  if (levelKey === versionKey) found.version = decodeVersion(bytes)
  else if (levelKey === commitKey) found.commit = decodeCommitMark(bytes)
  else if (levelKey === damageKey) found.damage = decodeDamageMark(bytes)
  else if (id !== undefined && levelKey === manifestKey(id)) {
    const space = spaceIn(found, id)
    space.manifest = decodeManifest(levelKey, bytes)
    if (space.manifest !== 'corrupt') space.manifestChecksum = carriedChecksum(bytes)
  } else found.strangers++
}

/** The digest of the manifests that are sound. */
export function digestOfManifests(found: Found): SetDigest {
  const digest = new SetDigest()
  for (const space of found.spaces.values()) if (space.manifestChecksum !== undefined) digest.add(space.manifestChecksum)
  return digest
}

/** Whether every record is there and sound, for who knows the number of the latest commit. Rejects when that can't be read. */
export async function isWhole(database: LevelDatabase): Promise<boolean> {
  const found = await verifyAll(database)
  return (
    damageOf(found, undefined) === undefined && [...found.spaces.values()].every(space => lossOf(space, undefined) === undefined)
  )
}

/** Why every space is suspect, or `undefined`: what can't be pinned to the spaces that show a loss of their own. */
export function damageOf(found: Found, watermark: number | undefined): string | undefined {
  if (found.damage === 'corrupt') return 'the note of an earlier damage can not be read'
  const sequence = found.commit === undefined || found.commit === 'corrupt' ? 0 : found.commit.sequence
  if (found.commit === 'corrupt') return 'the record of the latest commit is corrupt'
  if (found.commit === undefined && found.entries > 0) return 'the record of the latest commit is missing'
  if (watermark !== undefined && watermark > sequence)
    return `commits ${sequence + 1} to ${watermark} were acknowledged and are gone`
  if (found.commit === undefined) return undefined
  // A manifest that is corrupt, or missing while its records are there, accounts for the difference.
  for (const space of found.spaces.values()) if (space.manifestChecksum === undefined) return undefined
  return digestOfManifests(found).equals(found.commit.manifests)
    ? undefined
    : 'a space as a whole is missing or went back to an earlier state'
}

/** What is told of a space when it is opened: `undefined` when every record is there and sound. */
export function lossOf(space: FoundSpace, damage: DamageMark | undefined): StoreLoss | undefined {
  const corrupt = [...space.corrupt.keys()]
  const incomplete: string[] = []
  const manifest = space.manifest
  if (manifest === 'corrupt') incomplete.push('its manifest is corrupt, so that missing records would not show')
  else if (manifest === undefined) {
    if (space.checksums.size + corrupt.length > 0) incomplete.push('its manifest is missing')
  } else {
    // Corrupt records are accounted for by the checksums that they carry; what then differs is missing or stale.
    const expected = SetDigest.of([...space.checksums.values(), ...space.corrupt.values()])
    const { count } = manifest.digest
    if (expected.count < count) incomplete.push(`${count - expected.count} of ${count} records are missing`)
    else if (expected.count > count) incomplete.push(`${expected.count - count} records that were deleted have come back`)
    else if (!expected.equals(manifest.digest)) incomplete.push('some of its records are not the latest ones')
  }
  const sequence = manifest === undefined || manifest === 'corrupt' ? 0 : manifest.sequence
  if (damage && sequence <= damage.sequence) incomplete.push(`the store as a whole was damaged: ${damage.message}`)
  if (corrupt.length === 0 && incomplete.length === 0) return undefined
  const parts = corrupt.length > 0 ? [`${corrupt.length} of its records are corrupt`, ...incomplete] : incomplete
  return { corrupt, incomplete: incomplete.length > 0, message: parts.join('; ') }
}
