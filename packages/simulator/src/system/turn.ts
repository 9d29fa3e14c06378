/** The one thing that a simulation takes from the real event loop: its turns. */
import { assert } from '@selvedge/core'
import { running, type Simulated } from '../determinism/running.js'

const nextTurn = setImmediate

/**
 * Runs everything that waits: microtasks and what they ask for, ticks, rejections that nobody handled. Node keeps it on `process` "to
 * emulate a tick manually"; it does nothing inside of a microtask.
 */
const runWaiting = (process as unknown as { _tickCallback?: () => void })._tickCallback

/** The real event loop gets its turn after as many steps: a run is stopped by a signal, and a test runner hears of it. */
const stepsPerTurn = 512

/**
 * Runs what `next` gives, one after the other until it gives nothing. All that follows from one, promise after promise, has run before
 * `next` is asked again.
 */
export function stepByStep(simulated: Simulated, next: () => (() => void) | undefined): Promise<void> {
  assert(runWaiting !== undefined, 'this version of Node has no process._tickCallback, by which microtasks are run to their end')
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      try {
        for (let steps = 0; steps < stepsPerTurn; steps++) {
          const run = next()
          if (!run) return resolve()
          running.simulated = simulated
          try {
            run()
            runWaiting()
          } finally {
            running.simulated = undefined
          }
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
