/**
 * A replica: the spaces that a process holds, and the sessions that synchronise them. `openSite` and `openRelay` are thin on top of
 * it: they decide which spaces there are, who may connect, and what people see.
 */
import {
  endsWithin,
  SelvedgeError,
  TrustedClock,
  type CloseReason,
  type Connection,
  type Environment,
  type NodeId,
  type SpaceId,
  type Store,
  type StoreHealth,
  type Timer
} from '@selvedge/core'
import { nodeCompressor, type Conflict, type MemberRole, type Session } from '@selvedge/session'
import type { TableAlarm } from '@selvedge/documents'
import { replicaErrors } from './errors.js'
import type { HealReport } from './heal-reports.js'
import { defaultTiming, type ReplicaTiming } from './replica-timing.js'
import { SessionDriver } from './session-driver.js'
import { SessionTurns } from './session-turns.js'
import type { LogTuning } from './space-log.js'
import { SpaceReplica, type Residency } from './space-replica.js'

export interface ReplicaOptions {
  readonly node: NodeId
  readonly role: MemberRole
  readonly environment: Environment
  readonly store: Store
  readonly events?: Partial<ReplicaEvents>
  readonly timing?: Partial<ReplicaTiming>
  /** How the logs of spaces are cut into records and rewritten. */
  readonly logTuning?: Partial<LogTuning> | undefined
}

/** How often trusted time is looked at. */
const clockWatchMs = 5_000
/** A mesh has no long way to fill: what is under way is what the next change waits behind. */
const meshWindowBytes = 64 * 1024

export interface ReplicaEvents {
  peerUp(peer: Peer): void
  peerDown(peer: Peer, reason: CloseReason): void
  /** A session ended before its hello completed: of another version, refused, or without an answer. */
  peerFailed(peer: Peer, reason: CloseReason): void
  /** A seal came: `first` of its session. */
  sealed(space: SpaceReplica, peer: NodeId, first: boolean): void
  healed(space: SpaceReplica, report: HealReport): void
  conflict(space: SpaceReplica, conflict: Conflict): void
  diverged(space: SpaceReplica, peer: NodeId): void
  alarm(space: SpaceReplica, alarm: TableAlarm): void
  storeHealth(health: StoreHealth): void
  signal(peer: Peer, topic: string, payload: Uint8Array): void
}

/** A session and who is at the other end. */
export interface Peer {
  readonly node: NodeId
  readonly role: MemberRole
  readonly connection: Connection
  readonly session: Session
  /** Wall milliseconds (trusted) since which it is open. */
  readonly sinceMs: number
}

export interface SpaceOptions {
  readonly residency: Residency
  readonly members: () => Iterable<{ readonly node: NodeId; readonly role: MemberRole }>
}

export interface AttachOptions {
  /** Whether a space may be synchronised with this peer. */
  readonly admits: (space: SpaceReplica) => boolean
  /** The open spaces that it may be synchronised with, for whoever has too many to ask of each. Default: all that are open. */
  readonly spaces?: () => Iterable<SpaceReplica>
  /** Whether the peer is known to have a session of its own with a node. Default: never. */
  readonly hears?: (node: NodeId) => boolean
  /** A peer offers a space that is not open here: open it, or refuse by giving undefined. */
  readonly openOffered?: (space: SpaceId) => Promise<SpaceReplica | undefined>
}

interface Attached extends Peer {
  readonly driver: SessionDriver
  readonly options: AttachOptions
  opened: boolean
}

export class Replica {
  readonly node: NodeId
  readonly role: MemberRole
  readonly trusted: TrustedClock
  readonly timing: ReplicaTiming
  private readonly environment: Environment
  private readonly store: Store
  private readonly spaceMap = new Map<SpaceId, SpaceReplica>()
  private readonly opening = new Map<SpaceId, Promise<SpaceReplica>>()
  private readonly attached = new Map<number, Attached>()
  private readonly turns: SessionTurns
  private readonly driversOf = new Map<SpaceId, readonly SessionDriver[]>()
  private readonly lastContact = new Map<NodeId, number>()
  private awaited = false
  private nextSource = 1
  private gcTimer: Timer | undefined
  private clockTimer: Timer | undefined
  private closing: Promise<void> | undefined
  private readonly unsubscribe: () => void

  constructor(private readonly options: ReplicaOptions) {
    this.node = options.node
    this.role = options.role
    this.environment = options.environment
    this.store = options.store
    this.turns = new SessionTurns(this.environment.clock)
    this.timing = { ...defaultTiming, ...options.timing }
    this.trusted = new TrustedClock(this.environment.clock, this.timing.maxClockSkewMs, options.role === 'node')
    this.unsubscribe = this.store.onHealth(health => this.options.events?.storeHealth?.(health))
    this.scheduleGc()
    this.watchClock()
  }

