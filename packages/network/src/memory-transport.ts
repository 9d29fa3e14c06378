/**
 * Connections in memory over an injected clock: what tests and simulations use in place of mesh and trunk. Deterministic: the same
 * calls under the same clock give the same deliveries. Frames of one direction never overtake each other. Two different faults:
 * a cut that *closes* (both ends are told at once, what was under way is lost) and a cut that *stalls* (nothing is told, nothing
 * arrives, and after `heal` it all does, as TCP would resend it).
 *
 * @example
 * const network = new MemoryNetwork({ clock, latencyMs: 2 })
 * network.endpoint({ name: 'a', node: nodeId('a'), role: 'node' }).listen(connection => …)
 * const connection = await network.endpoint({ name: 'b', node: nodeId('b'), role: 'node' }).dial('a')
 */
import {
  assert,
  SelvedgeError,
  type Clock,
  type CloseReason,
  type Connection,
  type ConnectionHandlers,
  type NodeId,
  type RemotePeer,
  type SiteId,
  type Timer
} from '@selvedge/core'
import { closedReason, lostReason } from './close-reason.js'
import { connectionLimits } from './connection-limits.js'
import { closeCodes, networkErrors } from './errors.js'
import { Inbox } from './inbox.js'

export interface MemoryLink {
  /** One way; default 0, which still takes a turn of the clock. */
  readonly latencyMs?: number
  /** Each way; default without bound. */
  readonly bytesPerSecond?: number
}

export interface MemoryNetworkOptions extends MemoryLink {
  readonly clock: Clock
  /** How long a dial into a stalled link waits; default 5 s. */
  readonly dialTimeoutMs?: number
}

export interface MemoryIdentity {
  /** What others dial; unique in the network. */
  readonly name: string
  readonly node: NodeId
  readonly site?: SiteId
  readonly role: 'node' | 'relay'
}

export interface MemoryEndpoint {
  readonly identity: MemoryIdentity
  /** Accepts dials from now on. */
  listen(onConnection: (connection: Connection) => void): void
  /** Resolves after a round trip. @throws SelvedgeError `MEMORY_DIAL_FAILED`: nobody listens there, or the link is cut */
  dial(name: string): Promise<Connection>
  /** Closes its connections and stops listening; its name is free again. Idempotent. */
  close(): void
}

/** The way from one endpoint to another; its two directions are two paths. */
interface Path {
  latencyMs: number
  bytesPerSecond: number
  state: 'open' | 'closed' | 'stalled'
}

export class MemoryNetwork {
  private readonly endpoints = new Map<string, Endpoint>()
  private readonly paths = new Map<string, Path>()
  private readonly wires = new Set<Wire>()

  constructor(private readonly options: MemoryNetworkOptions) {}

  endpoint(identity: MemoryIdentity): MemoryEndpoint {
    assert(!this.endpoints.has(identity.name), `an endpoint named ${identity.name} exists already`)
    const endpoint = new Endpoint(identity, this.host)
    this.endpoints.set(identity.name, endpoint)
    return endpoint
  }

  /** Sets latency and bandwidth between two endpoints, both ways; frames under way keep theirs. */
  setLink(a: string, b: string, link: MemoryLink): void {
    for (const path of [this.path(a, b), this.path(b, a)]) {
      if (link.latencyMs !== undefined) path.latencyMs = link.latencyMs
      if (link.bytesPerSecond !== undefined) path.bytesPerSecond = link.bytesPerSecond
    }
  }

  /**
   * Cuts the link between two endpoints: `close` tells both ends, `stall` tells nobody. With `oneWay` only what goes from `a` to
   * `b` is stalled.
   */
  cut(a: string, b: string, fault: 'close' | 'stall', options: { oneWay?: boolean } = {}): void {
    assert(!(options.oneWay && fault === 'close'), 'a close has no direction')
    this.setState(a, b, fault === 'close' ? 'closed' : 'stalled')
    if (!options.oneWay) this.setState(b, a, fault === 'close' ? 'closed' : 'stalled')
    if (fault === 'stall') return
    for (const wire of [...this.wires]) if (wire.joins(a, b)) wire.sever(lostReason)
  }

  /** Ends a cut: what was stalled arrives, dials work again. */
  heal(a: string, b: string): void {
    this.setState(a, b, 'open')
    this.setState(b, a, 'open')
    for (const wire of this.wires) if (wire.joins(a, b)) wire.resume()
  }

