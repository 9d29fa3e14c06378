/** What a register table takes and tells: its options, and what its methods return. */
import type { NodeId, Random, TrustedClock } from '@selvedge/core'
import type { Dot, Quality, Register } from './register.js'
import type { WriterKey } from './writer-key.js'

export interface RegisterTableOptions {
  readonly node: NodeId
  readonly trusted: TrustedClock
  readonly random: Random
  /**
   * Called after a register changed, a shadow came or went, or a register fell due. Must not write to the table.
   * `source` is the session in which it came; 0: written here, loaded, or fallen due.
   */
  readonly onChange?: (register: Register, source: number) => void
  /**
   * Called when a register leaves its place without a successor there, so that the store forgets it too. Registers and shadows have
   * places of their own: a shadow that becomes the register leaves its place as a shadow.
   */
  readonly onDrop?: (register: Register) => void
  /**
   * Called after a write made here that loses, when its time comes, to one of its address that is held back (I5), whatever was known
   * here. May write to the table: what it writes is part of the same batch.
   */
  readonly onOverruled?: (written: Register, by: Register) => void
  /** Called when something happened that an operator should know. */
  readonly onAlarm?: (alarm: TableAlarm) => void
}

export type TableAlarm =
  /** A peer knows writes of this incarnation that this table never made: a cloned disk or memory (I4). */
  | { readonly kind: 'equivocation'; readonly writer: WriterKey; readonly claimedSeq: number; readonly ownSeq: number }
  /** Own clock was found ahead: stamps beyond skew became shadows (I5). */
  | { readonly kind: 'clock-ahead'; readonly aheadMs: number; readonly shadowed: number }
  | { readonly kind: 'incarnation-closed'; readonly writer: WriterKey }

export interface WriteOptions {
  readonly slot?: string
  readonly quality?: Quality
  /** Trusted wall milliseconds from which the register reads as absent. */
  readonly expiresAtMs?: number
}

/** The dot of a write, and what became of it. */
export interface WriteResult extends Dot {
  /** The own stamp is too far ahead: stored and sent, but not obeyed until trusted time comes near (I5). */
  readonly shadowed: boolean
}

/** What became of a received entry. `lost`: an older or equal one; `rebut`: the sender must be answered with the winner (I6). */
export type MergeOutcome = 'applied' | 'shadowed' | 'duplicate' | 'lost' | 'rebut' | 'voided'
