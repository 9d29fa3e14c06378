/**
 * A node of a building, and the one composition root of all that it is made of. Key, roster, store, spaces, mesh, trunk
 * and presence are put together here and nowhere else; each part takes its clock, randomness, disk and network from `system`.
 *
 * @example
 * const site = await openSite({ site: 'hq', dataDir: './data', roster: './roster.json' })
 * site.points.set('ahu/1/supply-temp', 18.5)
 * await site.close()
 */
import {
  SelvedgeError,
  siteOfSpace,
  spaceId,
  type CloseReason,
  type Connection,
  type Environment,
  type NodeId,
  type SiteId,
  type Store
} from '@selvedge/core'
import type { AnyPointSchema, AutomergeDocument, AutomergeDocumentOptions, YjsDocument } from '@selvedge/documents'
import type { Mesh, NodeKey, Roster } from '@selvedge/network'
import {
  AlarmBoard,
  type HealReportWithConflicts,
  type Health,
  type Peer,
  type Points,
  Replica,
  SessionLog,
  SpaceApi,
  type SpaceReplica
} from '@selvedge/replica'
import { EventEmitter } from './events.js'
import { siteErrors } from './errors.js'
import type { Readiness } from './presence.js'
import { PresenceExchange } from './presence-exchange.js'
import { ReadinessGate } from './readiness.js'
import { SiteAlarms } from './site-alarms.js'
import { checkSpaces, configSpace, nameInRoster, stateSpace, type SiteOptions, type SiteSystem } from './site-options.js'
import type { SiteEvents } from './site-events.js'
import { siteStatus, type SiteStatus } from './site-status.js'
import { nodeSystem } from './system/node-system.js'
import { TrunkHolder } from './trunk-holder.js'

export class Site<S extends AnyPointSchema = AnyPointSchema> extends EventEmitter<SiteEvents> {
  readonly id: SiteId
  readonly node: NodeId
  readonly name: string
  readonly roster: Roster
  private readonly system: SiteSystem
  private readonly environment: Environment
  private readonly sessionLog: SessionLog
  private readonly key: NodeKey
  private readonly alarmBoard: AlarmBoard
  private readonly alarms: SiteAlarms
  private presence: PresenceExchange | undefined
  private readonly apis = new Map<string, SpaceApi>()
  private store: Store | undefined
  private replica: Replica | undefined
  private meshNetwork: Mesh | undefined
  private holder: TrunkHolder | undefined
  private control: { close(): Promise<void> } | undefined
  private readonly gate: ReadinessGate
  private timers: { cancel(): void }[] = []
  private readonly openedAtMs: number
  private readonly openedMonotonicMs: number
  private closing: Promise<void> | undefined

  /** Use {@link openSite}. */
  constructor(private readonly options: SiteOptions<S>) {
    super()
    this.system = options.system ?? nodeSystem
    const { site } = checkSpaces(options)
    this.id = site
    const log = (options.log ?? this.system.defaultLog()).child({ site })
    this.roster = typeof options.roster === 'string' ? this.system.loadRoster(options.roster) : options.roster
    if (this.roster.site !== site)
      throw new SelvedgeError(siteErrors.optionsInvalid, `the roster is of site ${this.roster.site}, not ${site}`, {
        details: { site, roster: this.roster.site }
      })
    if (options.trunk) this.system.checkTrunk?.(options.trunk)
    this.key = this.system.loadKey(options.dataDir, log)
    this.node = this.key.node
    this.name = nameInRoster(this.roster, this.node)
    this.environment = {
      clock: this.system.clock,
      random: this.system.random.fork(this.node),
      log: log.child({ node: this.name })
    }
    this.sessionLog = new SessionLog(this.environment.log)
    this.openedAtMs = this.environment.clock.wallMs()
    this.openedMonotonicMs = this.environment.clock.monotonicMs()
    this.gate = new ReadinessGate(readiness => {
      this.environment.log.info({ readiness }, 'readiness')
      this.presence?.changed()
      this.emit('readiness', readiness)
    })
    this.alarmBoard = new AlarmBoard(
      () => this.environment.clock.wallMs(),
      health => this.emit('health', health)
    )
    this.alarms = new SiteAlarms(this.alarmBoard, this.environment, node => this.roster.nameOf(node))
  }

  // ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @internal */
  async open(): Promise<void> {
    const { options, environment } = this
    this.store = await this.system.openStore(options.dataDir, environment)
    this.replica = new Replica({
      node: this.node,
      role: 'node',
      environment,
      store: this.store,
      ...(options.timing ? { timing: options.timing } : {}),
      logTuning: options.logTuning,
      events: {
        peerUp: peer => this.peerUp(peer),
        peerDown: (peer, reason) => this.peerDown(peer, reason),
        peerFailed: (peer, reason) => this.peerFailed(peer, reason),
        sealed: (space, _, first) => first && this.sealedFirst(space),
        healed: space => this.healed(space),
        diverged: (space, peer) => this.alarms.diverged(space, peer),
        alarm: (space, alarm) => this.alarms.table(space, alarm),
        storeHealth: health => this.alarms.store(health),
        signal: (peer, topic, payload) => this.presence?.receive(peer, topic, payload)
      }
    })
    await this.openSpaces(this.replica)
    this.gate.set('loaded')
    await this.openMesh(this.replica)
    this.openTrunk(this.replica)
    this.presence = this.startPresence(this.replica)
    this.alarms.watch(this.replica, this.holder)
    this.awaitAlone()
    if (options.control ?? options.dataDir !== 'memory')
      this.control = await this.system.serveControl(options.dataDir, this, environment.log)
  }

