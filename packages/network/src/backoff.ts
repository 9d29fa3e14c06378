/**
 * Full-jitter backoff (Brooker, "Exponential Backoff and Jitter", 2015): the wait is drawn evenly from 0 up to a ceiling that
 * doubles with every failure, so that many who failed together come back spread out. Bounded both ways.
 */
import type { Random } from '@selvedge/core'
import { retryAfterMsMax } from './close-reason.js'

export interface BackoffOptions {
  readonly random: Random
  /** Ceiling of the first wait; default 200 ms. */
  readonly minMs?: number
  /** Ceiling that is never passed; default 10 s. */
  readonly maxMs?: number
}

export class Backoff {
  private failures = 0
  private readonly random: Random
  private readonly minMs: number
  private readonly maxMs: number

  constructor(options: BackoffOptions) {
    this.random = options.random
    this.minMs = options.minMs ?? 200
    this.maxMs = options.maxMs ?? 10_000
  }

  /** Failures since the last reset. */
  get attempts(): number {
    return this.failures
  }

  /**
   * Milliseconds to wait after another failure. With `retryAfterMs` (what the other end asked for, at most 10 minutes) never less
   * than that: the jitter comes on top, so that those sent away together don't return together.
   */
  next(retryAfterMs?: number): number {
    const ceilingMs = Math.min(this.maxMs, this.minMs * 2 ** Math.min(this.failures, 30))
    this.failures++
    const jitterMs = this.random.float() * ceilingMs
    return retryAfterMs === undefined ? jitterMs : Math.min(Math.max(0, retryAfterMs), retryAfterMsMax) + jitterMs
  }

  /** It worked, for long enough to count: the next wait is short again. */
  reset(): void {
    this.failures = 0
  }
}
