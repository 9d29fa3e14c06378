import type { Clock } from '../clock.js'

/** The machine's clocks and timers. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, fn) {
    // Node fires at once for anything above 2^31 - 1 ms; 24 days are as good as any later time, since callers re-check.
    const handle = setTimeout(fn, Math.min(Math.max(0, delayMs), 0x7fff_ffff))
    return { cancel: () => clearTimeout(handle) }
  },
  soon(fn) {
    if (typeof setImmediate === 'function') {
      const handle = setImmediate(fn)
      return { cancel: () => clearImmediate(handle) }
    }
    const handle = setTimeout(fn, 0)
    return { cancel: () => clearTimeout(handle) }
  }
}
