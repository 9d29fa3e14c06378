/**
 * Time as every part of Selvedge sees it. Production passes {@link systemClock}, tests a {@link ManualClock}, the simulator its
 * own: no other code reads a clock or sets a timer.
 */
import { assert } from './errors.js'

/** The machine's time, or what stands for it. */
export interface Clock {
  /** Wall time in milliseconds since 1970 UTC; may jump either way. */
  wallMs(): number
  /** Milliseconds on a clock that never jumps or goes back; its zero means nothing. */
  monotonicMs(): number
  /** Calls `fn` once after `delayMs` (0 or more, by the monotonic clock). */
  setTimer(delayMs: number, fn: () => void): Timer
  /** Calls `fn` once, after the current turn of the event loop and before any timer that is not yet due. */
  soon(fn: () => void): Timer
}

/** A pending call; `cancel` is idempotent and does nothing once the call was made. */
export interface Timer {
  cancel(): void
}

/** Whether `work` ends within `ms`; its failure is the caller's. What comes too late is let go. */
export function endsWithin(clock: Pick<Clock, 'setTimer'>, ms: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(ms, () => resolve(false))
    work.then(() => resolve(true), reject).finally(() => timer.cancel())
  })
}

// More calls than any test needs: a timer that sets itself again with no delay ends here and not in a test that hangs.
const callsPerAdvanceMax = 1_000_000

/** A clock that moves only when told: `advance` runs what falls due, in order of time and then of setting. */
export class ManualClock implements Clock {
  private monotonic = 0
  private order = 0
  private pending: { due: number; order: number; fn: () => void }[] = []

  constructor(private wall = Date.UTC(2026, 0, 1)) {}

  wallMs(): number {
    return this.wall
  }

  monotonicMs(): number {
    return this.monotonic
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    const entry = { due: this.monotonic + Math.max(0, delayMs), order: this.order++, fn }
    this.pending.push(entry)
    return { cancel: () => void (this.pending = this.pending.filter(other => other !== entry)) }
  }

  soon(fn: () => void): Timer {
    return this.setTimer(0, fn)
  }

  /** Moves the wall clock alone, as a repaired or broken real-time clock does. */
  jumpWall(byMs: number): void {
    this.wall += byMs
  }

  /** Moves both clocks on by `byMs`, running timers on the way; a timer may itself advance the clock. */
  advance(byMs: number): void {
    assert(byMs >= 0, 'a clock advances by 0 ms or more')
    const end = this.monotonic + byMs
    for (let calls = 0; ; calls++) {
      let next: { due: number; order: number; fn: () => void } | undefined
      for (const entry of this.pending)
        if (entry.due <= end && (!next || entry.due < next.due || (entry.due === next.due && entry.order < next.order)))
          next = entry
      if (!next) break
      assert(calls < callsPerAdvanceMax, `one advance made ${callsPerAdvanceMax} calls: a timer sets itself again without delay`)
      const due = next
      this.pending = this.pending.filter(entry => entry !== due)
      this.moveTo(due.due)
      due.fn()
    }
    this.moveTo(end)
  }

  private moveTo(monotonic: number): void {
    if (monotonic <= this.monotonic) return
    this.wall += monotonic - this.monotonic
    this.monotonic = monotonic
  }

  /** Timers still set. */
  get timers(): number {
    return this.pending.length
  }
}
