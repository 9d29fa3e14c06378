/** What a space tells of itself, as plain JSON: nodes and relays say it alike. */
import { hashText } from '@selvedge/documents'
import type { Residency, SpaceReplica } from './space-replica.js'

export interface SpaceStatus {
  readonly space: string
  readonly residency: Residency
  /** Registers that are live; tombstones apart. */
  readonly registers: number
  readonly tombstones: number
  /** Writes held back because their stamps are too far ahead. */
  readonly heldBack: number
  readonly documents: number
  /** 16 hexadecimal digits: equal on replicas that hold the same. */
  readonly hash: string
  /** Changes that the disk has not taken yet. */
  readonly unstored: number
  readonly conflicts: number
  readonly divergences: number
  /** Wall milliseconds (trusted) when a comparison of hashes last found a neighbour equal, also under load; undefined: not yet. */
  readonly matchedAtMs: number | undefined
  /** Bytes of registers on disk, and how many of them are current. */
  readonly storedBytes: number
  readonly storedLiveBytes: number
}

export function spaceStatus(space: SpaceReplica): SpaceStatus {
  const { table, persister } = space
  return {
    space: space.id,
    residency: space.residency,
    registers: table.live,
    tombstones: table.tombstones.size,
    heldBack: table.shadows.size,
    documents: space.documents.list().length,
    hash: hashText(table.hash()),
    unstored: persister.backlog,
    conflicts: space.conflicts.count,
    divergences: space.divergences,
    matchedAtMs: space.matchedAtMs === undefined ? undefined : Math.round(space.matchedAtMs),
    storedBytes: persister.logSize.totalBytes,
    storedLiveBytes: persister.logSize.liveBytes
  }
}
