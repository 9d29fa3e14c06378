/**
 * Runs a session over a connection: hands frames in, polls frames out while the connection has room, keeps the timers. An idle
 * session sends in the same turn of the event loop; while the connection is full, changes gather in the tables.
 */
import type { Clock, CloseReason, Connection, NodeId, Timer } from '@selvedge/core'
import { Session, type SessionOptions } from '@selvedge/session'
import type { SessionTurns } from './session-turns.js'

/** Frames sent in one turn before other work gets its turn. */
const framesPerTurn = 64
/**
 * After registers were sent, what changes gathers for a while: each turn costs both ends as much as dozens of registers, and what is
 * overwritten meanwhile is sent once. The more was sent, the longer, up to a limit that no eye sees.
 */
const gatherMinMs = 1
const gatherMaxMs = 10
const registersPerGatherMs = 16
/** How long the session sleeps on after writes that the peer hears from their writers: it would only find that it leaves them (SES-21). */
const heardMs = 100

export interface SessionDriverOptions {
  readonly connection: Connection
  readonly clock: Clock
  /** Shared with the other sessions of the replica. */
  readonly turns: SessionTurns
  readonly session: Omit<SessionOptions, 'host'>
  readonly host: Omit<SessionOptions['host'], 'wake' | 'wallMs'>
  /** The session and its connection are over. */
  readonly onClosed: (reason: CloseReason) => void
}

export class SessionDriver {
  readonly session: Session
  readonly connection: Connection
  private writable = true
  /** It sends soon, or when it has gathered. */
  private pumping = false
  private gathering: Timer | undefined
  /** In a turn of its own already, which sends what wakes it. */
  private looking = false
  private woken = false
  private ticking: Timer | undefined
  private again: { readonly atMs: number; readonly timer: Timer } | undefined
  private later: Timer | undefined
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
    const { clock, connection, session, turns } = this.options
    connection.attach({
      frame: frame => this.session.receive(frame, clock.monotonicMs()),
      drain: () => {
        this.writable = true
        this.gatherUntil = Number.NEGATIVE_INFINITY
        this.wake()
      },
      closed: reason => this.end(reason)
    })
    this.session.start(clock.monotonicMs())
    this.ticking = turns.every(session.keepaliveMs / 2, () => {
      this.looking = true
      this.session.tick(clock.monotonicMs())
      this.looking = false
      if (!this.woken) return
      this.woken = false
      this.turn()
    })
  }

  /** Ends the session with a reason that the peer is told. */
  close(reason: CloseReason): void {
    this.session.close(reason)
    this.pump()
  }

  /** Something changed; `arrivedFrom`: nothing but writes of these nodes. */
  changed(arrivedFrom: ReadonlySet<NodeId> | undefined): void {
    if (!arrivedFrom || !this.hearsAll(arrivedFrom)) return this.wake()
    if (this.over || this.pumping) return
    this.later ??= this.options.clock.setTimer(heardMs, () => {
      this.later = undefined
      this.turn()
    })
  }

  private hearsAll(nodes: ReadonlySet<NodeId>): boolean {
    const { host, session } = this.options
    for (const node of nodes) if (node !== session.peer.node && !host.hears?.(node)) return false
    return true
  }

  /** There may be something to send. */
  wake(): void {
    if (this.looking) return void (this.woken = true)
    if (this.over || this.pumping || (!this.writable && !this.session.closed)) return
    this.pumping = true
    const { clock, turns } = this.options
    const waitMs = this.gatherUntil - clock.monotonicMs()
    if (waitMs > 0) this.gathering = clock.setTimer(waitMs, this.pumpNow)
    else turns.soon(this.pumpNow)
  }

  private readonly pumpNow = (): void => {
    this.pumping = false
    this.pump()
  }

  /** A turn of its own: what there is to send goes now, unless it gathers. */
  private turn(): void {
    const { clock } = this.options
    if (this.pumping || !this.writable || this.gatherUntil > clock.monotonicMs()) this.wake()
    else this.pump()
  }

  private pump(): void {
    if (this.over) return
    const now = this.options.clock.monotonicMs()
    this.later?.cancel()
    this.later = undefined
    const before = this.registersSent
    for (let sent = 0; this.writable || this.session.closed; sent++) {
      if (sent === framesPerTurn) return this.wake()
      const frame = this.session.poll(now)
      if (!frame) break
      this.writable = this.connection.send(frame)
    }
    this.gatherUntil = now + this.gatherMs(this.registersSent - before)
    const reason = this.session.closeReason
    if (reason) {
      this.connection.close(reason)
      return this.end(reason)
    }
    this.pollAgain(now)
  }

  private get registersSent(): number {
    return this.session.spaces.reduce((sum, { counts }) => sum + counts.sent, 0)
  }

  // What waits for the peer's credit has gathered enough when that comes.
  private gatherMs(registers: number): number {
    if (registers === 0 || this.session.waitsForCredit) return 0
    return Math.min(gatherMaxMs, gatherMinMs + registers / registersPerGatherMs)
  }

  private pollAgain(now: number): void {
    const inMs = this.session.pollAgainInMs(now)
    // What falls due is looked at anew then; but what is due sooner does not wait for what was due first.
    if (inMs === undefined || (this.again && this.again.atMs <= now + inMs)) return
    this.again?.timer.cancel()
    const timer = this.options.clock.setTimer(inMs, () => {
      this.again = undefined
      this.turn()
    })
    this.again = { atMs: now + inMs, timer }
  }

  private end(reason: CloseReason): void {
    if (this.over) return
    this.over = true
    this.gathering?.cancel()
    this.ticking?.cancel()
    this.again?.timer.cancel()
    this.later?.cancel()
    this.session.close(reason)
    this.options.onClosed(this.session.closeReason ?? reason)
  }
}
