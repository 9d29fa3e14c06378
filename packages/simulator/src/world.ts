/** Sites, their nodes, and a relay, as real code on simulated machines. */
import { isSelvedgeError, seededRandom, siteId, type Clock, type NodeId, type SiteId, type Timer } from '@selvedge/core'
import { nodeKeyFromSeed, Roster, type NodeKey } from '@selvedge/network'
import { openRelay, type Relay, type RelayOptions } from '@selvedge/relay'
import { openSite, type Site, type SiteOptions } from '@selvedge/site'
import { importAutomerge } from '@selvedge/documents'
import { SimulatedDisk } from './disk/simulated-disk.js'
import { Kernel } from './kernel.js'
import { MachineTime, SimulatedClock, type ClockFaults } from './simulated-clock.js'
import { SimulatedNetwork, type LinkQuality, type SimulatedHost } from './simulated-network.js'
import { relaySystem, siteSystem, type Machine } from './simulated-systems.js'

export interface WorldOptions {
  readonly seed: number
  /** True time at the start, in wall milliseconds. Default the first of January 2026, UTC. */
  readonly epochMs?: number
  /** Between nodes of one site. Default 1 ms. */
  readonly lan?: LinkQuality
  /** Between a node and the relay. Default 20 ms. */
  readonly trunk?: LinkQuality
  /** A world without one has sites without a cloud. Default true. */
  readonly relay?: boolean
  /** What services pass to `openSite`. */
  readonly siteOptions?: Pick<SiteOptions, 'points' | 'spaces' | 'timing' | 'logTuning' | 'election' | 'bootAloneAfterMs'>
  /** What the relay is opened with. */
  readonly relayOptions?: Pick<RelayOptions, 'timing' | 'logTuning'>
}

/** A site of its own kind. */
export interface SiteLinks {
  /** Default: the world's. */
  readonly lan?: LinkQuality
  /** Default: the world's. */
  readonly trunk?: LinkQuality
}

// What the runtime imports when it first needs it would take turns of the real event loop in the middle of a run.
await importAutomerge()

/** What a process ends with that can't use its disk, or that finds the key of a node there that is one no more. */
const endCodes = new Set(['STORE_FULL', 'STORE_IO', 'STORE_CORRUPT', 'STORE_UNUSABLE', 'SITE_NODE_NOT_LISTED'])
const restartMs = 5_000
const closeWithinMs = 30_000

/** A machine with its disk, and what runs on it from time to time. */
abstract class SimulatedProcess<Running extends { close(): Promise<void> }> {
  readonly host: SimulatedHost
  /** Its clocks; they go on while no process runs. */
  readonly time: MachineTime
  readonly disk: SimulatedDisk
  /** The key in its data directory: another node's if that directory was copied here. */
  identity: NodeKey
  protected running: Running | undefined
  private clock: SimulatedClock | undefined
  private boots = 0
  private restart: Timer | undefined
  private closing = false
  private startsOnceClosed = false

  constructor(
    readonly world: World,
    readonly name: string,
    public key: NodeKey,
    faults: ClockFaults = {}
  ) {
    this.identity = key
    this.host = world.network.host(name)
    this.disk = new SimulatedDisk(world.kernel, `disk of ${name}`, world.random.fork(`disk of ${name}`))
    this.disk.happen = run => this.host.happen(run)
    this.time = new MachineTime(world.kernel, world.epochMs, faults)
  }

  /** What runs; undefined: it is down, or not open yet. */
  get open(): Running | undefined {
    return this.running
  }

  /** It was started, and may be {@link open} already. */
  get isRunning(): boolean {
    return this.clock !== undefined
  }

  /** It was told to end, and takes no new work. */
  get isClosing(): boolean {
    return this.closing
  }

  /** Starts the process, unless there is one; one that is closing is followed by another. It is {@link open} some events later. */
  start(): void {
    if (this.closing) this.startsOnceClosed = true
    if (this.clock || !this.mayStart) return
    this.restart?.cancel()
    const { world, host, identity: key, disk, time } = this
    const clock = (this.clock = new SimulatedClock(world.kernel, this.name, time, run => host.happen(run)))
    const random = world.random.fork(`${this.name} ${this.boots++}`)
    host.powerOn()
    this.launch({ host, key, clock, random, disk, diskEpoch: disk.epoch, hostOf: node => world.hostOf(node) }).then(
      running => {
        if (this.clock !== clock) return
        this.running = running
        this.opened(clock)
      },
      (error: unknown) => {
        if (this.clock !== clock) return
        if (isSelvedgeError(error) && endCodes.has(error.code)) this.restartLater()
        else world.failures.push(error)
      }
    )
  }

  protected get mayStart(): boolean {
    return true
  }

  /** kill -9: what it had given to the operating system stays. */
  kill(): void {
    this.stop()
    this.disk.kill()
    this.host.kill()
  }

  /** The machine has no power any more: what was not fsynced may be lost, and nobody is told. */
  powerOff(): void {
    this.stop()
    this.disk.powerOff()
    this.host.powerOff()
  }

  /** SIGTERM: it stores what it has, takes leave, and ends. A machine that goes on does not wait for it for ever. */
  close(): void {
    const { clock, running } = this
    if (!running) return this.kill()
    const end = (): void => {
      if (this.clock !== clock) return
      patience.cancel()
      const again = this.startsOnceClosed
      this.kill()
      if (again) this.start()
    }
    this.closing = true
    const patience = this.world.kernel.after(closeWithinMs, this.name, 'SIGKILL', end)
    running.close().then(end, end)
  }

  /** SIGSTOP: what happens to it waits. */
  pause(): void {
    if (this.clock) this.host.pause()
  }

  /** SIGCONT: all that waited happens. */
  resume(): void {
    this.host.resume()
  }

