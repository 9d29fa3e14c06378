/**
 * `openRelay`: the cloud replica of many sites in one process, and the one composition root of all that it is made of. It stores,
 * merges and forwards; it decides nothing for a building.
 *
 * A session belongs to the site whose node proved its key, and synchronises that site's trunk spaces alone (`trunk-spaces.ts`).
 *
 * @example
 * const relay = await openRelay({ dataDir: './relay', rosters: './rosters.json' })
 * const hq = await relay.site('hq')
 * hq.points.set('ahu/1/setpoint', 21)
 * await relay.close()
 */
import {
  SelvedgeError,
  siteId,
  siteOfSpace,
  type CloseReason,
  type Connection,
  type Environment,
  type NodeId,
  type SiteId,
  type Store
} from '@selvedge/core'
import type { AnyPointSchema } from '@selvedge/documents'
import type { NodeKey } from '@selvedge/network'
import { AlarmBoard, type Health, type Peer, Replica, SessionLog } from '@selvedge/replica'
import { Contacts } from './contacts.js'
import { relayRoutes } from './control-routes.js'
import { drainReason, settle } from './draining.js'
import { relayErrors } from './errors.js'
import { RelayEvents, type RelayEvent } from './events.js'
import { answerPage } from './pages.js'
import { RelayMetrics } from './metrics.js'
import { RelayAlarms } from './relay-alarms.js'
import {
  checkOptions,
  defaultListen,
  type ListenOptions,
  type RelayListener,
  type RelayOptions,
  type RelaySystem,
  type Rosters
} from './relay-options.js'
import { RelaySite } from './relay-site.js'
import { relayStatus, type NotReady, type RelayStatus } from './relay-status.js'
import type { Times } from './site-contact.js'
import { relayMachine } from './system/relay-machine.js'
import { TrunkSpaces } from './trunk-spaces.js'

/**
 * Opens a relay; trunks are taken once it resolves.
 * @throws SelvedgeError with the code of whatever could not be opened; nothing is left open then
 */
export async function openRelay<S extends AnyPointSchema = AnyPointSchema>(options: RelayOptions<S>): Promise<Relay<S>> {
  const relay = new Relay(options)
  try {
    await relay.open()
  } catch (error) {
    await relay.close()
    throw error
  }
  return relay
}

export class Relay<S extends AnyPointSchema = AnyPointSchema> {
  readonly node: NodeId
  private readonly system: RelaySystem
  private readonly environment: Environment
  private readonly sessionLog: SessionLog
  private readonly key: NodeKey
  private readonly spaceNames: readonly string[]
  private readonly alarms: RelayAlarms
  private readonly contacts: Contacts
  private readonly sitesOpen = new Map<SiteId, Promise<RelaySite<S>>>()
  private readonly events = new RelayEvents()
  private readonly startedAt: Times
  private rosters: Rosters
  private store: Store | undefined
  private replica: Replica | undefined
  private spaces: TrunkSpaces | undefined
  private readonly doors: RelayListener[] = []
  private control: { close(): Promise<void> } | undefined
  private loading: Promise<void> = Promise.resolve()
  private draining: Promise<void> | undefined
  private closing: Promise<void> | undefined

  /** Use {@link openRelay}. */
  constructor(private readonly options: RelayOptions<S>) {
    this.system = options.system ?? relayMachine
    this.spaceNames = checkOptions(options)
    const log = options.log ?? this.system.defaultLog(options.logLevel ?? 'info')
    this.key = this.system.loadKey(options.dataDir, log)
    this.node = this.key.node
    this.environment = {
      clock: this.system.clock,
      random: this.system.random.fork(this.node),
      log: log.child({ relay: this.node })
    }
    this.sessionLog = new SessionLog(this.environment.log)
    this.startedAt = { trustedMs: this.environment.clock.wallMs(), monotonicMs: this.environment.clock.monotonicMs() }
    this.contacts = new Contacts(this.startedAt.monotonicMs)
    const board = new AlarmBoard(
      () => this.environment.clock.wallMs(),
      health => this.tell({ type: 'health', health })
    )
    this.alarms = new RelayAlarms(board, this.environment)
    this.rosters = typeof options.rosters === 'string' ? this.system.loadRosters(options.rosters) : options.rosters
    this.alarms.rosters(this.rosters, this.node)
  }

  // ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @internal */
  async open(): Promise<void> {
    const { options, environment } = this
    const store = await this.system.openStore(options.dataDir, environment)
    this.store = store
    this.alarms.store(store.health)
    const replica = new Replica({
      node: this.node,
      role: 'relay',
      environment,
      store,
      ...(options.timing ? { timing: options.timing } : {}),
      logTuning: options.logTuning,
      events: {
        peerUp: peer => this.peerUp(peer),
        peerDown: (peer, reason) => this.peerDown(peer, reason),
        peerFailed: (peer, reason) => this.sessionLog.failed(peer, reason),
        sealed: (space, _, first) => first && this.alarms.mended(space),
        healed: (space, report) => this.tell({ type: 'healed', site: siteOfSpace(space.id), space: space.id, report }),
        diverged: (space, peer) => this.alarms.diverged(space, this.nameOf(siteOfSpace(space.id), peer)),
        alarm: (space, alarm) => this.alarms.table(space, alarm),
        storeHealth: health => this.alarms.store(health)
      }
    })
    this.replica = replica
    this.spaces = new TrunkSpaces({
      replica,
      self: this.node,
      names: this.spaceNames,
      rosterOf: site => this.rosters.get(site),
      log: environment.log,
      opened: space => this.alarms.opened(space),
      unreadable: (space, error) => !this.closing && this.alarms.unreadable(space, error)
    })
    await this.openDoors()
    this.loading = this.spaces.loadStored(store, () => this.closing !== undefined)
    // The promise is given to whoever asks for it; nobody need.
    this.loading.catch((error: unknown) => this.alarms.unreadable(undefined, error))
    if (options.control ?? options.dataDir !== 'memory')
      this.control = await this.system.serveControl(options.dataDir, relayRoutes(this), environment.log)
  }

  private async openDoors(): Promise<void> {
    const { options, environment, system } = this
    const metrics = new RelayMetrics({
      status: () => this.status(),
      monotonicMs: () => environment.clock.monotonicMs(),
      processMetrics: () => system.processMetrics(),
      sitesMax: options.metricsSitesMax ?? 1_000
    })
    const uptimeMs = () => environment.clock.monotonicMs() - this.startedAt.monotonicMs
    const answer = (path: string) => answerPage(path, { node: this.node, uptimeMs, notReady: () => this.notReady(), metrics })
    const trunks: ListenOptions['trunks'] = {
      key: this.key,
      rosters: site => this.rosters.get(site),
      ...(options.admission ? { admission: options.admission } : {}),
      onConnection: connection => this.accept(connection)
    }
    const tls = options.tls ? { tls: options.tls } : {}
    const pages = options.admin ? {} : { answer }
    this.doors.push(await system.listen({ ...environment, ...defaultListen, ...options.listen, ...tls, ...pages, trunks }))
    if (options.admin) this.doors.push(await system.listen({ ...environment, ...defaultListen, ...options.admin, answer }))
    environment.log.info({ url: this.url, sites: this.rosters.size, spaces: this.spaceNames }, 'the relay listens')
  }

  private accept(connection: Connection): void {
    const { site } = connection.remote
    const { replica, spaces } = this
    if (this.draining || !replica || !spaces || !site) return connection.close(this.drainReason())
    replica.attach(connection, {
      admits: space => spaces.admits(site, space.id),
      spaces: () => spaces.openOf(site),
      openOffered: space => spaces.offered(site, space)
    })
  }

