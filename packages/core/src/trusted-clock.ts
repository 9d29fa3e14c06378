/**
 * Trusted now (I5): with two or more authenticated peers the median of their clocks and one's own, else the larger of the
 * wall clock and a fsynced ceiling, so that a clock that fell back to 1970 does not make everything look skewed.
 */
import type { Clock } from './clock.js'

/** While the wall clock is ahead of the ceiling, the two are compared once in so many milliseconds of it: a clock read costs 50 ns. */
const ceilingLookMs = 10

export class TrustedClock {
  private readonly offsets = new Map<object, number>()
  /** The ceiling as an offset from the monotonic clock: time goes on from it, whatever the wall clock says. */
  private ceilingOffset = Number.NEGATIVE_INFINITY
  private median: number | undefined
  /** Wall times taken for ahead of the ceiling; any other one, and so a clock that went back, is compared with it. */
  private aheadFromMs = 0
  private aheadUntilMs = 0

  constructor(
    private readonly clock: Clock,
    /** Milliseconds a clock may be off before what it says is not obeyed. */
    readonly maxClockSkewMs: number,
    /**
     * Whether peers' clocks count. Not on a relay: its peers are of many sites, and the clocks of some must not move time for the
     * others; nor would a median of thousands, at each ping, be worth its price. Default true.
     */
    private readonly followsPeers = true
  ) {}

  /** Wall milliseconds that this replica believes. */
  nowMs(): number {
    if (this.median !== undefined) return this.clock.monotonicMs() + this.median
    const wallMs = this.clock.wallMs()
    return wallMs >= this.aheadFromMs && wallMs < this.aheadUntilMs ? wallMs : this.afterCeiling(wallMs)
  }

  private afterCeiling(wallMs: number): number {
    const ceilingMs = this.clock.monotonicMs() + this.ceilingOffset
    if (wallMs < ceilingMs) return ceilingMs
    this.aheadFromMs = wallMs
    this.aheadUntilMs = wallMs + ceilingLookMs
    return wallMs
  }

  /** What a peer's clock said just now; the latest word of each session counts. What is not a time at all is passed over. */
  heard(session: object, wallMs: number): void {
    if (!Number.isFinite(wallMs)) return
    this.offsets.set(session, wallMs - this.clock.monotonicMs())
    this.recompute()
  }

  /** The session is over: its clock no longer counts. */
  forget(session: object): void {
    if (this.offsets.delete(session)) this.recompute()
  }

  /** The highest time known to be on disk, read at open or just written. Discarded when peers show that it is beyond skew. */
  raiseCeiling(wallMs: number): void {
    if (Number.isFinite(wallMs)) this.ceilingOffset = Math.max(this.ceilingOffset, wallMs - this.clock.monotonicMs())
    this.aheadUntilMs = 0
    this.checkCeiling()
  }

  /** Sessions whose clocks count. */
  get peers(): number {
    return this.offsets.size
  }

  /** Own wall clock minus trusted now, in milliseconds: what health shows. */
  get ownOffsetMs(): number {
    return this.clock.wallMs() - this.nowMs()
  }

  /** The offset from trusted now, in milliseconds, of the clock last heard in a session. */
  offsetOf(session: object): number | undefined {
    const offset = this.offsets.get(session)
    return offset === undefined ? undefined : offset + this.clock.monotonicMs() - this.nowMs()
  }

  private recompute(): void {
    if (!this.followsPeers || this.offsets.size < 2) {
      this.median = undefined
      return
    }
    const own = this.clock.wallMs() - this.clock.monotonicMs()
    const sorted = [...this.offsets.values(), own].sort((a, b) => a - b)
    const middle = sorted.length >> 1
    this.median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
    this.checkCeiling()
  }

  private checkCeiling(): void {
    if (this.median === undefined) return
    if (this.ceilingOffset > this.median + this.maxClockSkewMs) this.ceilingOffset = Number.NEGATIVE_INFINITY
  }
}
