/**
 * The network between simulated hosts: streams of frames in order, as TCP carries them. A path has latency, jitter, bandwidth and
 * loss, which delays what was lost and all behind it, as resending does. It can be cut so that both ends are told, or go silent so
 * that nobody is, in one direction or both.
 */
import {
  limits,
  SelvedgeError,
  type Clock,
  type CloseReason,
  type Connection,
  type ConnectionHandlers,
  type NodeId,
  type Random,
  type RemotePeer,
  type SiteId
} from '@selvedge/core'
import { connectionLimits, Inbox, networkErrors, closeCodes } from '@selvedge/network'
import type { Kernel } from './kernel.js'
import { chanceAt } from './link-chance.js'

export interface LinkQuality {
  /** One way. Default 1. */
  readonly latencyMs?: number
  /** Added at random to each message's latency, at most this. Default 0. */
  readonly jitterMs?: number
  /** Each way. Default without bound. */
  readonly bytesPerSecond?: number
  /** Share of messages that are lost and sent again. Default 0. */
  readonly loss?: number
}

/** `open`; `closed`: whoever tries is told at once; `silent`: nothing arrives, and nobody is told. */
export type PathState = 'open' | 'closed' | 'silent'

interface Path extends Required<LinkQuality> {
  state: PathState
  /** Of what chance decides on it. */
  readonly seed: number
}

const lost: CloseReason = { code: closeCodes.lost, message: 'the connection was lost' }
/** What is lost is sent again after this, and after twice as long each further time, as TCP does. */
const resendMs = 200
/** A connection attempt into silence ends after this. */
const connectTimeoutMs = 8_000

/** Who connects, as the handshake proves it. */
export interface Caller {
  readonly node: NodeId
  readonly site: SiteId
}

/** Takes a connection, or throws what the caller is refused with; gives who answers, as the handshake proves it. */
export type Accept = (caller: Caller, connection: SimulatedConnection) => NodeId

export interface Connected {
  readonly connection: SimulatedConnection
  /** Who answered. */
  readonly node: NodeId
}

export type ServiceName = 'mesh' | 'trunk'

export class SimulatedHost {
  readonly services = new Map<ServiceName, Accept>()
  private up = true

  constructor(
    readonly name: string,
    private readonly network: SimulatedNetwork
  ) {}

  get isUp(): boolean {
    return this.up
  }

  /** Connects to a service of another host. Rejects as an unreachable host does, or with what it refuses with. */
  connect(to: string, service: ServiceName, caller: Caller): Promise<Connected> {
    return this.network.connect(this, to, service, caller)
  }

  /** The process is killed: what it had open is reset by the operating system. */
  kill(): void {
    this.services.clear()
    for (const wire of this.network.wiresOf(this.name)) wire.reset(this.name)
  }

  /** Power is lost: nobody is told. */
  powerOff(): void {
    this.up = false
    this.services.clear()
    for (const wire of this.network.wiresOf(this.name)) wire.vanish(this.name)
  }

  powerOn(): void {
    this.up = true
  }
}

export class SimulatedNetwork {
  private readonly hosts = new Map<string, SimulatedHost>()
  private readonly paths = new Map<string, Path>()
  private readonly wires = new Set<Wire>()
  private wireCount = 0

  constructor(
    private readonly kernel: Kernel,
    private readonly random: Random
  ) {}

  host(name: string): SimulatedHost {
    let host = this.hosts.get(name)
    if (!host) this.hosts.set(name, (host = new SimulatedHost(name, this)))
    return host
  }

  /** Sets the quality of the way between two hosts, both ways. */
  setLink(a: string, b: string, quality: LinkQuality): void {
    for (const path of [this.path(a, b), this.path(b, a)]) Object.assign(path, quality)
  }

  /** Cuts, silences or opens the way between two hosts; `oneWay`: from `a` to `b` alone. */
  setState(a: string, b: string, state: PathState, oneWay = false): void {
    this.path(a, b).state = state
    if (!oneWay) this.path(b, a).state = state
    for (const wire of [...this.wires]) if (wire.joins(a, b)) wire.stateChanged(state)
  }

  wiresOf(name: string): Wire[] {
    return [...this.wires].filter(wire => wire.ends.some(({ host }) => host === name))
  }

  path(from: string, to: string): Path {
    const key = `${from}>${to}`
    let path = this.paths.get(key)
    if (!path) {
      const seed = this.random.fork(key).uint32()
      path = { latencyMs: 1, jitterMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, loss: 0, state: 'open', seed }
      this.paths.set(key, path)
    }
    return path
  }