  private async openSpaces(replica: Replica): Promise<void> {
    const members = (residency: 'site' | 'trunk') => () => [
      ...this.roster.nodes.map(({ node }) => ({ node, role: 'node' as const })),
      ...(residency === 'trunk' && this.roster.relay ? [{ node: this.roster.relay.node, role: 'relay' as const }] : [])
    ]
    for (const { id, name, residency } of checkSpaces(this.options).spaces) {
      const space = await replica.openSpace(id, { residency, members: members(residency) })
      const schema: AnyPointSchema | undefined = name === stateSpace ? this.options.points : undefined
      this.apis.set(
        name,
        new SpaceApi(space, schema, {
          isPresent: node => this.isPresent(node),
          nameOf: node => this.roster.nameOf(node)
        })
      )
      if (space.rejoined) this.alarms.loss(space)
    }
  }

  private async openMesh(replica: Replica): Promise<void> {
    if (this.options.mesh === false) return
    const { listen = ['/ip4/0.0.0.0/tcp/0'], peers = [], mdns = true } = this.options.mesh ?? {}
    this.meshNetwork = await this.system.openMesh({
      ...this.environment,
      key: this.key,
      roster: this.roster,
      listen,
      peers,
      mdns,
      silentMs: 1.2 * replica.timing.meshCalmKeepaliveMs,
      onConnection: connection =>
        void replica.attach(connection, {
          admits: space => siteOfSpace(space.id) === this.id,
          hears: node => this.presence?.hears(connection.remote.node, node) ?? false
        })
    })
  }

  private openTrunk(replica: Replica): void {
    const trunk = this.options.trunk
    if (!trunk) return
    this.holder = new TrunkHolder({
      environment: this.environment,
      self: this.node,
      election: { answerStaleMs: answerStaleMs(replica), ...this.options.election },
      dial: signal => this.system.dialTrunk({ ...this.environment, ...trunk, key: this.key, roster: this.roster, signal }),
      // The one gate of residency: a `site` space is not even named on a trunk.
      attach: (connection: Connection) => replica.attach(connection, { admits: space => space.residency === 'trunk' }),
      claimed: claim => {
        this.replica?.setAwaited(claim !== null)
        this.presence?.tell()
      },
      held: holder => this.trunkHeld(holder),
      failed: (code, message) => this.environment.log.warn({ code }, `the trunk could not be dialled: ${message}`)
    })
  }

  private awaitAlone(): void {
    const { bootAloneAfterMs } = this.options
    if (bootAloneAfterMs === undefined) return
    this.timers.push(
      this.environment.clock.setTimer(bootAloneAfterMs, () => {
        if (this.gate.state === 'loaded') this.gate.set('alone')
      })
    )
  }

  // ── what services use ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Points of the `state` space. */
  get points(): Points<S> {
    return this.space(stateSpace).points as unknown as Points<S>
  }

  /** A shared document of the `state` space: the real `Y.Doc`. */
  document(id: string): YjsDocument {
    return this.space(stateSpace).document(id)
  }

  /** A config document of the `config` space. */
  config(id: string, options?: AutomergeDocumentOptions): Promise<AutomergeDocument> {
    return this.space(configSpace).config(id, options)
  }

  /**
   * A space by its short name.
   * @throws SelvedgeError `SPACE_UNKNOWN`, `SITE_CLOSED`
   */
  space(name: string): SpaceApi {
    const api = this.apis.get(name)
    if (api) return api
    if (!this.replica) throw new SelvedgeError(siteErrors.closed, 'the site is not open')
    this.replica.space(spaceId(`${this.id}/${name}`))
    throw new SelvedgeError(siteErrors.closed, 'the site is not open')
  }

  get spaceNames(): string[] {
    return [...this.apis.keys()]
  }

  /** Heal reports of every space, newest first. */
  healReports(): (HealReportWithConflicts & { readonly space: string })[] {
    return [...this.apis]
      .flatMap(([space, api]) => api.healReports().map(report => ({ ...report, space })))
      .sort((a, b) => b.atMs - a.atMs)
  }

  get readiness(): Readiness {
    return this.gate.state
  }

  /**
   * Resolves when this node may act: it has had all that a peer has (`synced`), or may be alone by choice (`alone`).
   * @throws SelvedgeError `SITE_CLOSED`; the signal's reason when it aborts
   */
  ready(options: { signal?: AbortSignal } = {}): Promise<'synced' | 'alone'> {
    return this.gate.wait(options.signal)
  }

