/**
 * Trusted now (I5): with two or more authenticated peers the median of their clocks and one's own, else the larger of the
 * wall clock and a fsynced ceiling, so that a clock that fell back to 1970 does not make everything look skewed. Where as many clocks say
 * one time as another, time goes on as it did.
 */
import type { Clock } from './clock.js'

/** While the wall clock is ahead of the ceiling, the two are compared once in so many milliseconds of it: a clock read costs 50 ns. */
const ceilingLookMs = 10
/** Of so many of its peers, the latest heard, a replica that does not follow them knows whether its own clock is doubted. */
const recentMax = 9
/** No clock is believed to be further off than this, so that stamps can be made of all that is reckoned from it. */
const earliestMs = 0
const latestMs = Date.UTC(2089, 0, 1)

export class TrustedClock {
  private readonly offsets = new Map<object, number>()
  /** The ceiling as an offset from the monotonic clock: time goes on from it, whatever the wall clock says. */
  private ceilingOffset = Number.NEGATIVE_INFINITY
  private median: number | undefined
  /** The earlier of two times that as many clocks say, if they differ by more than the skew. */
  private earlier: number | undefined
  /** Of the peer that was heard last, when none is heard any more; of the ceiling that was read at open, as long as none was ever heard. */
  private lastOffset: number | undefined
  /** What was heard lately, of a replica that does not follow its peers. */
  private readonly recent: number[] = []
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
    const wallMs = this.wallMs()
    return wallMs >= this.aheadFromMs && wallMs < this.aheadUntilMs ? wallMs : this.afterCeiling(wallMs)
  }

  /**
   * Wall milliseconds that nobody disputes: what can't be undone goes by them. One peer does not make a median, but one that says that
   * it is years earlier, or said so last, is reason enough to wait; and so is a disk on which time had not come so far, until a peer
   * is heard. Who does not follow its peers waits when most of those that were heard lately, or its disk as long as none was, are behind
   * by more than the skew.
   */
  undisputedMs(): number {
    const nowMs = this.nowMs()
    if (this.median !== undefined) return Math.min(nowMs, (this.earlier ?? this.median) + this.clock.monotonicMs())
    if (!this.followsPeers) {
      const heardMs = this.clock.monotonicMs() + (medianOf(this.recent) ?? this.lastOffset ?? Number.POSITIVE_INFINITY)
      return nowMs - heardMs > this.maxClockSkewMs ? heardMs : nowMs
    }
    const [offset = this.lastOffset] = this.offsets.values()
    return offset === undefined ? nowMs : Math.min(nowMs, offset + this.clock.monotonicMs())
  }

  /** Trusted now is ahead, by more than the skew, of what nobody disputes. */
  get isDoubted(): boolean {
    return this.nowMs() - this.undisputedMs() > this.maxClockSkewMs
  }

  private wallMs(): number {
    return possible(this.clock.wallMs())
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
    const offset = possible(wallMs) - this.clock.monotonicMs()
    this.offsets.set(session, offset)
    if (!this.followsPeers && this.recent.push(offset) > recentMax) this.recent.shift()
    this.recompute()
  }

  /** The session is over: its clock no longer counts. */
  forget(session: object): void {
    const offset = this.offsets.get(session)
    if (!this.offsets.delete(session)) return
    if (this.offsets.size === 0) this.lastOffset = offset
    this.recompute()
  }

  /** The ceiling that was read at open. */
  startFrom(ceilingMs: number): void {
    if (!Number.isFinite(ceilingMs)) return
    if (this.offsets.size === 0)
      this.lastOffset = Math.max(this.lastOffset ?? Number.NEGATIVE_INFINITY, possible(ceilingMs) - this.clock.monotonicMs())
    this.raiseCeiling(ceilingMs)
  }

  /** The highest time known to be on disk, read at open or just written. Discarded when peers show that it is beyond skew. */
  raiseCeiling(wallMs: number): void {
    if (Number.isFinite(wallMs)) this.ceilingOffset = Math.max(this.ceilingOffset, possible(wallMs) - this.clock.monotonicMs())
    this.aheadUntilMs = 0
    if (this.median !== undefined) this.checkCeiling(this.median)
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
    const own = this.wallMs() - this.clock.monotonicMs()
    if (!this.followsPeers) return this.checkCeiling(Math.max(own, medianOf(this.recent) ?? Number.POSITIVE_INFINITY))
    this.earlier = undefined
    this.median = this.offsets.size < 2 ? undefined : this.agreed([...this.offsets.values(), own])
    if (this.median !== undefined) this.checkCeiling(this.median)
  }

  private agreed(offsets: readonly number[]): number {
    const [low, high] = middleOf(offsets)
    if (high - low <= this.maxClockSkewMs) return (low + high) / 2
    this.earlier = low
    const before = this.nowMs() - this.clock.monotonicMs()
    return before - low <= high - before ? low : high
  }

  private checkCeiling(offset: number): void {
    if (this.ceilingOffset > offset + this.maxClockSkewMs) this.ceilingOffset = Number.NEGATIVE_INFINITY
  }
}

function possible(wallMs: number): number {
  return wallMs < earliestMs ? earliestMs : wallMs > latestMs ? latestMs : wallMs
}

function medianOf(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined
  const [low, high] = middleOf(values)
  return (low + high) / 2
}

/** The two in the middle of an even number of values; of an odd number twice the one. */
function middleOf(values: readonly number[]): [low: number, high: number] {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return [sorted[sorted.length % 2 === 1 ? middle : middle - 1]!, sorted[middle]!]
}