  private setState(from: string, to: string, state: Path['state']): void {
    this.path(from, to).state = state
  }

  private path(from: string, to: string): Path {
    const key = `${from}\n${to}`
    let path = this.paths.get(key)
    if (!path) {
      path = {
        latencyMs: this.options.latencyMs ?? 0,
        bytesPerSecond: this.options.bytesPerSecond ?? Number.POSITIVE_INFINITY,
        state: 'open'
      }
      this.paths.set(key, path)
    }
    return path
  }

  /** What endpoints need of their network. */
  private readonly host: Host = {
    dial: (from, to) => this.dial(from, to),
    closed: endpoint => {
      if (this.endpoints.get(endpoint.identity.name) !== endpoint) return
      this.endpoints.delete(endpoint.identity.name)
      for (const wire of [...this.wires]) if (wire.touches(endpoint.identity.name)) wire.close(endpoint.identity.name)
    }
  }

  private dial(from: Endpoint, to: string): Promise<Connection> {
    const { clock } = this.options
    const there = this.path(from.identity.name, to)
    const back = this.path(to, from.identity.name)
    const startedMs = clock.monotonicMs()
    const timeoutMs = this.options.dialTimeoutMs ?? 5_000
    return new Promise((resolve, reject) => {
      const fail = (problem: string) =>
        reject(new SelvedgeError(networkErrors.memoryDialFailed, `${to} can't be dialled: ${problem}`, { details: { name: to } }))
      const attempt = () => {
        const target = this.endpoints.get(to)
        if (there.state === 'stalled' || back.state === 'stalled') {
          // As with TCP, the dial is tried on until it times out: a short stall only delays it.
          if (clock.monotonicMs() - startedMs >= timeoutMs) fail('it does not answer')
          else clock.setTimer(Math.min(100, timeoutMs), attempt)
        } else if (there.state === 'closed') fail('the link is cut')
        else if (!target?.accept || !this.endpoints.has(from.identity.name)) fail('nobody listens there')
        else resolve(this.join(from, target, target.accept))
      }
      clock.setTimer(there.latencyMs + back.latencyMs, attempt)
    })
  }

  private join(from: Endpoint, to: Endpoint, accept: (connection: Connection) => void): Connection {
    const wire = new Wire(
      this.options.clock,
      from.identity,
      to.identity,
      (a, b) => this.path(a, b),
      () => this.wires.delete(wire)
    )
    this.wires.add(wire)
    accept(wire.right)
    return wire.left
  }
}

interface Host {
  dial(from: Endpoint, to: string): Promise<Connection>
  closed(endpoint: Endpoint): void
}

class Endpoint implements MemoryEndpoint {
  accept: ((connection: Connection) => void) | undefined

  constructor(
    readonly identity: MemoryIdentity,
    private readonly host: Host
  ) {}

  listen(onConnection: (connection: Connection) => void): void {
    this.accept = onConnection
  }

  dial(name: string): Promise<Connection> {
    return this.host.dial(this, name)
  }

  close(): void {
    this.accept = undefined
    this.host.closed(this)
  }
}

/** One connection: its two ends and a pipe each way. */
class Wire {
  readonly left: MemoryConnection
  readonly right: MemoryConnection

  constructor(
    clock: Clock,
    private readonly from: MemoryIdentity,
    private readonly to: MemoryIdentity,
    path: (from: string, to: string) => Path,
    private readonly done: () => void
  ) {
    const forth = new Pipe(clock, path(from.name, to.name))
    const back = new Pipe(clock, path(to.name, from.name))
    this.left = new MemoryConnection(remoteOf(to), true, forth, () => this.finished())
    this.right = new MemoryConnection(remoteOf(from), false, back, () => this.finished())
    forth.deliver = item => this.right.receive(item)
    back.deliver = item => this.left.receive(item)
  }

  joins(a: string, b: string): boolean {
    return (this.from.name === a && this.to.name === b) || (this.from.name === b && this.to.name === a)
  }

  touches(name: string): boolean {
    return this.from.name === name || this.to.name === name
  }

  close(name: string): void {
    if (this.from.name === name) this.left.close()
    else this.right.close()
  }

  sever(reason: CloseReason): void {
    this.left.sever(reason)
    this.right.sever(reason)
  }

  resume(): void {
    this.left.pipe.pump()
    this.right.pipe.pump()
  }

