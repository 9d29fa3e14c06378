/**
 * How many new trunks a relay takes a second: a token bucket, so that a thousand sites which return together don't all catch up at
 * once. Those turned away get slots one after another: `retryAfterMs` grows with the number already waiting, up to a minute.
 */
export interface AdmissionOptions {
  /** New trunks a second, once the burst is used up; default 50. */
  readonly perSecond?: number
  /** New trunks at once after a quiet time; default 100. */
  readonly burst?: number
}

export type Admission = { readonly admitted: true } | { readonly admitted: false; readonly retryAfterMs: number }

const retryAfterMsMax = 60_000

export class AdmissionRamp {
  private readonly perMs: number
  private readonly burst: number
  private tokens: number
  /** Slots promised to those turned away. */
  private promised = 0
  private atMs: number

  constructor(options: AdmissionOptions, nowMs: number) {
    this.perMs = (options.perSecond ?? 50) / 1000
    this.burst = options.burst ?? 100
    this.tokens = this.burst
    this.atMs = nowMs
  }

  take(nowMs: number): Admission {
    const gained = Math.max(0, nowMs - this.atMs) * this.perMs
    this.atMs = nowMs
    this.tokens = Math.min(this.burst, this.tokens + gained)
    this.promised = Math.max(0, this.promised - gained)
    if (this.tokens >= 1) {
      this.tokens--
      return { admitted: true }
    }
    this.promised = Math.min(this.promised + 1, retryAfterMsMax * this.perMs)
    return { admitted: false, retryAfterMs: Math.ceil(Math.min(retryAfterMsMax, this.promised / this.perMs)) }
  }
}
