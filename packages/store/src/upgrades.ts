/**
 * Brings a database of an older layout to the present one, step by step. A step makes the operations that turn version n into
 * n + 1; they are stored with the new version in one atomic batch, so that an upgrade cut short is simply done again.
 *
 * - 0 → 1: version 0, written before the first release, had records and neither manifests nor `!commit`; both are made from the
 *   records that are sound. (What was lost before then can't be known.)
 */
import type { LevelDatabase, LevelOperation } from './level-source.js'
import {
  commitKey,
  encodeCommitMark,
  encodeManifest,
  encodeVersion,
  frame,
  layoutVersion,
  manifestKey,
  versionKey
} from './record.js'
import { SetDigest } from './digest.js'
import type { Found } from './verify.js'

/** The operations that turn what was found of version n into version n + 1; the index is n. */
const steps: readonly ((found: Found) => LevelOperation[])[] = [addManifests]

/** One step: from `version` to `version + 1`. */
export async function upgradeOnce(database: LevelDatabase, found: Found, version: number): Promise<void> {
  const operations = steps[version]!(found)
  await database.batch([...operations, put(versionKey, encodeVersion(version + 1)).operation])
}

/** Whether there is a way from `version` to the present one. */
export function isUpgradable(version: number): boolean {
  return version >= 0 && version < layoutVersion
}

function addManifests(found: Found): LevelOperation[] {
  const operations: LevelOperation[] = []
  const manifests = new SetDigest()
  for (const [id, space] of found.spaces) {
    const { operation, checksum } = put(manifestKey(id), encodeManifest({ digest: space.digest, sequence: 1 }))
    operations.push(operation)
    manifests.add(checksum)
  }
  operations.push(put(commitKey, encodeCommitMark({ sequence: 1, manifests })).operation)
  return operations
}

function put(key: string, payload: Uint8Array): { operation: LevelOperation; checksum: number } {
  const { bytes, checksum } = frame(key, payload)
  return { operation: { type: 'put', key, value: bytes }, checksum }
}
