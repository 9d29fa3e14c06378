/**
 * The stored state of a space's table beside its registers: vector, closed floor, GC floors and clock ceilings. It stands in one
 * record, written in the same batch as the registers of that instant (I3), so that a replica never covers what it has not stored.
 */
import { ByteReader, ByteWriter, isHlcTime, nodeId, SelvedgeError, type HlcTime, type NodeId } from '@selvedge/core'
import { checkWriterKey, type VersionVector, type WriterKey } from '@selvedge/documents'
import type { MemberRole } from '@selvedge/session'
import { replicaErrors } from './errors.js'

/** Version of the stored form of a space. A newer one is refused; an older one is read and written anew as this one. */
export const stateVersion = 1

export interface SpaceState {
  readonly vector: VersionVector
  readonly floors: ReadonlyMap<WriterKey, number>
  /** The latest hybrid time given or followed. */
  readonly hlc: HlcTime
  /** Trusted wall milliseconds when it was written: the fsynced ceiling of I5. */
  readonly ceilingMs: number
}

export function encodeState(state: SpaceState): Uint8Array {
  const out = new ByteWriter(1024)
  out.uint(stateVersion).int(state.hlc).int(Math.floor(state.ceilingMs))
  writeSeqs(out, state.vector.seqs)
  writeClosed(out, state.vector.closed)
  writeSeqs(out, state.floors)
  return out.finish()
}

/** @throws SelvedgeError `STATE_VERSION_NEWER`, `STATE_INVALID` or a codec error */
export function decodeState(bytes: Uint8Array): SpaceState {
  const reader = new ByteReader(bytes)
  checkVersion(reader.uint())
  const hlc = reader.int()
  if (!isHlcTime(hlc)) throw new SelvedgeError(replicaErrors.stateInvalid, 'the stored clock is out of range')
  const ceilingMs = reader.int()
  const seqs = readSeqs(reader)
  const closed = readClosed(reader)
  const floors = readSeqs(reader)
  reader.finish('the stored state')
  return { vector: { seqs, closed }, floors, hlc, ceilingMs }
}

/** What is remembered of a member across restarts, for GC alone. */
export interface StoredMember {
  readonly node: NodeId
  readonly role: MemberRole
  readonly vector: VersionVector
  readonly progressAtMs: number
}

export function encodeMembers(members: Iterable<StoredMember>): Uint8Array {
  const out = new ByteWriter(1024)
  const list = [...members]
  out.uint(stateVersion).uint(list.length)
  for (const member of list) {
    out
      .string(member.node)
      .byte(member.role === 'relay' ? 1 : 0)
      .int(Math.floor(member.progressAtMs))
    writeSeqs(out, member.vector.seqs)
    writeClosed(out, member.vector.closed)
  }
  return out.finish()
}

export function decodeMembers(bytes: Uint8Array): StoredMember[] {
  const reader = new ByteReader(bytes)
  checkVersion(reader.uint())
  const members: StoredMember[] = []
  for (let left = reader.count('the number of members', 4); left > 0; left--) {
    const node = nodeId(reader.string())
    const role = reader.byte() === 1 ? 'relay' : 'node'
    const progressAtMs = reader.int()
    members.push({ node, role, progressAtMs, vector: { seqs: readSeqs(reader), closed: readClosed(reader) } })
  }
  return members
}

function checkVersion(version: number): void {
  if (version <= stateVersion) return
  throw new SelvedgeError(
    replicaErrors.stateVersionNewer,
    `this space was stored by a later version (format ${version}, this one reads ${stateVersion}): update Selvedge, or use another data directory`,
    { details: { stored: version, supported: stateVersion } }
  )
}

function writeSeqs(out: ByteWriter, seqs: ReadonlyMap<WriterKey, number>): void {
  out.uint(seqs.size)
  for (const [key, seq] of seqs) out.string(key).uint(seq)
}

function readSeqs(reader: ByteReader): Map<WriterKey, number> {
  const seqs = new Map<WriterKey, number>()
  for (let left = reader.count('the number of writers', 3); left > 0; left--)
    seqs.set(checkWriterKey(reader.string()), reader.uint())
  return seqs
}

function writeClosed(out: ByteWriter, closed: ReadonlyMap<NodeId, HlcTime>): void {
  out.uint(closed.size)
  for (const [node, time] of closed) out.string(node).int(time)
}

function readClosed(reader: ByteReader): Map<NodeId, HlcTime> {
  const closed = new Map<NodeId, HlcTime>()
  for (let left = reader.count('the number of nodes', 3); left > 0; left--) closed.set(nodeId(reader.string()), reader.int())
  return closed
}