  // ── what services use ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A site of the rosters; its spaces are read from disk when it is first asked for.
   * @throws SelvedgeError `ID_INVALID`, `RELAY_SITE_UNKNOWN`, `RELAY_CLOSED`, or the code of what could not be read
   */
  async site(id: string): Promise<RelaySite<S>> {
    const site = siteId(id)
    const { replica, spaces } = this
    if (this.closing || !replica || !spaces) throw new SelvedgeError(relayErrors.closed, 'the relay is closed')
    if (!this.rosters.has(site))
      throw new SelvedgeError(relayErrors.siteUnknown, `no roster of this relay is of site ${site}`, { details: { site } })
    const known = this.sitesOpen.get(site) ?? this.openSite(site, spaces)
    this.sitesOpen.set(site, known)
    return known
  }

  private async openSite(site: SiteId, spaces: TrunkSpaces): Promise<RelaySite<S>> {
    return new RelaySite<S>({
      id: site,
      spaces: await spaces.openSite(site),
      points: this.options.points,
      context: {
        isPresent: node => node === this.node || this.contacts.isPresent(site, node),
        nameOf: node => this.nameOf(site, node)
      },
      presence: () => {
        const contact = this.contacts.of(site)
        return { connected: contact.connected, lastSeenMs: contact.lastSeenMs(this.now()) }
      },
      nodes: () => this.rosters.get(site)?.nodes.map(({ node }) => node) ?? []
    })
  }

  /** Sites of the rosters. */
  sites(): SiteId[] {
    return [...this.rosters.keys()]
  }

  /** Adds a listener for {@link RelayEvent}s; returns what removes it. */
  on(listener: (event: RelayEvent) => void): () => void {
    return this.events.on(listener)
  }

  /** Where trunks are taken, `ws://` or `wss://`; undefined once it is closed. */
  get url(): string | undefined {
    const door = this.closing ? undefined : this.doors[0]
    return door && `${door.secure ? 'wss' : 'ws'}://${hostOf(door)}/trunk`
  }

  /** The port of {@link url}; undefined once it is closed. */
  get port(): number | undefined {
    return this.closing ? undefined : this.doors[0]?.port
  }

  /** Where `/healthz`, `/readyz` and `/metrics` are; undefined once it is closed. */
  get adminUrl(): string | undefined {
    const door = this.closing ? undefined : this.doors.at(-1)
    return door && `${door.secure ? 'https' : 'http'}://${hostOf(door)}`
  }

  get health(): Health {
    return this.alarms.health
  }

  /** Resolves when every space that was stored before is read, or told of as unreadable. */
  loaded(): Promise<void> {
    return this.loading
  }

  /** Why the relay should not be sent sites now; empty: it is ready. */
  notReady(): NotReady[] {
    const reasons: NotReady[] = []
    const loading = this.spaces?.loading
    const store = this.store?.health
    if (this.draining) reasons.push({ code: relayErrors.draining, message: 'the relay is being shut down' })
    if (!this.spaces) reasons.push({ code: relayErrors.loading, message: 'the store is being opened' })
    if (loading)
      reasons.push({ code: relayErrors.loading, message: `${loading.loaded} of ${loading.total} stored spaces are read` })
    if (store?.state === 'degraded') reasons.push({ code: store.code ?? 'STORE_IO', message: store.message ?? 'the disk fails' })
    return reasons
  }

  /** Everything that people and dashboards ask of a relay, as plain JSON. */
  status(): RelayStatus {
    return relayStatus({
      node: this.node,
      startedAt: this.startedAt,
      now: this.now(),
      url: this.url,
      notReady: this.notReady(),
      health: this.health,
      sites: this.sites(),
      contacts: this.contacts,
      store: this.store,
      replica: this.replica,
      spaces: this.spaces
    })
  }