  /** How long one message takes on a path, without its place in a queue. */
  delayMs(path: Path): number {
    const { latencyMs, jitterMs, loss, seed } = path
    const { nowMs } = this.kernel
    let delay = jitterMs > 0 ? latencyMs + jitterMs * chanceAt(seed, nowMs, 0) : latencyMs
    if (loss === 0) return delay
    for (let again = resendMs; again < 60_000 && chanceAt(seed, nowMs, again) < loss; again *= 2) delay += again
    return delay
  }

  connect(from: SimulatedHost, to: string, service: ServiceName, caller: Caller): Promise<Connected> {
    const [there, back] = [this.path(from.name, to), this.path(to, from.name)]
    const startedMs = this.kernel.nowMs
    return new Promise((resolve, reject) => {
      const fail = (problem: string): void =>
        reject(new SelvedgeError(networkErrors.memoryDialFailed, `${to} can't be reached: ${problem}`, { details: { name: to } }))
      let waitMs = 1_000
      const attempt = (): void => {
        const target = this.hosts.get(to)
        if (!from.isUp) return
        if (there.state === 'closed') return fail('there is no way')
        if (there.state === 'silent' || back.state === 'silent' || !target?.isUp) {
          // As the first packet of a TCP connection is sent again: after 1, 2, 4 seconds.
          if (this.kernel.nowMs + waitMs - startedMs > connectTimeoutMs) return fail('it does not answer')
          this.kernel.after(waitMs, `${from.name}>${to}`, 'connect again', attempt)
          waitMs *= 2
          return
        }
        const accept = target.services.get(service)
        if (!accept) return fail('nobody listens there')
        const wire = new Wire(this.kernel, this, from.name, to, service, `w${this.wireCount++}`, () => this.wires.delete(wire))
        this.wires.add(wire)
        const [mine, theirs] = wire.ends
        let node: NodeId
        try {
          node = accept(caller, theirs)
        } catch (error) {
          wire.sever()
          const refusal = error instanceof Error ? error : new Error(String(error))
          return void this.kernel.after(this.delayMs(back), `${to}>${from.name}`, 'refused', () => reject(refusal))
        }
        this.kernel.after(this.delayMs(back), `${to}>${from.name}`, 'connected', () => {
          if (mine.over) fail('the connection was lost')
          else resolve({ connection: mine, node })
        })
      }
      // TCP, then the handshake: three round trips, of which the answer to the last is its own event.
      const tripMs = this.delayMs(there) + this.delayMs(back)
      this.kernel.after(2 * tripMs + this.delayMs(there), `${from.name}>${to}`, 'connect', attempt)
    })
  }
}

type Item =
  | { readonly type: 'frame'; readonly frame: Uint8Array }
  | { readonly type: 'taken'; readonly bytes: number }
  | { readonly type: 'close'; readonly reason: CloseReason }

/** Two ends, and a pipe each way. */
class Wire {
  readonly ends: readonly [SimulatedConnection, SimulatedConnection]

  constructor(
    kernel: Kernel,
    network: SimulatedNetwork,
    from: string,
    to: string,
    kind: Connection['kind'],
    name: string,
    private readonly done: () => void
  ) {
    const forth = new Pipe(kernel, network, network.path(from, to), `${name} ${from}>${to}`)
    const back = new Pipe(kernel, network, network.path(to, from), `${name} ${to}>${from}`)
    this.ends = [
      new SimulatedConnection(kind, from, to, true, forth, () => this.ended()),
      new SimulatedConnection(kind, to, from, false, back, () => this.ended())
    ]
    forth.deliver = item => this.ends[1].receive(item)
    back.deliver = item => this.ends[0].receive(item)
  }

  joins(a: string, b: string): boolean {
    const [one, two] = this.ends
    return (one.host === a && two.host === b) || (one.host === b && two.host === a)
  }

  sever(): void {
    for (const end of this.ends) end.sever(lost)
  }

  stateChanged(state: PathState): void {
    if (state === 'closed') this.sever()
    else for (const end of this.ends) end.pipe.pump()
  }

  /** One end's process is gone: the other is told, as far as the way is open. */
  reset(host: string): void {
    for (const end of this.ends) {
      if (end.host !== host) continue
      end.vanish()
      end.pipe.put({ type: 'close', reason: lost }, 0)
    }
  }

  /** One end is gone without a word. */
  vanish(host: string): void {
    for (const end of this.ends) if (end.host === host) end.vanish()
  }

  private ended(): void {
    if (this.ends.every(end => end.over)) this.done()
  }
}

