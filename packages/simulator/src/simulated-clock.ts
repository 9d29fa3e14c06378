/** The clocks of one simulated machine: a wall clock that may be off, drift and jump, and a monotonic one that drifts with it. */
import type { Clock, Timer } from '@selvedge/core'
import type { Kernel } from './kernel.js'

export interface ClockFaults {
  /** Wall time less true time at the start, in milliseconds. Default 0. */
  readonly skewMs?: number
  /** How much faster than true time it goes, in parts of a million; both clocks. Default 0. */
  readonly driftPpm?: number
}

/** The time that a machine believes it is, whether or not a process runs on it. */
export class MachineTime {
  private offsetMs: number
  private rate: number
  private baseMs = 0
  private sinceMs = 0

  constructor(
    private readonly kernel: Kernel,
    private readonly epochMs: number,
    faults: ClockFaults = {}
  ) {
    this.offsetMs = faults.skewMs ?? 0
    this.rate = rateOf(faults.driftPpm ?? 0)
  }

  wallMs(): number {
    return this.epochMs + this.offsetMs + this.monotonicMs()
  }

  monotonicMs(): number {
    return this.baseMs + (this.kernel.nowMs - this.sinceMs) * this.rate
  }

  /** How long it takes, in true time, until the clocks have gone on by this. */
  trueMs(ms: number): number {
    return ms / this.rate
  }

  /** How far the wall clock is off now. */
  get errorMs(): number {
    return this.wallMs() - this.epochMs - this.kernel.nowMs
  }

  /** The wall clock alone jumps. */
  jump(byMs: number): void {
    this.offsetMs += byMs
  }

  /** From now on both clocks go faster than true time by this, in parts of a million. */
  setDrift(ppm: number): void {
    this.baseMs = this.monotonicMs()
    this.sinceMs = this.kernel.nowMs
    this.rate = rateOf(ppm)
  }
}

function rateOf(driftPpm: number): number {
  return 1 + driftPpm / 1e6
}

/** Something happens to a process: at once, or when it goes on. */
type Happen = (run: () => void) => void

/** The clock and the timers of one process on a machine. */
export class SimulatedClock implements Clock {
  private readonly timers = new Set<ProcessTimer>()
  private stopped = false

  constructor(
    private readonly kernel: Kernel,
    private readonly actor: string,
    private readonly time: MachineTime,
    private readonly happen: Happen = run => run()
  ) {}

  wallMs(): number {
    return this.time.wallMs()
  }

  monotonicMs(): number {
    return this.time.monotonicMs()
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    return this.at(delayMs, 'timer', fn)
  }

  soon(fn: () => void): Timer {
    return this.at(0, 'soon', fn)
  }

  /** The process is gone: nothing that it had set happens any more. */
  stop(): void {
    this.stopped = true
    for (const timer of [...this.timers]) timer.cancel()
  }

  private at(delayMs: number, label: string, fn: () => void): Timer {
    const timer = new ProcessTimer(this.timers, this.happen, fn)
    if (!this.stopped) timer.set(this.kernel.after(this.time.trueMs(Math.max(0, delayMs)), this.actor, label, timer.due))
    return timer
  }
}

class ProcessTimer implements Timer {
  private event: Timer | undefined

  constructor(
    /** Those that wait. */
    private readonly timers: Set<ProcessTimer>,
    private readonly happen: Happen,
    private readonly fn: () => void
  ) {}

  set(event: Timer): void {
    this.event = event
    this.timers.add(this)
  }

  cancel(): void {
    if (this.timers.delete(this)) this.event?.cancel()
  }

  readonly due = (): void => this.happen(this.run)

  // It may have waited while the process was paused, and be cancelled meanwhile.
  private readonly run = (): void => {
    if (this.timers.delete(this)) this.fn()
  }
}
