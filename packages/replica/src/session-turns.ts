/**
 * What the sessions of a replica share of the event loop: all that have something to send do so in one turn, and those that
 * are looked at now and then are looked at together. A turn and a timer for each would cost more than most of them find to do.
 */
import type { Clock, Timer } from '@selvedge/core'

/** Sessions looked at together at most: what thousands of trunks have to say must not fall on one moment. */
const perGroup = 16
/** Between looks, whatever is due. */
const restMs = 1

export class SessionTurns {
  private waiting: (() => void)[] = []
  private readonly groups: LookGroup[] = []

  constructor(private readonly clock: Pick<Clock, 'setTimer' | 'soon' | 'monotonicMs'>) {}

  /** Calls soon, in one turn with all that wait. */
  soon(send: () => void): void {
    if (this.waiting.push(send) > 1) return
    this.clock.soon(() => {
      const { waiting } = this
      this.waiting = []
      for (const each of waiting) each()
    })
  }

  /**
   * Takes a look now and then, together with others: `take` says, in monotonic milliseconds, when the next is due at the latest, and is
   * asked to at any time before. The first look is due at once.
   */
  look(take: () => number): Look {
    let group = this.groups.find(({ looks }) => looks.size < perGroup)
    if (!group) this.groups.push((group = new LookGroup(this.clock)))
    const { looks } = group
    const joined = group
    looks.add(take)
    joined.sooner(Number.NEGATIVE_INFINITY)
    return {
      sooner: atMs => joined.sooner(atMs),
      cancel: () => {
        if (!looks.delete(take) || looks.size > 0) return
        joined.stop()
        this.groups.splice(this.groups.indexOf(joined), 1)
      }
    }
  }
}

export interface Look extends Timer {
  /** The next look is due at `atMs` already, if it was to be later. */
  sooner(atMs: number): void
}

class LookGroup {
  readonly looks = new Set<() => number>()
  private timer: Timer | undefined
  private dueAt = Number.POSITIVE_INFINITY

  constructor(private readonly clock: Pick<Clock, 'setTimer' | 'monotonicMs'>) {}

  sooner(atMs: number): void {
    if (atMs >= this.dueAt) return
    this.timer?.cancel()
    this.dueAt = atMs
    this.timer = this.clock.setTimer(Math.max(0, atMs - this.clock.monotonicMs()), () => this.take())
  }

  stop(): void {
    this.timer?.cancel()
  }

  private take(): void {
    this.dueAt = Number.POSITIVE_INFINITY
    this.timer = undefined
    let next = Number.POSITIVE_INFINITY
    for (const look of [...this.looks]) if (this.looks.has(look)) next = Math.min(next, look())
    if (this.looks.size > 0) this.sooner(Math.max(next, this.clock.monotonicMs() + restMs))
  }
}
