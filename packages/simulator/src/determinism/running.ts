/**
 * Whose event runs at the moment, if any. The guard, which may be loaded before everything else and apart from it, asks this, so it
 * stands on the global object and not in a module.
 */
import type { Random } from '@selvedge/core'

/** A simulation as the guard sees it. */
export interface Simulated {
  /** What libraries that ask the machine for random numbers are given. */
  readonly random: Random
  readonly nowMs: number
  /** Something was reached that is no part of the simulation: the run is none. */
  escaped(error: Error): void
}

interface Cell {
  simulated: Simulated | undefined
}

const key = Symbol.for('@selvedge/simulator running')
const holder = globalThis as unknown as Record<symbol, Cell | undefined>

/** Set while an event runs, and all that follows from it. */
export const running: Cell = (holder[key] ??= { simulated: undefined })