  /**
   * Takes other rosters, without a restart: by default those in the file given to `openRelay`, read anew. Sessions of nodes that are
   * no longer in them end; what their sites stored is kept.
   * @throws SelvedgeError `ROSTER_UNREADABLE`, `ROSTER_INVALID`: the rosters stay as they are
   */
  reloadRosters(rosters: string | Rosters = this.options.rosters): void {
    this.rosters = typeof rosters === 'string' ? this.system.loadRosters(rosters) : rosters
    this.alarms.rosters(this.rosters, this.node)
    for (const [site, contact] of this.contacts.entries()) for (const peer of contact.sessions) this.endUnlisted(site, peer)
    this.environment.log.info({ sites: this.rosters.size }, 'rosters taken')
  }

  /**
   * Takes leave of the sites: says not ready, takes no more trunks, stores what it has, sends what is owed as long as
   * `drainTimeoutMs` allows, then ends each session with `RELAY_DRAINING` and its own time to come back. Pages and the API go on
   * until {@link close}. Idempotent.
   */
  drain(): Promise<void> {
    this.draining ??= this.takeLeave()
    return this.draining
  }

  private async takeLeave(): Promise<void> {
    const { replica } = this
    if (!replica) return
    const { clock, log } = this.environment
    log.info({ sessions: [...replica.peers()].length }, 'draining')
    await settle(replica, clock, this.options.drainTimeoutMs ?? 2_000)
    for (const peer of [...replica.peers()]) peer.session.close(this.drainReason())
  }

  private drainReason(): CloseReason {
    return drainReason(this.environment.random, this.contacts.sessions, this.options.admission?.perSecond)
  }

  /** Drains, stores what is left, and lets go of everything. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  private async shutDown(): Promise<void> {
    const steps: (() => Promise<unknown> | undefined)[] = [
      () => this.control?.close(),
      () => this.drain(),
      () => this.loading,
      () => this.replica?.close(this.drainReason()),
      () => Promise.all(this.doors.map(door => door.close())),
      () => this.store?.close()
    ]
    const failures: unknown[] = []
    // What fails must not keep the rest from being let go of.
    for (const step of steps) await step()?.catch((error: unknown) => failures.push(error))
    this.alarms.close()
    this.environment.log.info({ failures: failures.length }, 'the relay is closed')
    if (failures.length > 0) throw failures[0]
  }

  // ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private peerUp(peer: Peer): void {
    const { site, name } = peer.connection.remote
    if (!site) return
    const { node } = peer
    for (const older of this.contacts.of(site).opened(peer))
      older.session.close({ code: relayErrors.sessionReplaced, message: 'the same node has opened another session' })
    this.sessionLog.opened(peer)
    this.tell({ type: 'session-opened', site, node, name })
    // The rosters may have changed since it proved its key.
    this.endUnlisted(site, peer)
  }

  private endUnlisted(site: SiteId, peer: Peer): void {
    if (this.rosters.get(site)?.admits(peer.node)) return
    peer.session.close({ code: relayErrors.siteRemoved, message: 'the node is no longer in the rosters of this relay' })
  }

  private peerDown(peer: Peer, reason: CloseReason): void {
    const { site, name } = peer.connection.remote
    if (!site) return
    const { node } = peer
    this.contacts.of(site).closed(peer, this.now())
    this.sessionLog.over(peer, reason)
    this.tell({ type: 'session-closed', site, node, name, reason })
  }

  private nameOf(site: SiteId, node: NodeId): string {
    return node === this.node ? 'relay' : (this.rosters.get(site)?.nameOf(node) ?? node)
  }

  private now(): Times {
    const { clock } = this.environment
    return { trustedMs: this.replica?.trusted.nowMs() ?? clock.wallMs(), monotonicMs: clock.monotonicMs() }
  }

  private tell(event: RelayEvent): void {
    this.events.tell(event, this.environment.log)
  }
}

function hostOf({ host, port }: RelayListener): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
