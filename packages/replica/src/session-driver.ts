/**
 * Runs a session over a connection: hands frames in, polls frames out while the connection has room, keeps the timers. An idle
 * session sends in the same turn of the event loop; while the connection is full, changes gather in the tables.
 */
import type { Clock, CloseReason, Connection, NodeId, Timer } from '@selvedge/core'
import { Session, type SessionOptions } from '@selvedge/session'
import type { Look, SessionTurns } from './session-turns.js'

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
  private ticking: Look | undefined
  /** When there is something to look for that nothing wakes it for. */
  private againAt = Number.POSITIVE_INFINITY
  private laterAt = Number.POSITIVE_INFINITY
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
    const { clock, connection, turns } = this.options
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
    this.ticking = turns.look(() => this.look())
  }

  /** Something is sent each `paceMs` from now on: the peer is told at once. */
  setPace(paceMs: number): void {
    this.session.setPace(paceMs)
    this.ticking?.sooner(Number.NEGATIVE_INFINITY)
  }

  private look(): number {
    const now = this.options.clock.monotonicMs()
    this.looking = true
    this.session.tick(now)
    this.looking = false
    if (this.againAt <= now) this.againAt = Number.POSITIVE_INFINITY
    else if (this.laterAt <= now) this.laterAt = Number.POSITIVE_INFINITY
    else if (!this.woken) {
      if (!this.pumping) this.sendControl(now)
      return this.dueAt(now)
    }
    this.woken = false
    this.turn()
    return this.dueAt(now)
  }

  private dueAt(now: number): number {
    return this.over ? Number.POSITIVE_INFINITY : Math.min(this.session.tickDueAt(now), this.againAt, this.laterAt)
  }

  private sendControl(now: number): void {
    while (this.writable) {
      const frame = this.session.pollControl(now)
      if (!frame) return
      this.send(frame)
    }
  }

  private send(frame: Uint8Array): void {
    this.writable = this.connection.send(frame)
  }

  /** Ends the session with a reason that the peer is told. */
  close(reason: CloseReason): void {
    this.session.close(reason)
    this.pump()
  }

  /** Something changed; `arrivedFrom`: nothing but writes of these nodes. */
  changed(arrivedFrom: ReadonlySet<NodeId> | undefined): void {
    if (!arrivedFrom || !this.hearsAll(arrivedFrom)) return this.wake()
    if (this.over || this.pumping || this.laterAt !== Number.POSITIVE_INFINITY) return
    this.laterAt = this.options.clock.monotonicMs() + heardMs
    this.ticking?.sooner(this.laterAt)
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
    this.laterAt = Number.POSITIVE_INFINITY
    const before = this.registersSent
    for (let sent = 0; this.writable || this.session.closed; sent++) {
      if (sent === framesPerTurn) return this.wake()
      const frame = this.session.poll(now)
      if (!frame) break
      this.send(frame)
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
    if (inMs === undefined || this.againAt <= now + inMs) return
    this.againAt = now + inMs
    this.ticking?.sooner(this.againAt)
  }

  private end(reason: CloseReason): void {
    if (this.over) return
    this.over = true
    this.gathering?.cancel()
    this.ticking?.cancel()
    this.session.close(reason)
    this.options.onClosed(this.session.closeReason ?? reason)
  }
}
