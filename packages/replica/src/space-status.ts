/** What a space tells of itself, as plain JSON: nodes and relays say it alike. */
import { emptyVector, hashText, joinVectors, PeerView } from '@selvedge/documents'
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
  /**
   * Registers that the other side of the trunk is not known to hold durably: the relay for a node, any node of the site for the relay.
   * Undefined: the space has no other side.
   */
  readonly backlog: number | undefined
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
    backlog: backlogOf(space),
    unstored: persister.backlog,
    conflicts: space.conflicts.count,
    divergences: space.divergences,
    matchedAtMs: space.matchedAtMs === undefined ? undefined : Math.round(space.matchedAtMs),
    storedBytes: persister.logSize.totalBytes,
    storedLiveBytes: persister.logSize.liveBytes
  }
}

// From durable vectors, which are stored: so it is known while the site is cut off, and after a restart. It costs O(what is owed),
// not O(registers).
function backlogOf({ table, members, role, residency }: SpaceReplica): number | undefined {
  if (residency === 'site') return undefined
  const other = role === 'relay' ? 'node' : 'relay'
  let durable = emptyVector
  let known = role === 'relay'
  for (const member of members.all()) {
    if (member.role !== other) continue
    known = true
    durable = joinVectors(durable, member.vector)
  }
  if (!known) return undefined
  const view = new PeerView()
  for (const [key, seq] of durable.seqs) {
    const writer = table.writers.get(key)
    if (writer) view.raise(writer, seq)
  }
  for (const [node, time] of durable.closed) view.close(node, time)
  return table.owedTo(view).length
}