  // ── spaces ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  get spaces(): ReadonlyMap<SpaceId, SpaceReplica> {
    return this.spaceMap
  }

  /** @throws SelvedgeError `SPACE_UNKNOWN` */
  space(id: SpaceId): SpaceReplica {
    const space = this.spaceMap.get(id)
    if (!space) throw new SelvedgeError(replicaErrors.spaceUnknown, `space ${id} is not open here`, { details: { space: id } })
    return space
  }

  /** Opens a space, or gives the one that is open or being opened. */
  async openSpace(id: SpaceId, options: SpaceOptions): Promise<SpaceReplica> {
    const open = this.spaceMap.get(id)
    if (open) return open
    const known = this.opening.get(id)
    if (known) return known
    const opening = this.loadSpace(id, options).finally(() => this.opening.delete(id))
    this.opening.set(id, opening)
    return opening
  }

  private async loadSpace(id: SpaceId, options: SpaceOptions): Promise<SpaceReplica> {
    if (this.closing) throw new SelvedgeError(replicaErrors.replicaClosed, 'the replica is closed')
    const store = await this.store.open(id)
    const space = await SpaceReplica.open({
      id,
      node: this.node,
      role: this.role,
      residency: options.residency,
      environment: this.environment,
      trusted: this.trusted,
      store,
      degraded: () => this.store.health.state === 'degraded',
      onDegraded: listener => this.store.onHealth(({ state }) => state === 'degraded' && listener()),
      members: options.members,
      isCatchingUp: source => this.attached.get(source)?.session.link(id)?.isCaughtUp === false,
      liveWithinMs: this.timing.liveWithinMs,
      gcHorizonMs: this.timing.gcHorizonMs,
      deletesKeptMs: this.timing.deletesKeptMs,
      closeIncarnationsAfterMs: this.timing.closeIncarnationsAfterMs,
      logTuning: this.options.logTuning,
      events: {
        changed: (changed, arrivedFrom) => this.changed(changed, arrivedFrom),
        sealed: (sealed, peer, first) => this.options.events?.sealed?.(sealed, peer, first),
        healed: (healed, report) => this.options.events?.healed?.(healed, report),
        diverged: (diverged, peer) => this.options.events?.diverged?.(diverged, peer),
        matched: () => {},
        alarm: (alarmed, alarm) => this.options.events?.alarm?.(alarmed, alarm),
        conflict: (conflicted, conflict) => this.options.events?.conflict?.(conflicted, conflict),
        lastContactMs: peer => this.lastContact.get(peer)
      }
    })
    this.spaceMap.set(id, space)
    for (const peer of this.attached.values()) if (peer.options.admits(space)) this.join(peer.driver, space)
    return space
  }

  private changed(space: SpaceReplica, arrivedFrom: ReadonlySet<NodeId> | undefined): void {
    for (const driver of this.driversOf.get(space.id) ?? []) driver.changed(arrivedFrom)
  }

  // ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Runs a session over a connection, until either ends. */
  attach(connection: Connection, options: AttachOptions): Peer {
    const { clock } = this.environment
    const source = this.nextSource++
    const trunk = connection.kind === 'trunk'
    const { node, role } = connection.remote
    const driver = new SessionDriver({
      connection,
      clock,
      turns: this.turns,
      session: {
        source,
        peer: { node, role },
        keepaliveMs: trunk ? this.timing.trunkKeepaliveMs : this.timing.meshKeepaliveMs,
        timeoutMs: trunk ? this.timing.trunkTimeoutMs : this.timing.meshTimeoutMs,
        compareIntervalMs: this.timing.compareIntervalMs,
        ...(trunk ? { compressor: nodeCompressor } : { windowBytes: meshWindowBytes })
      },
      host: {
        nowMs: () => this.trusted.nowMs(),
        opened: () => this.opened(source),
        heard: (session, wallMs) => this.heard(session, wallMs),
        hears: node => options.hears?.(node) ?? false,
        offered: (session, space) => void this.offered(session, space, options),
        signal: (_, topic, payload) => this.options.events?.signal?.(attached, topic, payload)
      },
      onClosed: reason => this.detached(source, reason)
    })
    const attached: Attached = {
      node,
      role,
      connection,
      session: driver.session,
      sinceMs: this.trusted.nowMs(),
      driver,
      options,
      opened: false
    }
    this.attached.set(source, attached)
    for (const space of options.spaces?.() ?? this.spaceMap.values()) if (options.admits(space)) this.join(driver, space)
    driver.start()
    if (!trunk) driver.setPace(this.meshPaceMs)
    return attached
  }

  /** Whether others wait for this node, and must soon find out when it is gone: then it is heard more often in the mesh. */
  setAwaited(awaited: boolean): void {
    if (awaited === this.awaited) return
    this.awaited = awaited
    for (const { connection, driver } of this.attached.values()) if (connection.kind !== 'trunk') driver.setPace(this.meshPaceMs)
  }

  private get meshPaceMs(): number {
    return this.awaited ? this.timing.meshKeepaliveMs : this.timing.meshCalmKeepaliveMs
  }

  private join(driver: SessionDriver, space: SpaceReplica): void {
    driver.session.addSpace(space)
    const drivers = this.driversOf.get(space.id) ?? []
    if (!drivers.includes(driver)) this.driversOf.set(space.id, [...drivers, driver])
  }

  /** Sessions whose hello completed. */
  *peers(): IterableIterator<Peer> {
    for (const peer of this.attached.values()) if (peer.opened) yield peer
  }

  /** What the sessions' `hears` says may be something else than before. */
  hearsOthers(): void {
    for (const { driver } of this.attached.values()) driver.session.hearsOthers()
  }

  /** Ends the sessions with a node. */
  disconnect(node: NodeId, reason: CloseReason): void {
    for (const peer of this.attached.values()) if (peer.node === node) peer.driver.close(reason)
  }

  private opened(source: number): void {
    const peer = this.attached.get(source)
    if (!peer || peer.opened) return
    peer.opened = true
    this.options.events?.peerUp?.(peer)
  }

  private heard(session: Session, wallMs: number): void {
    this.trusted.heard(session, wallMs)
    if (this.role === 'relay') return // its time does not follow its peers
    for (const space of this.spaceMap.values())
      if (space.table.shadows.size > 0 || space.table.hlc.last > space.table.skewLimit()) space.advance()
  }

  private async offered(session: Session, id: SpaceId, options: AttachOptions): Promise<void> {
    try {
      const space = this.spaceMap.get(id) ?? (await options.openOffered?.(id))
      const driver = this.attached.get(session.source)?.driver
      if (driver && space && options.admits(space)) this.join(driver, space)
      else session.refuseSpace(id)
    } catch (error) {
      this.environment.log.error({ err: error, space: id }, 'an offered space can not be opened')
      session.refuseSpace(id)
    }
  }

  /** The site was in touch with a node until now, if not through this process: heal reports tell how long two were apart. */
  noteContact(node: NodeId): void {
    this.lastContact.set(node, this.trusted.nowMs())
  }

  private detached(source: number, reason: CloseReason): void {
    const peer = this.attached.get(source)
    if (!peer) return
    this.attached.delete(source)
    for (const { space } of peer.session.spaces) {
      const left = this.driversOf.get(space.id)?.filter(driver => driver !== peer.driver) ?? []
      if (left.length > 0) this.driversOf.set(space.id, left)
      else this.driversOf.delete(space.id)
    }
    this.trusted.forget(peer.session)
    if (!peer.opened) return this.options.events?.peerFailed?.(peer, reason)
    this.lastContact.set(peer.node, this.trusted.nowMs())
    this.options.events?.peerDown?.(peer, reason)
  }

  // ── upkeep ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private isInSession(space: SpaceReplica, node: NodeId): boolean {
    const drivers = this.driversOf.get(space.id) ?? []
    return drivers.some(({ session }) => session.peer.node === node)
  }

  private watchClock(): void {
    this.clockTimer = this.environment.clock.setTimer(clockWatchMs, () => {
      for (const space of this.spaceMap.values()) space.lookAtClock()
      this.watchClock()
    })
  }

  private scheduleGc(): void {
    this.gcTimer = this.environment.clock.setTimer(this.timing.gcIntervalMs, () => {
      for (const space of this.spaceMap.values()) {
        const { collected, evicted } = space.collect(node => this.isInSession(space, node))
        if (collected > 0 || evicted.length > 0)
          this.environment.log.debug({ space: space.id, collected, evicted }, 'tombstones collected')
      }
      this.scheduleGc()
    })
  }

  /** Ends sessions, stores what is left, and closes spaces. The store stays open: it is the caller's. Idempotent. */
  close(reason: CloseReason = { code: 'CLOSED', message: 'the node is shutting down' }): Promise<void> {
    this.closing ??= this.shutDown(reason)
    return this.closing
  }

  private async shutDown(reason: CloseReason): Promise<void> {
    this.gcTimer?.cancel()
    this.clockTimer?.cancel()
    this.unsubscribe()
    // What was written last is stored first, then told to peers, then the sessions end.
    if (this.store.health.state === 'ok') await this.inTime(space => space.persister.flushNow())
    for (const peer of [...this.attached.values()]) peer.driver.close(reason)
    if (!(await this.inTime(space => space.close()))) for (const space of this.spaceMap.values()) space.abandon()
  }

  // A disk may neither store nor fail.
  private async inTime(work: (space: SpaceReplica) => Promise<void>): Promise<boolean> {
    const { closeWithinMs } = this.timing
    const ended = await endsWithin(this.environment.clock, closeWithinMs, Promise.all([...this.spaceMap.values()].map(work)))
    if (!ended) this.environment.log.error({ closeWithinMs }, 'the disk does not answer: the replica is closed without it')
    return ended
  }
}
