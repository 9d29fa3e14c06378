/**
 * Virtual time. One event happens at a time, and everything that follows from it in promises has run before the next: so a run is a
 * function of its seed. Nothing in it waits for real time.
 */
import { assert, seededRandom, type Timer } from '@selvedge/core'
import type { Simulated } from './determinism/running.js'
import { EventQueue } from './event-queue.js'
import { stepByStep } from './system/turn.js'
import { Trace } from './trace.js'

/** An event, as those see it who look on. */
export interface Happened {
  readonly atMs: number
  /** Who it happened to: a process by name, a wire, a fault. */
  readonly actor: string
  readonly label: string
}

export class Kernel implements Simulated {
  readonly trace = new Trace()
  private readonly queue = new EventQueue()
  private time = 0
  private happened: Happened | undefined
  private running = false
  private escape: Error | undefined

  /** @param random what libraries draw from that ask the machine */
  constructor(readonly random = seededRandom(0)) {}

  /** Milliseconds since the simulation began. */
  get nowMs(): number {
    return this.time
  }

  /** The latest event; undefined: none has happened. */
  get latest(): Happened | undefined {
    return this.happened
  }

  /** Events still to happen. */
  get pending(): number {
    return this.queue.size
  }

  /** `run` happens once after `delayMs`: 0 is later in the same instant, after what was asked for before. */
  after(delayMs: number, actor: string, label: string, run: () => void): Timer {
    return delayMs > 0 ? this.queue.add(this.time + delayMs, actor, label, run) : this.queue.addNow(this.time, actor, label, run)
  }

  /** Runs all that happens up to `untilMs`, then stands there. */
  async runUntil(untilMs: number): Promise<void> {
    await this.run(untilMs, () => false)
  }

  /** Runs until `met`, asked after every event; false when it is not met by `untilMs`. */
  async runUntilMet(met: () => boolean, untilMs: number): Promise<boolean> {
    return met() || (await this.run(untilMs, met))
  }

  private async run(untilMs: number, met: () => boolean): Promise<boolean> {
    assert(!this.running, 'a simulation is run by one caller at a time')
    this.running = true
    let over = false
    try {
      await stepByStep(this, () => {
        if (this.escape) throw this.escape
        over = met()
        return over ? undefined : this.next(untilMs)
      })
    } finally {
      this.running = false
    }
    if (!over) this.time = Math.max(this.time, untilMs)
    return over
  }

  private next(untilMs: number): (() => void) | undefined {
    const event = this.queue.takeUntil(untilMs)
    if (!event) return undefined
    this.time = event.atMs
    this.happened = event
    this.trace.note(event.atMs, event.actor, event.label)
    return event.run
  }

  /** Something was reached that is no part of the simulation: the run ends with this. */
  escaped(error: Error): void {
    this.escape ??= error
  }
}
