/** One direction of a connection. */
import type { CloseReason } from '@selvedge/core'
import type { Kernel } from './kernel.js'
import type { Path } from './simulated-path.js'

/** What a connection needs of the host at one of its ends. */
export interface Endpoint {
  readonly name: string
  readonly isPaused: boolean
  /** Changes each frame that the host sends: into another, several or none. */
  readonly speak: ((frame: Uint8Array) => readonly Uint8Array[]) | undefined
  /** Changes each frame that the host receives. */
  readonly hear: ((frame: Uint8Array) => Uint8Array) | undefined
  /** Something happens to its process: now, or when that goes on. */
  happen(run: () => void): void
}

export type Item =
  { readonly type: 'frame'; readonly frame: Uint8Array } | { readonly type: 'close'; readonly reason: CloseReason }

interface Queued {
  dueMs: number
  readonly sentMs: number
  readonly item: Item
}

/**
 * Items in order, each due at a time of its own. What arrives at one instant arrives as one event, as from one read of a socket. What
 * the other end has taken of the bytes that it got is told this way too, but makes events only while somebody waits for it.
 */
export class Pipe {
  deliver: (item: Item) => void = () => undefined
  /** Told of each frame that has arrived, or never will (null). */
  ended: (frame: Uint8Array, sentMs: number, arrivedMs: number | null) => void = () => undefined
  /** Gives whether the receiver waits for more to be taken. */
  taken: (bytes: number) => boolean = () => false
  private readonly queue: Queued[] = []
  private readonly credits: { readonly dueMs: number; readonly bytes: number }[] = []
  private armed = false
  private awaited = false
  private settling = false
  private broken = false
  private busyUntilMs = 0
  private lastDueMs = 0

  constructor(
    private readonly kernel: Kernel,
    private readonly path: Path,
    private readonly receiver: Pick<Endpoint, 'isPaused'>,
    private readonly name: string
  ) {}

  put(item: Item, bytes: number): void {
    if (this.broken) return
    const { kernel, path } = this
    this.busyUntilMs = Math.max(kernel.nowMs, this.busyUntilMs) + path.busyMs(bytes)
    this.lastDueMs = Math.max(this.lastDueMs, this.busyUntilMs + path.delayMs())
    this.queue.push({ dueMs: this.lastDueMs, sentMs: kernel.nowMs, item })
    this.pump()
  }

  /** Tells the other end, some time later, that bytes were taken. */
  tellTaken(bytes: number): void {
    if (this.broken) return
    this.credits.push({ dueMs: this.kernel.nowMs + this.path.latencyMs, bytes })
    this.pump()
  }

  /** The other end waits for bytes to be taken. */
  awaitTaken(): void {
    this.awaited = true
    this.pump()
  }

  /** Hands over what has been told by now. */
  settle(): void {
    if (this.isBlocked) return
    let next = 0
    for (; next < this.credits.length && this.credits[next]!.dueMs <= this.kernel.nowMs; next++)
      this.awaited = this.taken(this.credits[next]!.bytes)
    if (next > 0) this.credits.splice(0, next)
  }

  /** Sees to it that the next item comes, and what is waited for. */
  pump(): void {
    if (this.isBlocked) return
    const [next, credit] = [this.queue[0], this.credits[0]]
    if (next && !this.armed) {
      this.armed = true
      this.kernel.after(next.dueMs - this.kernel.nowMs, this.name, next.item.type, () => {
        this.armed = false
        this.arrive()
        this.pump()
      })
    }
    if (credit && this.awaited && !this.settling) {
      this.settling = true
      this.kernel.after(credit.dueMs - this.kernel.nowMs, this.name, 'taken', () => {
        this.settling = false
        this.settle()
        this.pump()
      })
    }
  }

  /** A silence has ended: what was sent into it is on its way again. */
  resend(): void {
    const first = this.queue[0]
    if (first && first.dueMs < this.kernel.nowMs) first.dueMs = this.path.resentMs(first.dueMs)
    this.lastDueMs = Math.max(this.lastDueMs, first?.dueMs ?? 0)
  }

  clear(): void {
    for (const queued of this.queue) this.end(queued, null)
    this.queue.length = 0
    this.credits.length = 0
  }

  /** Nothing passes any more, and neither end is told. */
  break(): void {
    this.broken = true
    this.clear()
  }

  private get isBlocked(): boolean {
    return this.path.state !== 'open' || this.receiver.isPaused
  }

  private end({ item, sentMs }: Queued, arrivedMs: number | null): void {
    if (item.type === 'frame') this.ended(item.frame, sentMs, arrivedMs)
  }

  private arrive(): void {
    for (let next = this.queue[0]; next && next.dueMs <= this.kernel.nowMs; next = this.queue[0]) {
      if (this.isBlocked) return
      this.queue.shift()
      if (next.item.type === 'frame') this.kernel.trace.bytes(next.item.frame)
      this.end(next, this.kernel.nowMs)
      this.deliver(next.item)
    }
  }
}
