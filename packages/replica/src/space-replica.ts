/**
 * A space brought to life: its table, its documents, its place on disk, and what sessions, watchers and receipts need of them. This
 * is the one write path: nodes and relays, and their points, documents and config, all go through it.
 */
import type { Environment, NodeId, SpaceId, SpaceStore, Timer, TrustedClock } from '@selvedge/core'
import {
  dominates,
  DocumentSet,
  foldIncrements,
  RegisterTable,
  type Register,
  type TableAlarm,
  type WriteResult
} from '@selvedge/documents'
import {
  CameBack,
  Contests,
  MemberTable,
  type CatchUpReport,
  type Conflict,
  type DocumentLink,
  type DocumentPeer,
  type DurableState,
  type MemberRole,
  type SessionSpace,
  sideOf
} from '@selvedge/session'
import { Changes } from './changes.js'
import { ConflictLog } from './conflict-log.js'
import { collectGarbage, type GcResult } from './gc.js'
import { readHeals, recordHeal, type HealReport } from './heal-reports.js'
import { Receipts, type Receipt } from './receipts.js'
import { tableAccess } from './register-access.js'
import type { LogTuning } from './space-log.js'
import { SpacePersister } from './space-persister.js'

/** Where a space's bytes may go: everywhere a trunk leads, or nowhere outside of the site. */
export type Residency = 'trunk' | 'site'

export interface SpaceReplicaOptions {
  readonly id: SpaceId
  readonly node: NodeId
  readonly role: MemberRole
  readonly residency: Residency
  readonly environment: Environment
  readonly trusted: TrustedClock
  readonly store: SpaceStore
  /** Whether the disk fails at present. */
  readonly degraded: () => boolean
  /** Calls `listener` when the disk begins to fail; gives an unsubscriber. */
  readonly onDegraded: (listener: () => void) => () => void
  /** Members whose durable coverage counts. */
  readonly members: () => Iterable<{ readonly node: NodeId; readonly role: MemberRole }>
  /** Whether a session, by its number, is still catching up. */
  readonly isCatchingUp: (source: number) => boolean
  readonly liveWithinMs: number
  readonly gcHorizonMs: number
  readonly deletesKeptMs: number
  readonly closeIncarnationsAfterMs: number
  readonly logTuning?: Partial<LogTuning> | undefined
  readonly events: SpaceEvents
}

/** What a space tells the replica that it belongs to. */
export interface SpaceEvents {
  /** Something may have to be sent. `arrivedFrom`: nothing but writes of these nodes, which arrived in sessions. */
  changed(space: SpaceReplica, arrivedFrom?: ReadonlySet<NodeId>): void
  sealed(space: SpaceReplica, peer: NodeId, first: boolean): void
  healed(space: SpaceReplica, report: HealReport): void
  diverged(space: SpaceReplica, peer: NodeId): void
  matched(space: SpaceReplica, peer: NodeId): void
  alarm(space: SpaceReplica, alarm: TableAlarm): void
  conflict(space: SpaceReplica, conflict: Conflict): void
  /** When contact with the peer was lost, in trusted wall milliseconds; undefined: never had. */
  lastContactMs(peer: NodeId): number | undefined
}

/** By how much more than the time that passed trusted time has jumped. */
const clockJumpMs = 500
/** Of sessions that ended before their seals; further ones are judged by nobody. */
const leftContestsMax = 4_096

export class SpaceReplica implements SessionSpace {
  readonly id: SpaceId
  readonly residency: Residency
  readonly table: RegisterTable
  readonly leftContests = new Contests(leftContestsMax)
  readonly cameBack = new CameBack()
  readonly members = new MemberTable()
  readonly changes: Changes
  readonly receipts: Receipts
  readonly persister: SpacePersister
  private readonly environment: Environment
  private documentSet!: DocumentSet
  private conflictLog!: ConflictLog
  private dueTimer: Timer | undefined
  private dueAtMs = Number.POSITIVE_INFINITY
  /** Trusted time less that of timers, when it was reckoned. */
  private dueByOffset = 0
  private closed = false
  private changedNoted = false
  /** What changed in this turn is more than what arrived from others. */
  private changedHere = false
  /** Nodes whose writes arrived in this turn. */
  private arrivedFrom = new Set<NodeId>()
  /** A peer waits for the commits up to this one. */
  private ackWantedUpTo = 0
  /** Whether what was stored had losses, so that peers had to give everything back (I4). */
  rejoined = false
  private divergenceCount = 0
  /** Heal reports as of a change: whoever looks for new ones looks often. */
  private heals: { readonly changeIndex: number; readonly reports: readonly HealReport[] } | undefined
  private lastMatchMs: number | undefined

