/**
 * Runs a session over a connection: hands frames in, polls frames out while the connection has room, keeps the timers. An idle
 * session sends in the same turn of the event loop; while the connection is full, changes gather in the tables.
 */
import type { Clock, CloseReason, Connection, Timer } from '@selvedge/core'
import { Session, type SessionOptions } from '@selvedge/session'

/** Frames sent in one turn before other work gets its turn. */
const framesPerTurn = 64
/** A session that has just sent this much is busy: what changes gathers for a moment, and what is overwritten meanwhile is sent once. */
const busyBytes = 4 * 1024
const gatherMs = 5

export interface SessionDriverOptions {
  readonly connection: Connection
  readonly clock: Clock
  readonly session: Omit<SessionOptions, 'host'>
  readonly host: Omit<SessionOptions['host'], 'wake' | 'wallMs'>
  /** The session and its connection are over. */
  readonly onClosed: (reason: CloseReason) => void
}

export class SessionDriver {
  readonly session: Session
  readonly connection: Connection
  private writable = true
  private pumping: Timer | undefined
  private ticking: Timer | undefined
  private again: Timer | undefined
  /** Nothing is sent before, unless the session ends. */
  private gatherUntil = Number.NEGATIVE_INFINITY
  private over = false

  constructor(private readonly options: SessionDriverOptions) {
    const { clock } = options
    this.connection = options.connection
    this.session = new Session({
      ...options.session,
      host: { ...options.host, wallMs: () => clock.wallMs(), wake: () => this.wake() }
    })
  }

  start(): void {
    const { clock, connection } = this.options
    connection.attach({
      frame: frame => this.session.receive(frame, clock.monotonicMs()),
      drain: () => {
        this.writable = true
        this.wake()
      },
      closed: reason => this.end(reason)
    })
    this.session.start(clock.monotonicMs())
    this.tick()
  }

  /** Ends the session with a reason that the peer is told. */
  close(reason: CloseReason): void {
    this.session.close(reason)
    this.pump()
  }

  /** There may be something to send. */
  wake(): void {
    if (this.over || this.pumping || (!this.writable && !this.session.closed)) return
    const pump = (): void => {
      this.pumping = undefined
      this.pump()
    }
    const { clock } = this.options
    const waitMs = this.gatherUntil - clock.monotonicMs()
    this.pumping = waitMs > 0 ? clock.setTimer(waitMs, pump) : clock.soon(pump)
  }

  private pump(): void {
    if (this.over) return
    const now = this.options.clock.monotonicMs()
    let bytes = 0
    for (let sent = 0; this.writable || this.session.closed; sent++) {
      if (sent === framesPerTurn) return this.wake()
      const frame = this.session.poll(now)
      if (!frame) break
      bytes += frame.length
      this.writable = this.connection.send(frame)
    }
    this.gatherUntil = bytes < busyBytes ? Number.NEGATIVE_INFINITY : now + gatherMs
    const reason = this.session.closeReason
    if (reason) {
      this.connection.close(reason)
      return this.end(reason)
    }
    this.pollAgain(now)
  }

  private pollAgain(now: number): void {
    if (this.again) return
    const inMs = this.session.pollAgainInMs(now)
    if (inMs === undefined) return
    this.again = this.options.clock.setTimer(inMs, () => {
      this.again = undefined
      this.wake()
    })
  }

  private tick(): void {
    const { clock, session } = this.options
    this.ticking = clock.setTimer(session.pingIntervalMs / 2, () => {
      this.session.tick(clock.monotonicMs())
      if (!this.over) this.tick()
    })
  }

  private end(reason: CloseReason): void {
    if (this.over) return
    this.over = true
    this.pumping?.cancel()
    this.ticking?.cancel()
    this.again?.cancel()
    this.session.close(reason)
    this.options.onClosed(this.session.closeReason ?? reason)
  }
}