  private stop(): void {
    this.restart?.cancel()
    this.clock?.stop()
    this.clock = undefined
    this.running = undefined
    this.closing = this.startsOnceClosed = false
  }

  /** As a supervisor does: the process has ended by itself, over what is on its disk. */
  private restartLater(): void {
    this.kill()
    this.restart = this.world.kernel.after(restartMs, this.name, 'restarted', () => this.start())
  }

  protected abstract launch(machine: Machine): Promise<Running>

  /** It runs: what shall run on it may start. */
  protected opened(_clock: Clock): void {}
}

export class SimulatedNode extends SimulatedProcess<Site> {
  /** It is out of the roster, and not to be started. */
  isExpelled = false

  constructor(
    world: World,
    name: string,
    key: NodeKey,
    readonly site: SiteId
  ) {
    super(world, name, key)
  }

  protected override get mayStart(): boolean {
    return !this.isExpelled
  }

  protected launch(machine: Machine): Promise<Site> {
    const { world, site } = this
    return openSite({
      ...world.options.siteOptions,
      site,
      dataDir: `/simulated/${this.name}`,
      roster: world.rosters.get(site)!,
      trunk: world.hasRelay && { url: 'wss://relay.simulated/trunk' },
      control: false,
      system: siteSystem(machine)
    })
  }

  protected override opened(clock: Clock): void {
    for (const told of this.world.onNodeOpen) told(this, clock)
  }
}

export class SimulatedRelay extends SimulatedProcess<Relay> {
  protected launch(machine: Machine): Promise<Relay> {
    const { rosters, options } = this.world
    return openRelay({
      ...options.relayOptions,
      dataDir: '/simulated/relay',
      rosters,
      control: false,
      system: relaySystem(machine, rosters)
    })
  }
}

export class World {
  readonly kernel: Kernel
  readonly network: SimulatedNetwork
  readonly random
  readonly epochMs: number
  readonly rosters = new Map<SiteId, Roster>()
  readonly nodes: SimulatedNode[] = []
  readonly relay: SimulatedRelay
  /** What could not start. */
  readonly failures: unknown[] = []
  /** Told each time that a node has opened its site, with the clock of its machine. */
  readonly onNodeOpen: ((node: SimulatedNode, clock: Clock) => void)[] = []
  readonly hasRelay: boolean
  private readonly hosts = new Map<NodeId, string>()
  private renewals = 0

  constructor(readonly options: WorldOptions) {
    this.hasRelay = options.relay ?? true
    this.random = seededRandom(options.seed)
    this.kernel = new Kernel(this.random.fork('libraries'))
    this.epochMs = options.epochMs ?? Date.UTC(2026, 0, 1)
    this.network = new SimulatedNetwork(this.kernel, this.random.fork('network'))
    this.relay = new SimulatedRelay(this, 'relay', this.keyOf('relay'))
    this.hosts.set(this.relay.key.node, 'relay')
  }

  /** The processes there are: nodes, and the relay if there is one. */
  get processes(): readonly (SimulatedNode | SimulatedRelay)[] {
    return this.hasRelay ? [...this.nodes, this.relay] : this.nodes
  }

  /** A site with nodes of these names, or `<site>-1` and so on. They are started by hand. */
  addSite(id: string, names: number | readonly string[], links: SiteLinks = {}): SimulatedNode[] {
    const site = siteId(id)
    const { lan = this.options.lan ?? { latencyMs: 1 }, trunk = this.options.trunk ?? { latencyMs: 20 } } = links
    const named = (typeof names === 'number' ? Array.from({ length: names }, (_, i) => `${id}-${i + 1}`) : names).map(name => ({
      name,
      key: this.keyOf(name)
    }))
    this.rosters.set(site, this.rosterOf(site, named))
    const nodes = named.map(({ name, key }) => new SimulatedNode(this, name, key, site))
    for (const [i, node] of nodes.entries()) {
      this.hosts.set(node.key.node, node.name)
      this.network.setLink(node.name, 'relay', trunk)
      for (const other of nodes.slice(0, i)) this.network.setLink(node.name, other.name, lan)
    }
    this.nodes.push(...nodes)
    return nodes
  }

  /** A node's machine is another one from now on: with a key of its own. */
  renewKey(node: SimulatedNode): void {
    this.hosts.delete(node.key.node)
    node.identity = node.key = this.keyOf(`${node.name} ${++this.renewals}`)
    this.hosts.set(node.key.node, node.name)
  }

  /** The roster of a site is written anew, of the nodes that belong to it. The relay takes it; nodes do when they start. */
  changeRoster(site: SiteId): void {
    const members = this.nodes.filter(node => node.site === site && !node.isExpelled)
    this.rosters.set(site, this.rosterOf(site, members))
    this.relay.open?.reloadRosters(this.rosters)
  }

  private rosterOf(site: SiteId, members: readonly { readonly name: string; readonly key: NodeKey }[]): Roster {
    const entries = members.map(({ name, key }) => ({ name, node: key.node }))
    return new Roster(site, entries, ...(this.hasRelay ? [{ name: 'relay', node: this.relay.key.node }] : []))
  }

  hostOf(node: NodeId): string {
    return this.hosts.get(node) ?? 'nowhere'
  }

  /** Lets time pass. */
  pass(ms: number): Promise<void> {
    return this.kernel.runUntil(this.kernel.nowMs + ms)
  }

  /** Lets time pass until `met`; false: not within `ms`. */
  passUntil(met: () => boolean, ms: number): Promise<boolean> {
    return this.kernel.runUntilMet(met, this.kernel.nowMs + ms)
  }

  private keyOf(name: string): NodeKey {
    return nodeKeyFromSeed(this.random.fork(`key of ${name}`).bytes(32))
  }
}