  private constructor(private readonly options: SpaceReplicaOptions) {
    this.id = options.id
    this.residency = options.residency
    this.environment = options.environment
    this.table = new RegisterTable({
      node: options.node,
      trusted: options.trusted,
      random: options.environment.random.fork(`table ${options.id}`),
      onChange: (register, source) => this.onChange(register, source),
      onDrop: register => this.persister.noteDrop(register),
      onAlarm: alarm => options.events.alarm(this, alarm),
      onOverruled: (written, by) => this.conflict({ path: by.path, slot: by.slot, loser: sideOf(written), winner: sideOf(by) })
    })
    this.persister = new SpacePersister({
      store: options.store,
      table: this.table,
      members: this.members,
      clock: options.environment.clock,
      log: options.environment.log,
      logTuning: options.logTuning,
      isAwaited: () => this.receipts.isLocalAwaited || this.persister.durable.version < this.ackWantedUpTo,
      onDurable: () => this.onDurable()
    })
    this.receipts = new Receipts({
      onAwaited: level => (level === 'local' ? this.persister.hurry() : this.noteChanged()),
      node: options.node,
      table: this.table,
      members: this.members,
      durable: () => this.persister.durable,
      taken: () => this.persister.taken,
      role: options.role
    })
    this.changes = new Changes({
      table: () => this.table,
      isCatchingUp: options.isCatchingUp,
      liveWithinMs: options.liveWithinMs,
      onError: error => options.environment.log.error({ err: error, space: options.id }, 'a watcher threw')
    })
    this.members.onChange(({ node, role }, fromItself) => {
      this.receipts.check(['site', 'relay'])
      // What the relay holds, others wait for; the rest goes along with what is sent soon.
      if (fromItself && role === 'relay') this.noteChanged()
      else this.noteChanged(node)
    })
  }

  /** Opens a space from its store. */
  static async open(options: SpaceReplicaOptions): Promise<SpaceReplica> {
    const space = new SpaceReplica(options)
    const { members, rejoining } = await space.persister.load()
    space.rejoined = rejoining
    const { durable } = space.persister
    for (const { node, role, vector, progressAtMs } of members) {
      // Who is owed nothing now was idle, which is progress, and not stored: what is written next is not forgotten before it has that.
      const isIdle = dominates(vector, durable.vector)
      space.members.learn(node, role, vector, isIdle ? options.trusted.nowMs() : progressAtMs)
    }
    space.conflictLog = new ConflictLog(space.table)
    const { clock, random, log } = options.environment
    space.documentSet = new DocumentSet({
      space: options.id,
      store: options.store,
      registers: tableAccess(space.table, space.changes),
      clock,
      random: random.fork(`documents ${options.id}`),
      log,
      author: options.node,
      role: options.role,
      degraded: options.degraded
    })
    await space.documentSet.load()
    space.advance()
    return space
  }

  /** Whether this is a node's replica or a relay's. */
  get role(): MemberRole {
    return this.options.role
  }

  get durable(): DurableState {
    return this.persister.durable
  }

  get awaited(): number {
    return this.receipts.awaitedElsewhere
  }

  ackWanted(): void {
    this.ackWantedUpTo = this.persister.durable.version + 2
    this.persister.hurry()
  }

  get documents(): DocumentSet {
    return this.documentSet
  }

  get conflicts(): ConflictLog {
    return this.conflictLog
  }

  /** Heal reports of every replica of the space, newest first. */
  healReports(): HealReport[] {
    const { changeIndex } = this.table
    if (this.heals?.changeIndex !== changeIndex) this.heals = { changeIndex, reports: readHeals(this.table) }
    return [...this.heals.reports]
  }

  get divergences(): number {
    return this.divergenceCount
  }

  /** When a peer's hash was last found equal, in trusted wall milliseconds. */
  get matchedAtMs(): number | undefined {
    return this.lastMatchMs
  }

  receipt(result: WriteResult): Receipt {
    return this.receipts.of(result)
  }

  /** Calls `listener` when the disk begins to fail, at once if it does; gives an unsubscriber. */
  onDegraded(listener: () => void): () => void {
    if (this.options.degraded()) queueMicrotask(listener)
    return this.options.onDegraded(listener)
  }

  // ── what sessions ask ────────────────────────────────────────────────────────────────────────────────────────────────────

  openDocuments(peer: DocumentPeer): DocumentLink {
    const { node, role, onPending, onFault } = peer
    return this.documentSet.channel({ label: node, role, onPending, onFault })
  }

  admitsMember(node: NodeId): boolean {
    for (const member of this.options.members()) if (member.node === node) return true
    return false
  }

  merged(): void {}

  sealed(peer: NodeId, first: boolean): void {
    this.persister.schedule()
    this.options.events.sealed(this, peer, first)
    this.noteChanged(peer)
  }

