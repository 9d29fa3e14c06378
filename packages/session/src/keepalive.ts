/**
 * What an idle session says to stay alive, and how long its peer has been silent. Whatever passes says as much as a beat; a beat needs
 * no answer, since the other side has beats of its own. A ping asks for one: of a peer that has been silent for more than an interval,
 * now and then to measure, and of a relay in each interval, since who holds the trunk claims it by what the relay answers.
 */
import type { ByteReader } from '@selvedge/core'
import { bodyOf, Kind } from './frames.js'
import type { MemberRole } from './members.js'
import type { Outgoing } from './messages.js'

/** Intervals from ping to ping while the peer is heard. */
const measureIntervals: Readonly<Record<MemberRole, number>> = { node: 10, relay: 1 }
/** Intervals without a frame before the peer is asked: its beats come late by a look at the clock, and by the way. */
const silentIntervals = 1.25
/** A beat is due a little early: the look at the clock behind this one would be late by as much as looks are apart. */
const beatIntervals = 0.9

export class Keepalive {
  /** Milliseconds from a ping to its pong, as last measured. */
  roundTripMs: number | undefined
  private heardAt = 0
  private sentAt = Number.NEGATIVE_INFINITY
  private pingedAt = Number.NEGATIVE_INFINITY

  constructor(
    private readonly intervalMs: number,
    private readonly peer: MemberRole
  ) {}

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

  silentMs(now: number): number {
    return now - this.heardAt
  }

  /** A ping or a beat, when it is time for one; both tell the own wall clock. */
  next(now: number, wallMs: number): Outgoing | undefined {
    const isSilent = this.silentMs(now) >= this.intervalMs * silentIntervals
    if (now - this.pingedAt >= this.intervalMs * (isSilent ? 1 : measureIntervals[this.peer])) {
      this.pingedAt = now
      return { kind: Kind.Ping, body: bodyOf(out => out.float64(now).int(Math.floor(wallMs))) }
    }
    if (now - this.sentAt < this.intervalMs * beatIntervals) return undefined
    return { kind: Kind.Beat, body: bodyOf(out => out.int(Math.floor(wallMs))) }
  }

  receivePong(reader: ByteReader, now: number): void {
    const roundTripMs = now - reader.float64()
    if (Number.isFinite(roundTripMs) && roundTripMs >= 0) this.roundTripMs = roundTripMs
  }
}