/** One direction: items in order, each due at a time of its own. */
class Pipe {
  deliver: (item: Item) => void = () => undefined
  private queue: { readonly dueMs: number; readonly item: Item }[] = []
  private armed = false
  private busyUntilMs = 0
  private lastDueMs = 0

  constructor(
    private readonly kernel: Kernel,
    private readonly network: SimulatedNetwork,
    private readonly path: Path,
    private readonly name: string
  ) {}

  put(item: Item, bytes: number): void {
    this.busyUntilMs = Math.max(this.kernel.nowMs, this.busyUntilMs) + (bytes / this.path.bytesPerSecond) * 1_000
    this.lastDueMs = Math.max(this.lastDueMs, this.busyUntilMs + this.network.delayMs(this.path))
    this.queue.push({ dueMs: this.lastDueMs, item })
    this.pump()
  }

  /** Sees to it that the next item comes, unless the path is silent. */
  pump(): void {
    const next = this.queue[0]
    if (this.armed || !next || this.path.state !== 'open') return
    this.armed = true
    this.kernel.after(next.dueMs - this.kernel.nowMs, this.name, next.item.type, () => {
      this.armed = false
      if (this.path.state !== 'open' || this.queue[0] !== next) return this.pump()
      this.queue.shift()
      if (next.item.type === 'frame') this.kernel.trace.bytes(next.item.frame)
      this.deliver(next.item)
      this.pump()
    })
  }

  clear(): void {
    this.queue = []
  }
}

export class SimulatedConnection implements Connection {
  bytesOut = 0
  bytesIn = 0
  /** Nothing more comes in, and nothing more will be said. */
  over = false
  /** When bytes last came, by the clock of this end. */
  heardMs = 0
  private clock: Clock | undefined
  private told: ((reason: CloseReason) => void) | undefined
  /** Set when both ends have said who they are. */
  remote!: RemotePeer
  private readonly inbox = new Inbox(bytes => this.pipe.put({ type: 'taken', bytes }, 0))
  private underWay = 0
  private needsDrain = false
  private gone = false

  constructor(
    readonly kind: Connection['kind'],
    /** Whose end it is. */
    readonly host: string,
    readonly peerHost: string,
    readonly outgoing: boolean,
    readonly pipe: Pipe,
    private readonly ended: () => void
  ) {}

  /** The handshake is over at this end; `ended` is told once, before the handlers are. */
  open(clock: Clock, ended: (reason: CloseReason) => void): void {
    this.clock = clock
    this.heardMs = clock.monotonicMs()
    this.told = ended
  }

  send(frame: Uint8Array): boolean {
    if (this.inbox.ended || this.gone) return false
    if (frame.length > limits.frameBytesMax + 1024 || this.underWay + frame.length > connectionLimits.queueBytesMax) {
      this.close({ code: closeCodes.overflow, message: 'more was queued than the connection holds' })
      return false
    }
    this.underWay += frame.length
    this.bytesOut += frame.length
    // A copy: the receiver owns its bytes, and the sender may use its buffer again.
    this.pipe.put({ type: 'frame', frame: frame.slice() }, frame.length)
    this.needsDrain ||= this.underWay >= connectionLimits.highWaterBytes
    return !this.needsDrain
  }

  attach(handlers: ConnectionHandlers): void {
    this.inbox.attach(handlers)
  }

  close(reason: CloseReason = { code: closeCodes.closed, message: 'closed' }): void {
    if (this.gone || !this.finish(reason, true)) return
    this.pipe.put({ type: 'close', reason }, 0)
    this.end()
  }

  /** The way is cut: what is under way is lost. */
  sever(reason: CloseReason): void {
    this.pipe.clear()
    if (!this.gone) this.finish(reason, false)
    this.end()
  }

  /** The process that held this end is no more: it is told nothing. */
  vanish(): void {
    this.gone = true
    this.pipe.clear()
    this.end()
  }

  receive(item: Item): void {
    if (this.gone) return
    this.heardMs = this.clock?.monotonicMs() ?? 0
    if (item.type === 'close') {
      this.finish(item.reason, false)
      this.end()
    } else if (item.type === 'frame') {
      this.bytesIn += item.frame.length
      this.inbox.push(item.frame)
    } else {
      this.underWay -= item.bytes
      if (!this.needsDrain || this.underWay > connectionLimits.lowWaterBytes) return
      this.needsDrain = false
      this.inbox.drain()
    }
  }

  private finish(reason: CloseReason, discard: boolean): boolean {
    if (!this.inbox.finish(reason, discard)) return false
    this.told?.(reason)
    return true
  }

  private end(): void {
    if (this.over) return
    this.over = true
    this.ended()
  }
}
