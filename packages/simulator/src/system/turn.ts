/** The one thing that a simulation takes from the real event loop: the end of a turn, when every microtask has run. */

const atTurnsEnd = setImmediate

/** Resolves when all that follows from what just ran, promise after promise, has run too. */
export function turnsEnd(): Promise<void> {
  return new Promise(resolve => atTurnsEnd(resolve))
}