  get health(): Health {
    return this.alarmBoard.health
  }

  /** Everything that people and dashboards ask of a node, as plain JSON. */
  status(): SiteStatus {
    return siteStatus({
      site: this.id,
      node: this.node,
      name: this.name,
      openedAtMs: this.openedAtMs,
      openedMonotonicMs: this.openedMonotonicMs,
      readiness: this.gate.state,
      health: this.health,
      roster: this.roster,
      replica: this.replica,
      store: this.store,
      mesh: this.meshNetwork,
      trunk: this.options.trunk ? { url: this.options.trunk.url, holder: this.holder } : undefined,
      presence: this.presence?.present() ?? [],
      clock: this.environment.clock
    })
  }

  /** Nodes in this partition component, this one among them. */
  presentNodes(): NodeId[] {
    return [this.node, ...(this.presence?.present() ?? []).map(({ node }) => node)]
  }

  /** Cuts connections to nodes of the site, on this side, until called again: an operator's emergency isolation. */
  isolate(blocked: (node: NodeId) => boolean): void {
    this.meshNetwork?.setBlocked(blocked)
  }

  /** Lets go of the trunk and dials no more (false), or goes on (true). */
  setTrunkEnabled(enabled: boolean): void {
    this.holder?.setEnabled(enabled)
  }

  /** Where this node's mesh listens. */
  get addresses(): readonly string[] {
    return this.meshNetwork?.addresses ?? []
  }

  /** Stores what was written, tells the peers, and lets go of everything. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  private async shutDown(): Promise<void> {
    for (const timer of this.timers.splice(0)) timer.cancel()
    this.presence?.close()
    this.alarms.close()
    this.gate.close()
    await this.control?.close()
    this.holder?.close()
    await this.replica?.close()
    await this.meshNetwork?.close()
    await this.store?.close()
  }

  // ── peers ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private peerUp(peer: Peer): void {
    const { node, role } = peer
    this.sessionLog.opened(peer)
    if (role === 'relay') this.holder?.opened(peer)
    else {
      this.holder?.present(node)
      this.presence?.changed()
    }
    this.emit('peerUp', { node, role, name: this.roster.nameOf(node) })
  }

  private peerDown(peer: Peer, reason: CloseReason): void {
    const { node, role } = peer
    this.sessionLog.over(peer, reason)
    if (role === 'relay') this.holder?.down(peer, reason)
    else {
      this.presence?.changed()
      if (!this.presence?.isPresent(node)) this.holder?.gone(node)
    }
    this.emit('peerDown', { node, role, name: this.roster.nameOf(node), reason })
  }

  private peerFailed(peer: Peer, reason: CloseReason): void {
    this.sessionLog.failed(peer, reason)
    if (peer.role === 'relay') this.holder?.down(peer, reason)
  }

  private startPresence(replica: Replica): PresenceExchange {
    return new PresenceExchange({
      node: this.node,
      name: this.name,
      bootMs: this.openedAtMs,
      clock: this.environment.clock,
      replica,
      roster: this.roster,
      readiness: () => this.gate.state,
      trunkSinceMs: () => this.holder?.ownClaim?.sinceMs ?? null,
      heard: ({ node, trunkSinceMs }) => this.holder?.heard(node, trunkSinceMs === null ? null : { sinceMs: trunkSinceMs }),
      gone: node => this.holder?.gone(node),
      hearingChanged: () => replica.hearsOthers()
    })
  }

  private trunkHeld(holder: NodeId | undefined): void {
    // Whoever takes the trunk next tells in its heal report how long the building was cut off.
    if (holder === undefined && this.roster.relay) this.replica?.noteContact(this.roster.relay.node)
    this.emit('trunk', holder)
  }

  private isPresent(node: NodeId): boolean | undefined {
    if (node === this.node || this.presence?.isPresent(node)) return true
    if (this.roster.admits(node)) return false
    return undefined
  }

  private sealedFirst(space: SpaceReplica): void {
    this.alarms.lossMended(space)
    this.gate.sealed(space)
    // Without a mesh nobody can seal what stays in the building.
    const sealable = [...this.apis.values()].filter(api => api.replica.residency === 'trunk' || this.meshNetwork !== undefined)
    if (sealable.every(api => this.gate.isSealed(api.replica))) this.gate.set('synced')
  }

  private healed(space: SpaceReplica): void {
    for (const [name, api] of this.apis) {
      if (api.replica !== space) continue
      const report = api.healReports().find(({ by }) => by === this.node)
      if (report) this.emit('heal', { ...report, space: name })
    }
  }
}

/** The relay is asked in each interval of its session: it is silent when it lets one pass, and half of the next. */
function answerStaleMs({ timing }: Replica): number {
  return Math.max(3_000, 1.5 * timing.trunkKeepaliveMs)
}