  conflict(conflict: Conflict): void {
    this.conflictLog.record(conflict)
    this.options.events.conflict(this, conflict)
  }

  caughtUp(report: CatchUpReport): void {
    const moved = report.registersApplied + report.registersSent + report.conflicts + report.returned.length + report.dropped
    if (moved === 0) return
    const lastMs = this.options.events.lastContactMs(report.peer)
    const heal = recordHeal(this.table, report, lastMs === undefined ? undefined : report.startedAtMs - lastMs)
    this.options.events.healed(this, heal)
  }

  diverged(peer: NodeId): void {
    this.divergenceCount++
    this.options.events.diverged(this, peer)
  }

  matched(peer: NodeId): void {
    this.lastMatchMs = this.options.trusted.nowMs()
    this.options.events.matched(this, peer)
  }

  // ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Does what is due: expiries and shadows. Also called when trusted time moved. */
  advance(): void {
    if (this.closed) return
    this.table.advance()
    this.dueTimer?.cancel()
    this.dueTimer = undefined
    this.dueAtMs = Number.POSITIVE_INFINITY
    this.scheduleDue()
  }

  /**
   * Looks at the clock. Timers go by one that does not jump: when trusted time did since what falls due was reckoned, that may have come,
   * or have been put off.
   */
  lookAtClock(): void {
    const jumped = this.dueTimer !== undefined && Math.abs(this.timeOffset - this.dueByOffset) > clockJumpMs
    if (jumped || this.table.hlc.last > this.table.skewLimit()) this.advance()
  }

  private get timeOffset(): number {
    return this.options.trusted.nowMs() - this.environment.clock.monotonicMs()
  }

  private scheduleDue(): void {
    const dueMs = this.table.nextDueMs()
    if (dueMs === undefined || dueMs >= this.dueAtMs || this.closed) return
    this.dueTimer?.cancel()
    this.dueAtMs = dueMs
    this.dueByOffset = this.timeOffset
    this.dueTimer = this.environment.clock.setTimer(Math.max(1, dueMs - this.options.trusted.nowMs()), () => this.advance())
  }

  /** Collects tombstones that every member has, closes old incarnations, and writes anew what a kill left uncovered for ever. */
  collect(isInSession: (node: NodeId) => boolean): GcResult {
    const { options, table, members } = this
    const isAlone = ![...options.members()].some(({ node }) => node !== options.node)
    // By a clock that peers doubt every id is old, and what is folded would be a shadow for everybody else.
    if (isAlone || !options.trusted.isDoubted) foldIncrements(table)
    table.adoptStrays()
    const result = collectGarbage({
      table,
      members,
      expected: options.members,
      durable: () => this.persister.durable.vector,
      isInSession,
      horizonMs: options.gcHorizonMs,
      keptMs: options.deletesKeptMs,
      closeAfterMs: options.closeIncarnationsAfterMs
    })
    if (result.collected > 0 || result.closed > 0) this.persister.schedule()
    return result
  }

  // ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private onChange(register: Register, source: number): void {
    this.changes.note(register, source)
    if (register.expiresAtMs !== 0 || register.shadow) this.scheduleDue()
    if (source !== 0) return this.noteChanged(register.writer.node)
    this.persister.noteWritten()
    this.noteChanged()
  }

  // Sessions are woken once for all that one call changes, and send before the disk has its turn.
  private noteChanged(arrivedFrom?: NodeId): void {
    if (arrivedFrom === undefined) this.changedHere = true
    else this.arrivedFrom.add(arrivedFrom)
    if (this.changedNoted) return
    this.changedNoted = true
    queueMicrotask(this.tellChanged)
  }

  // A field, as a function made in `noteChanged` would cost every write its context.
  private readonly tellChanged = (): void => {
    this.changedNoted = false
    const arrived = this.arrivedFrom
    this.arrivedFrom = new Set()
    this.options.events.changed(this, this.changedHere ? undefined : arrived)
    this.changedHere = false
    this.persister.schedule()
  }

  private onDurable(): void {
    this.members.learn(this.options.node, this.options.role, this.persister.durable.vector, this.options.trusted.nowMs(), true)
    this.receipts.check(['local', 'site', 'relay'])
    if (this.persister.durable.version <= this.ackWantedUpTo) this.noteChanged()
    else this.noteChanged(this.options.node)
  }

  async close(): Promise<void> {
    if (this.closed) return
    const degraded = this.options.degraded()
    await this.documentSet.close()
    await this.persister.close({ degraded })
    this.abandon()
  }

  /** Lets go without waiting for the disk; receipts that wait are told. */
  abandon(): void {
    this.closed = true
    this.dueTimer?.cancel()
    this.receipts.close()
  }
}
