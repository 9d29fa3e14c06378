/**
 * What an idle session says to stay alive, and how long its peer may be silent. Each side promises how often it is heard, with its beats;
 * whatever passes says as much as a beat. A beat needs no answer, since the other side has beats of its own. A ping asks for one: now and
 * then to measure, and of a relay in each interval, since who holds the trunk claims it by what the relay answers.
 */
import type { ByteReader } from '@selvedge/core'
import { bodyOf, Kind } from './frames.js'
import type { MemberRole } from './members.js'
import type { Outgoing } from './messages.js'

/** Intervals from ping to ping. */
const measureIntervals: Readonly<Record<MemberRole, number>> = { node: 10, relay: 1 }
/** Who looks a little early need not look again: looks at several sessions fall together. */
const earlyShare = 0.15
/** No promise lets a peer be silent for longer than this many of the own intervals, nor fewer than one. */
const promisedIntervalsMax = 30

export class Keepalive {
  /** Milliseconds from a ping to its pong, as last measured. */
  roundTripMs: number | undefined
  private heardAt = 0
  private sentAt = Number.NEGATIVE_INFINITY
  private pingedAt = Number.NEGATIVE_INFINITY
  private paceMs: number
  /** What the peer knows of the pace here, and the pace of the peer as far as it is known. */
  private promisedMs: number
  private peersPaceMs: number

  /**
   * @param intervalMs how often each side is heard, unless it promised otherwise
   * @param timeoutMs silence after which a peer that is heard each `intervalMs` is gone
   */
  constructor(
    private readonly intervalMs: number,
    private readonly timeoutMs: number,
    private readonly peer: MemberRole
  ) {
    this.paceMs = this.promisedMs = this.peersPaceMs = intervalMs
  }

  start(now: number): void {
    this.heardAt = now
    this.pingedAt = now
  }

  sent(now: number): void {
    this.sentAt = now
  }

  heard(now: number): void {
    this.heardAt = now
  }

  /** From now on something is sent each `paceMs` at least; the peer is told with the next look. */
  setPace(paceMs: number): void {
    this.paceMs = paceMs
  }

  silentMs(now: number): number {
    return now - this.heardAt
  }

  isOver(now: number): boolean {
    return this.silentMs(now) > this.patienceMs
  }

  /** Patience in proportion to what the peer promised. */
  private get patienceMs(): number {
    return (this.timeoutMs / this.intervalMs) * this.peersPaceMs
  }

  /** When the session must be looked at again, if nothing passes until then. */
  get dueAt(): number {
    const beatAt = this.paceMs === this.promisedMs ? this.sentAt + this.paceMs : Number.NEGATIVE_INFINITY
    return Math.min(beatAt, this.pingAt, this.heardAt + this.patienceMs + 1)
  }

  private get pingAt(): number {
    return this.pingedAt + this.paceMs * measureIntervals[this.peer]
  }

  /** A ping or a beat, when it is time for one; both tell the own wall clock. */
  next(now: number, wallMs: number): Outgoing | undefined {
    const early = this.paceMs * earlyShare
    if (this.paceMs === this.promisedMs) {
      if (now >= this.pingAt - early) {
        this.pingedAt = this.sentAt = now
        return { kind: Kind.Ping, body: bodyOf(out => out.float64(now).int(Math.floor(wallMs))) }
      }
      if (now < this.sentAt + this.paceMs - early) return undefined
    }
    this.promisedMs = this.paceMs
    this.sentAt = now
    return { kind: Kind.Beat, body: bodyOf(out => out.int(Math.floor(wallMs)).uint(Math.ceil(this.paceMs))) }
  }

  /** Takes the peer's beat; gives what its wall clock says. */
  receiveBeat(reader: ByteReader): number {
    const wallMs = reader.int()
    if (reader.remaining > 0) {
      const promisedMs = reader.uint()
      this.peersPaceMs = Math.min(Math.max(promisedMs, this.intervalMs), this.intervalMs * promisedIntervalsMax)
    }
    return wallMs
  }

  receivePong(reader: ByteReader, now: number): void {
    const roundTripMs = now - reader.float64()
    if (Number.isFinite(roundTripMs) && roundTripMs >= 0) this.roundTripMs = roundTripMs
  }
}
