/** The one thing that a simulation takes from the real event loop: its turns. */

const nextTurn = setImmediate

/**
 * Runs everything that waits: microtasks and what they ask for, ticks, rejections that nobody handled. Node keeps it on `process` "to
 * emulate a tick manually"; it does nothing inside of a microtask.
 */
const runWaiting = (process as unknown as { _tickCallback?: () => void })._tickCallback

/** The real event loop gets its turn after as many steps: a run is stopped by a signal, and a test runner hears of it. */
const stepsPerTurn = runWaiting ? 512 : 1

/**
 * Calls `step` until it gives something, and resolves with that. All that follows from one call, promise after promise, has run before
 * the next.
 */
export function stepByStep<T>(step: () => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      try {
        for (let steps = 0; steps < stepsPerTurn; steps++) {
          const result = step()
          if (result !== undefined) return resolve(result)
          runWaiting?.()
        }
      } catch (error) {
        return reject(error instanceof Error ? error : new Error(String(error)))
      }
      nextTurn(turn)
    }
    // What the caller itself has begun runs first.
    nextTurn(turn)
  })
}
