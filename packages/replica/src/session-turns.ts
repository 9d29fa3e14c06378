/**
 * What the sessions of a replica share of the event loop: all that have something to send do so in one turn, and those with the same
 * interval are looked at on one beat. A turn and a timer for each would cost more than most of them find to do.
 */
import type { Clock, Timer } from '@selvedge/core'

/** Sessions on one beat at most: what thousands of trunks have to say must not fall on one moment. */
const perBeat = 16

export class SessionTurns {
  private waiting: (() => void)[] = []
  private readonly beats: Beat[] = []

  constructor(private readonly clock: Pick<Clock, 'setTimer' | 'soon'>) {}

  /** Calls soon, in one turn with all that wait. */
  soon(send: () => void): void {
    if (this.waiting.push(send) > 1) return
    this.clock.soon(() => {
      const { waiting } = this
      this.waiting = []
      for (const each of waiting) each()
    })
  }

  /** Calls again and again until cancelled, the first time after `intervalMs` at the latest. */
  every(intervalMs: number, look: () => void): Timer {
    let beat = this.beats.find(other => other.intervalMs === intervalMs && other.looks.size < perBeat)
    if (!beat) this.beats.push((beat = new Beat(this.clock, intervalMs)))
    const { looks } = beat
    looks.add(look)
    return {
      cancel: () => {
        if (!looks.delete(look) || looks.size > 0) return
        beat.stop()
        this.beats.splice(this.beats.indexOf(beat), 1)
      }
    }
  }
}

class Beat {
  readonly looks = new Set<() => void>()
  private timer: Timer

  constructor(
    private readonly clock: Pick<Clock, 'setTimer'>,
    readonly intervalMs: number
  ) {
    this.timer = this.next()
  }

  stop(): void {
    this.timer.cancel()
  }

  private next(): Timer {
    return this.clock.setTimer(this.intervalMs, () => {
      this.timer = this.next()
      for (const look of this.looks) look()
    })
  }
}
