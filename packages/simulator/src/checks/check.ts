/**
 * A check: what must hold in every run. It is made anew for each run, sees every event after everything that follows from it has run,
 * and once more the end, when all faults are healed and the world has converged or has had its time to.
 */
import type { Run } from '../run.js'

export interface Check {
  readonly name: string
  /** `liveness`: something that had to happen did not. Default `safety`: something happened that must not. */
  readonly kind?: 'safety' | 'liveness'
  /** Before the first event. */
  begin(run: Run): void
  /**
   * After every event, when what it changed has been told ({@link Witness}): keep it small, and look only at whom it happened to. A check
   * that wants no more than to be told what is new needs none.
   */
  afterEvent?(event: HappenedEvent): void
  atEnd?(): void | Promise<void>
}

/** An event that has just happened. */
export interface HappenedEvent {
  readonly atMs: number
  /** Who it happened to: a process by name, a wire, a fault. */
  readonly actor: string
  readonly label: string
}

/** A check by its name, for a scenario's list. */
export type CheckFactory = () => Check
