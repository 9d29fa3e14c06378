/** A cut (SES-5): the registers owed to a peer and the vector that they amount to, taken in one turn. */
import type { Register, VersionVector, WriterKey } from '@selvedge/documents'

export interface Cut {
  readonly vector: VersionVector
  readonly vectorVersion: number
  readonly floors: ReadonlyMap<WriterKey, number>
  readonly registers: readonly Register[]
  readonly changeIndex: number
  next: number
  /** Registers passed over since they have changed: they go ahead of the seal. */
  passed: Register[]
  /** Addresses held at the cut, when the peer is below the floor. */
  held: string[] | undefined
  heldNext: number
  live: boolean
  /** Its registers stand in the order of their paths. */
  readonly ranked: boolean
  /** The dots of registers left to their writers, as of the cut; undefined: nothing of it was left. */
  readonly dots: readonly Pick<Register, 'writer' | 'seq'>[] | undefined
  /** A frame of its registers was sent. */
  hasSent: boolean
  /** Nothing but its seal is left, and that may wait for a cut that says as much. */
  isSealOnly: boolean
  /** Monotonic time before which none of it is sent. */
  dueAt: number
}

/** Writes of batches as they stand, since they travel together; then the rest in the order of paths, which costs the fewest bytes. */
export function byPath(registers: readonly Register[]): Register[] {
  const single = registers.filter(({ batch }) => batch === 0)
  single.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  return [...registers.filter(({ batch }) => batch !== 0), ...single]
}

/**
 * Whether a register that was to be sent still is. One that has left the table is sent in its last form when the seal covers it and
 * its successor is another object, or when it is a delete; one dropped for good is not: nobody should have it back.
 */
export function isSendable(register: Register): boolean {
  return !register.gone || register.replaced || register.tombstone
}