  private finished(): void {
    if (this.left.over && this.right.over) this.done()
  }
}

function remoteOf(identity: MemoryIdentity): RemotePeer {
  const { node, role, name } = identity
  return { node, role, name, address: `memory:${name}`, ...(identity.site === undefined ? {} : { site: identity.site }) }
}

type Item = { type: 'frame'; frame: Uint8Array } | { type: 'consumed'; bytes: number } | { type: 'close'; reason: CloseReason }

/** One direction: items in order, each due at a time of its own. */
class Pipe {
  deliver: (item: Item) => void = () => {}
  private queue: { dueMs: number; item: Item }[] = []
  private timer: Timer | undefined
  private busyUntilMs = 0
  private lastDueMs = 0

  constructor(
    private readonly clock: Clock,
    private readonly path: Path
  ) {}

  put(item: Item, bytes: number): void {
    const now = this.clock.monotonicMs()
    this.busyUntilMs = Math.max(now, this.busyUntilMs) + (bytes / this.path.bytesPerSecond) * 1000
    this.lastDueMs = Math.max(this.lastDueMs, this.busyUntilMs + this.path.latencyMs)
    this.queue.push({ dueMs: this.lastDueMs, item })
    this.pump()
  }

  /** Arms the timer for the next item, unless the path is stalled. */
  pump(): void {
    const next = this.queue[0]
    if (this.timer || !next || this.path.state === 'stalled') return
    this.timer = this.clock.setTimer(next.dueMs - this.clock.monotonicMs(), () => {
      this.timer = undefined
      this.deliverDue()
      this.pump()
    })
  }

  clear(): void {
    this.queue = []
    this.timer?.cancel()
    this.timer = undefined
  }

  private deliverDue(): void {
    const now = this.clock.monotonicMs()
    // Only what is queued now: an answer given from within waits for its own timer.
    for (let count = this.queue.length; count > 0; count--) {
      const next = this.queue[0]
      if (!next || next.dueMs > now || this.path.state === 'stalled') return
      this.queue.shift()
      this.deliver(next.item)
    }
  }
}

class MemoryConnection implements Connection {
  readonly kind = 'memory'
  bytesOut = 0
  bytesIn = 0
  /** Nothing more comes in and nothing more will be said. */
  over = false
  private readonly inbox = new Inbox(bytes => this.pipe.put({ type: 'consumed', bytes }, 0))
  private unconsumedBytes = 0
  private needsDrain = false

  constructor(
    readonly remote: RemotePeer,
    readonly outgoing: boolean,
    readonly pipe: Pipe,
    private readonly finished: () => void
  ) {}

  send(frame: Uint8Array): boolean {
    assert(frame.length <= connectionLimits.frameBytesMax, `a frame has at most ${connectionLimits.frameBytesMax} bytes`)
    if (this.inbox.ended) return false
    if (this.unconsumedBytes + frame.length > connectionLimits.queueBytesMax) {
      this.close({ code: closeCodes.overflow, message: 'more was queued than the connection holds' })
      return false
    }
    this.unconsumedBytes += frame.length
    this.bytesOut += frame.length
    // A copy: the receiver owns its bytes, and the sender may use its buffer again.
    this.pipe.put({ type: 'frame', frame: frame.slice() }, frame.length)
    this.needsDrain ||= this.unconsumedBytes >= connectionLimits.highWaterBytes
    return !this.needsDrain
  }

  attach(handlers: ConnectionHandlers): void {
    this.inbox.attach(handlers)
  }

  close(reason: CloseReason = closedReason): void {
    if (!this.inbox.finish(reason, true)) return
    this.pipe.put({ type: 'close', reason }, 0)
    this.end()
  }

  /** The link was cut: what is under way is lost. */
  sever(reason: CloseReason): void {
    this.pipe.clear()
    this.inbox.finish(reason, false)
    this.end()
  }

  receive(item: Item): void {
    if (item.type === 'close') {
      this.inbox.finish(item.reason, false)
      this.end()
    } else if (item.type === 'frame') {
      this.bytesIn += item.frame.length
      this.inbox.push(item.frame)
    } else {
      this.unconsumedBytes -= item.bytes
      if (!this.needsDrain || this.unconsumedBytes > connectionLimits.lowWaterBytes) return
      this.needsDrain = false
      this.inbox.drain()
    }
  }

  private end(): void {
    if (this.over) return
    this.over = true
    this.finished()
  }
}
