/**
 * When a session pings, how long its peer has been silent, and how long a ping and its pong take. Whatever else passes says as much
 * as a ping: while frames go both ways in a mesh, one in four intervals is enough, to tell the clock and to measure. A relay is asked
 * in each: who holds the trunk claims it by what the relay answers.
 */
import type { ByteReader } from '@selvedge/core'
import { bodyOf, Kind } from './frames.js'
import type { MemberRole } from './members.js'
import type { Outgoing } from './messages.js'

/** Intervals from ping to ping while frames go both ways. */
const busyIntervals: Readonly<Record<MemberRole, number>> = { node: 4, relay: 1 }

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

  /** A ping, when it is time for one. */
  ping(now: number, wallMs: number): Outgoing | undefined {
    const isSilent = now - this.sentAt >= this.intervalMs || this.silentMs(now) >= this.intervalMs
    if (now - this.pingedAt < (isSilent ? this.intervalMs : this.intervalMs * busyIntervals[this.peer])) return undefined
    this.pingedAt = now
    return { kind: Kind.Ping, body: bodyOf(out => out.float64(now).int(Math.floor(wallMs))) }
  }

  receivePong(reader: ByteReader, now: number): void {
    const roundTripMs = now - reader.float64()
    if (Number.isFinite(roundTripMs) && roundTripMs >= 0) this.roundTripMs = roundTripMs
  }
}
