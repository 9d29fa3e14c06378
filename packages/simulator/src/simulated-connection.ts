/** A connection between simulated hosts: two ends, and a pipe each way. */
import { limits, type Clock, type CloseReason, type Connection, type ConnectionHandlers, type RemotePeer } from '@selvedge/core'
import { closeCodes, connectionLimits, Inbox } from '@selvedge/network'
import type { Kernel } from './kernel.js'
import type { Path, PathState } from './simulated-path.js'
import { Pipe, type Endpoint, type Item } from './simulated-pipe.js'

const lost: CloseReason = { code: closeCodes.lost, message: 'the connection was lost' }

export interface WireOptions {
  readonly kernel: Kernel
  readonly from: Endpoint
  readonly to: Endpoint
  readonly forth: Path
  readonly back: Path
  readonly kind: Connection['kind']
  readonly name: string
  /** Both ends are over. */
  readonly done: () => void
  /** Told of each frame that is sent. */
  readonly sent: (sent: SentFrame) => void
  /** Told of each frame that has arrived, or never will. */
  readonly ended: (ended: EndedFrame) => void
}

/** One frame on its way between two hosts, as its bytes are on the wire. */
export interface SentFrame {
  readonly kind: Connection['kind']
  readonly from: string
  readonly to: string
  readonly frame: Uint8Array
}

/** A frame whose way is over; times are milliseconds since the start. */
export interface EndedFrame extends SentFrame {
  readonly sentMs: number
  /** Null: it never arrived. */
  readonly arrivedMs: number | null
}

export class Wire {
  readonly ends: readonly [SimulatedConnection, SimulatedConnection]
  private readonly pipes: readonly Pipe[]

  constructor(private readonly options: WireOptions) {
    const { kernel, from, to, kind, name } = options
    const forth = new Pipe(kernel, options.forth, to, `${name} ${from.name}>${to.name}`)
    const back = new Pipe(kernel, options.back, from, `${name} ${to.name}>${from.name}`)
    const ended = (): void => {
      if (this.ends.every(end => end.over)) options.done()
    }
    const { sent } = options
    const near = new SimulatedConnection(kind, from, to.name, true, forth, back, ended, sent)
    const far = new SimulatedConnection(kind, to, from.name, false, back, forth, ended, sent)
    this.ends = [near, far]
    this.pipes = [forth, back]
    forth.deliver = item => far.receive(item)
    forth.taken = bytes => far.taken(bytes)
    back.deliver = item => near.receive(item)
    back.taken = bytes => near.taken(bytes)
    const [one, other] = [from.name, to.name]
    forth.ended = (frame, sentMs, arrivedMs) => options.ended({ kind, from: one, to: other, frame, sentMs, arrivedMs })
    back.ended = (frame, sentMs, arrivedMs) => options.ended({ kind, from: other, to: one, frame, sentMs, arrivedMs })
  }

  joins(a: string, b: string): boolean {
    const [one, two] = this.ends
    return (one.host === a && two.host === b) || (one.host === b && two.host === a)
  }

  uses(path: Path): boolean {
    return path === this.options.forth || path === this.options.back
  }

  touches(host: string): boolean {
    return this.ends.some(end => end.host === host)
  }

  sever(): void {
    for (const end of this.ends) end.sever(lost)
  }

  /** The state of one of its paths was another before. */
  stateChanged(path: Path, before: PathState): void {
    if (path.state === 'closed') return this.sever()
    if (path.state !== 'open') return
    if (before === 'silent') this.pipes[path === this.options.forth ? 0 : 1]!.resend()
    this.pump()
  }

  pump(): void {
    for (const pipe of this.pipes) pipe.pump()
  }

  reset(host: string): void {
    for (const end of this.ends) {
      if (end.host !== host) continue
      end.vanish()
      end.pipe.put({ type: 'close', reason: lost }, 0)
    }
  }

  vanish(host: string): void {
    for (const end of this.ends) if (end.host === host) end.vanish()
  }

  /** Nothing passes any more. Only the end at `told`, if any, learns of it. */
  break(told?: string): void {
    for (const pipe of this.pipes) pipe.break()
    for (const end of this.ends) if (end.host === told) end.sever(lost)
  }
}

export class SimulatedConnection implements Connection {
  bytesOut = 0
  bytesIn = 0
  /** Nothing more comes in, and nothing more will be said. */
  over = false
  /** When bytes last came, by the clock of this end. */
  heardMs = 0
  /** Whose end it is. */
  readonly host: string
  private clock: Clock | undefined
  private told: ((reason: CloseReason) => void) | undefined
  /** Set when both ends have said who they are. */
  remote!: RemotePeer
  private readonly inbox = new Inbox(bytes => this.pipe.tellTaken(bytes))
  private underWay = 0
  private needsDrain = false
  private gone = false

  constructor(
    readonly kind: Connection['kind'],
    private readonly machine: Endpoint,
    readonly peerHost: string,
    readonly outgoing: boolean,
    readonly pipe: Pipe,
    private readonly incoming: Pipe,
    private readonly ended: () => void,
    private readonly sent: (sent: SentFrame) => void
  ) {
    this.host = machine.name
  }

  /** The handshake is over at this end; `ended` is told once, before the handlers are. */
  open(clock: Clock, ended: (reason: CloseReason) => void): void {
    this.clock = clock
    this.heardMs = clock.monotonicMs()
    this.told = ended
  }

  send(frame: Uint8Array): boolean {
    if (this.inbox.ended || this.gone) return false
    this.incoming.settle()
    if (frame.length > limits.frameBytesMax + 1024 || this.underWay + frame.length > connectionLimits.queueBytesMax) {
      this.close({ code: closeCodes.overflow, message: 'more was queued than the connection holds' })
      return false
    }
    const { speak } = this.machine
    for (const spoken of speak ? speak(frame) : [frame]) this.put(spoken)
    if (!this.needsDrain && this.underWay >= connectionLimits.highWaterBytes) {
      this.needsDrain = true
      this.incoming.awaitTaken()
    }
    return !this.needsDrain
  }

  private put(frame: Uint8Array): void {
    this.underWay += frame.length
    this.bytesOut += frame.length
    // A copy: the receiver owns its bytes, and the sender may use its buffer again.
    const copy = frame.slice()
    this.sent({ kind: this.kind, from: this.host, to: this.peerHost, frame: copy })
    this.pipe.put({ type: 'frame', frame: copy }, frame.length)
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
    if (!this.gone) this.machine.happen(() => void (this.gone || this.finish(reason, false)))
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
    } else {
      this.bytesIn += item.frame.length
      this.inbox.push(this.machine.hear ? this.machine.hear(item.frame) : item.frame)
    }
  }

  /** The other end took bytes; gives whether this end waits for more of that. */
  taken(bytes: number): boolean {
    this.underWay -= bytes
    if (!this.needsDrain || this.gone) return false
    if (this.underWay > connectionLimits.lowWaterBytes) return true
    this.needsDrain = false
    this.inbox.drain()
    return this.needsDrain
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
