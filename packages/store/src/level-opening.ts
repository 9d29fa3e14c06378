/**
 * Opens a Level database whatever state it is in: as it is, else repaired, else moved aside for an empty one. What could be lost on
 * the way is told; a database that is merely locked, full or of a later version is left untouched.
 */
import { SelvedgeError, type Clock, type Logger, type SpaceId } from '@selvedge/core'
import { SetDigest } from './digest.js'
import { storeErrors } from './errors.js'
import { isDamage, mayPass, storeFault } from './fault.js'
import type { LevelDatabase, LevelOperation, LevelSource, OpenedLevel, Recovery } from './level-source.js'
import { commitKey, encodeCommitMark, encodeVersion, frame, layoutVersion, versionKey, type DamageMark } from './record.js'
import { isUpgradable, upgradeOnce } from './upgrades.js'
import { damageOf, digestOfManifests, verifyAll, type Found, type FoundSpace } from './verify.js'

export interface VerifiedLevel {
  readonly database: LevelDatabase
  readonly spaces: Map<SpaceId, FoundSpace>
  /** Digest of the manifests as they are. */
  readonly manifests: SetDigest
  /** Number of the latest commit that ever was, as far as can be known. */
  readonly sequence: number
  /** Number of the latest commit that the database says it has. */
  readonly committed: number
  /** What was found wrong with the store as a whole by this opening. */
  readonly damage: string | undefined
  /** What spaces are held against: from this opening, or an earlier one. */
  readonly damageMark: DamageMark | undefined
  readonly versionMissing: boolean
  /** The disk is full, as the opening found. */
  readonly full: boolean
}

const recoveries: readonly Recovery[] = ['none', 'repair', 'replace']
/** What may pass is waited for, so long each time, before a repair makes a loss of it that is told to everybody. */
const waitsMs: readonly number[] = [200, 1_000, 3_000]

/** @throws SelvedgeError `STORE_LOCKED`, `STORE_UNUSABLE`, `STORE_VERSION_NEWER`, `STORE_FULL`, `STORE_IO`, `STORE_CORRUPT` */
export async function openVerified(source: LevelSource, clock: Clock, log: Logger): Promise<VerifiedLevel> {
  const waits = [...waitsMs]
  for (let i = 0; i < recoveries.length;) {
    const recovery = recoveries[i]!
    try {
      return await openBy(recovery, source, log)
    } catch (error) {
      const fault = storeFault(error, source.location)
      if (!isDamage(error) || recovery === 'replace') throw fault
      const reason = fault.message
      const waitMs = recovery === 'none' && mayPass(error) ? waits.shift() : undefined
      if (waitMs === undefined) {
        log.error({ location: source.location, recovery, reason }, 'the stored files are damaged')
        i++
      } else {
        log.warn({ location: source.location, waitMs, reason }, 'the stored files can not be opened: they are tried again')
        await new Promise<void>(resolve => clock.setTimer(waitMs, resolve))
      }
    }
  }
  throw new SelvedgeError(storeErrors.io, `no way to open ${source.location} is left`)
}

async function openBy(recovery: Recovery, source: LevelSource, log: Logger): Promise<VerifiedLevel> {
  const opened = await source.open(recovery)
  try {
    return await examine(source, opened, log)
  } catch (error) {
    await opened.database.close().catch(() => undefined)
    throw error
  }
}

async function examine(source: LevelSource, { database, damage: told, full }: OpenedLevel, log: Logger): Promise<VerifiedLevel> {
  let found = await verifyAll(database)
  if (found.entries === 0) await makeNew(database, found)
  for (;;) {
    const { version } = found
    if (version === undefined || version === 'corrupt' || version === layoutVersion) break
    if (!isUpgradable(version)) throw newer(version, source.location)
    log.info({ location: source.location, from: version, to: version + 1 }, 'the store is upgraded')
    await upgradeOnce(database, found, version)
    found = await verifyAll(database)
  }
  if (found.strangers > 0)
    log.warn({ location: source.location, strangers: found.strangers }, 'the database holds keys that are not of this store')
  const watermark = await source.watermark?.read()
  const damage = told ?? damageOf(found, watermark)
  const sequence = latestSequence(found, watermark)
  if (damage !== undefined)
    log.error({ location: source.location, reason: damage }, 'the store as a whole is damaged: every space is suspect')
  const earlier = found.damage === 'corrupt' ? undefined : found.damage
  return {
    database,
    spaces: found.spaces,
    manifests: digestOfManifests(found),
    sequence,
    committed: found.commit === undefined || found.commit === 'corrupt' ? 0 : found.commit.sequence,
    damage,
    damageMark: damage === undefined ? earlier : { sequence, message: damage },
    versionMissing: found.version !== layoutVersion,
    full: full === true
  }
}

/** Writes what every database has into an empty one; the first write also shows whether there can be any. */
async function makeNew(database: LevelDatabase, found: Found): Promise<void> {
  const commit = { sequence: 0, manifests: new SetDigest() }
  const operations: LevelOperation[] = [
    { type: 'put', key: versionKey, value: frame(versionKey, encodeVersion(layoutVersion)).bytes },
    { type: 'put', key: commitKey, value: frame(commitKey, encodeCommitMark(commit)).bytes }
  ]
  await database.batch(operations)
  found.version = layoutVersion
  found.commit = commit
}

function newer(version: number, location: string): SelvedgeError {
  return new SelvedgeError(
    storeErrors.versionNewer,
    `the store in ${location} has layout version ${version}, this program knows versions up to ${layoutVersion}: run the later program`,
    { details: { location, version, known: layoutVersion } }
  )
}

/** Above every number that a commit of this store can have had: one of them may be gone, but not used again. */
function latestSequence(found: Found, watermark: number | undefined): number {
  let latest = watermark ?? 0
  if (found.commit !== undefined && found.commit !== 'corrupt') latest = Math.max(latest, found.commit.sequence)
  if (found.damage !== undefined && found.damage !== 'corrupt') latest = Math.max(latest, found.damage.sequence)
  for (const { manifest } of found.spaces.values())
    if (manifest !== undefined && manifest !== 'corrupt') latest = Math.max(latest, manifest.sequence)
  return latest
}
