/** The clocks of one simulated machine: a wall clock that may be off, drift and jump, and a monotonic one that drifts with it. */
import type { Clock, Timer } from '@selvedge/core'
import type { Kernel } from './kernel.js'

export interface ClockFaults {
  /** Wall time less true time at the start, in milliseconds. Default 0. */
  readonly skewMs?: number
  /** How much faster than true time it goes, in parts of a million; both clocks. Default 0. */
  readonly driftPpm?: number
}

export class SimulatedClock implements Clock {
  private offsetMs: number
  private readonly rate: number
  private readonly timers = new Set<Timer>()
  private stopped = false

  constructor(
    private readonly kernel: Kernel,
    private readonly actor: string,
    private readonly epochMs: number,
    faults: ClockFaults = {}
  ) {
    this.offsetMs = faults.skewMs ?? 0
    this.rate = 1 + (faults.driftPpm ?? 0) / 1e6
  }

  wallMs(): number {
    return this.epochMs + this.offsetMs + this.monotonicMs()
  }

  monotonicMs(): number {
    return this.kernel.nowMs * this.rate
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    return this.at(delayMs, 'timer', fn)
  }

  soon(fn: () => void): Timer {
    return this.at(0, 'soon', fn)
  }

  /** The wall clock alone jumps. */
  jump(byMs: number): void {
    this.offsetMs += byMs
  }

  /** The process is gone: nothing that it had set happens any more. */
  stop(): void {
    this.stopped = true
    for (const timer of this.timers) timer.cancel()
    this.timers.clear()
  }

  private at(delayMs: number, label: string, fn: () => void): Timer {
    if (this.stopped) return { cancel: () => undefined }
    const timer = this.kernel.after(Math.max(0, delayMs) / this.rate, this.actor, label, () => {
      this.timers.delete(timer)
      fn()
    })
    this.timers.add(timer)
    return {
      cancel: () => {
        this.timers.delete(timer)
        timer.cancel()
      }
    }
  }
}
