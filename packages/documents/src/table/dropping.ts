/**
 * What may leave a table for good (I6): tombstones that every member covers durably, and registers that a peer with a higher GC
 * floor covers and no longer holds, since it has dropped the tombstone that beat them.
 */
import { hlcToHex } from '@selvedge/core'
import type { Holdings } from './holdings.js'
import { addressOf, type Register } from './register.js'
import type { PeerView } from './version-vector.js'

/** Drops tombstones and raises the floors of their writers. Returns how many. */
export function collectTombstones(holdings: Holdings, coveredByAll: (register: Register) => boolean): number {
  let dropped = 0
  for (const register of holdings.tombstones) {
    if (!coveredByAll(register)) continue
    register.writer.floor = Math.max(register.writer.floor, register.seq)
    holdings.drop(register)
    dropped++
  }
  return dropped
}

/** Names of what is held: a register's address; for a shadow its time too, as a register of its address may be older than it. */
export function* heldNames(holdings: Holdings): IterableIterator<string> {
  yield* holdings.registers.keys()
  for (const shadow of holdings.shadows.values()) yield shadowName(shadow)
}

/**
 * Drops what `sender` covers and does not hold. A register here may still be the sender's shadow, and a shadow here its register;
 * but beside the sender's shadow an older register is one that the sender has dropped.
 */
export function dropUnheld(holdings: Holdings, held: ReadonlySet<string>, sender: PeerView): Register[] {
  const dropped: Register[] = []
  for (const pool of [holdings.registers, holdings.shadows])
    for (const [address, register] of pool)
      if (!held.has(address) && sender.covers(register.writer, register.seq) && !held.has(shadowName(register)))
        dropped.push(register)
  for (const register of dropped) holdings.drop(register)
  return dropped
}

function shadowName(register: Register): string {
  return `${addressOf(register.path, register.slot)}\u0001${hlcToHex(register.time)}`
}
