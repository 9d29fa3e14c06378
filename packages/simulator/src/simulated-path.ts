/**
 * The way from one host to another: how long a message takes there, and whether it arrives at all. Its own quality and whatever
 * impairs it at present are kept apart, so that faults may overlap and each be mended for itself.
 */
import type { Kernel } from './kernel.js'

/**
 * A stream hides what happens to packets, and shows it as time: a lost packet holds back all behind it until it is sent again, an
 * overtaken one until it arrives, and a doubled one takes its part of the bandwidth twice.
 */
export interface LinkQuality {
  /** One way. Default 1. */
  readonly latencyMs?: number
  /** Added at random to each message's latency, at most this. Default 0. */
  readonly jitterMs?: number
  /** Each way. Default without bound. */
  readonly bytesPerSecond?: number
  /** Share of messages that are lost and sent again. Default 0. */
  readonly loss?: number
  /** Share of messages that travel twice. Default 0. */
  readonly duplication?: number
  /** Share of messages that are overtaken by those behind them, and held up by as much as the latency. Default 0. */
  readonly reordering?: number
}

/**
 * `open`; `clogged`: everything waits, and arrives when the way is open again; `silent`: nothing arrives, nobody is told, and what was
 * sent is sent again at growing intervals; `closed`: connections break, and whoever tries is told at once.
 */
export type PathState = 'open' | 'clogged' | 'silent' | 'closed'

/** What is the matter with a path: added to its latency and jitter, at most its bandwidth, besides its loss. */
export interface Impairment extends LinkQuality {
  readonly state?: PathState
}

const states: readonly PathState[] = ['open', 'clogged', 'silent', 'closed']
/** What is lost is sent again after this, and after twice as long each further time, as TCP does. */
const resendMs = 200
const resendMaxMs = 60_000

export class Path {
  state: PathState = 'open'
  /** When the present or the last silence began. */
  silentSinceMs = 0
  private own: Required<LinkQuality> = {
    latencyMs: 1,
    jitterMs: 0,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    loss: 0,
    duplication: 0,
    reordering: 0
  }
  private now = this.own
  private readonly impairments = new Map<string, Impairment>()

  constructor(
    private readonly kernel: Kernel,
    /** Of what chance decides on it. */
    private readonly seed: number
  ) {}

  get latencyMs(): number {
    return this.now.latencyMs
  }

  /** The keys of what impairs it. */
  get impairedBy(): string[] {
    return [...this.impairments.keys()]
  }

  setQuality(quality: LinkQuality): void {
    this.own = { ...this.own, ...quality }
    this.reckon()
  }

  /** Impairs it until the same key is given no impairment. Gives whether its state changed. */
  impair(key: string, impairment: Impairment | undefined): boolean {
    if (impairment) this.impairments.set(key, impairment)
    else if (!this.impairments.delete(key)) return false
    return this.reckon()
  }

  /** How long `bytes` keep the path busy. */
  busyMs(bytes: number): number {
    const { bytesPerSecond, duplication } = this.now
    if (bytesPerSecond === Number.POSITIVE_INFINITY) return 0
    const copies = duplication > 0 && this.chance(2) < duplication ? 2 : 1
    return ((copies * bytes) / bytesPerSecond) * 1_000
  }

  /**
   * How long one message takes, without its place in a queue. What chance decides follows from the path and the time alone: when a
   * message is left out, it disturbs no other's fate.
   */
  delayMs(): number {
    const { latencyMs, jitterMs, loss, reordering } = this.now
    let delay = jitterMs > 0 ? latencyMs + jitterMs * this.chance(0) : latencyMs
    if (reordering > 0 && this.chance(1) < reordering) delay += latencyMs * this.chance(3)
    return loss > 0 ? delay + this.lostMs(loss) : delay
  }

  private lostMs(loss: number): number {
    let lost = 0
    for (let again = resendMs; again < resendMaxMs && this.chance(again) < loss; again *= 2) lost += again
    return lost
  }

  /** When what was sent at `sentMs` into a silence that has just ended is sent again. */
  resentMs(sentMs: number): number {
    let atMs = Math.max(sentMs, this.silentSinceMs)
    for (let again = resendMs; atMs < this.kernel.nowMs; again = Math.min(again * 2, resendMaxMs)) atMs += again
    return atMs
  }

  private reckon(): boolean {
    const before = this.state
    let { latencyMs, jitterMs, bytesPerSecond, loss, duplication, reordering } = this.own
    let state = 0
    for (const impairment of this.impairments.values()) {
      state = Math.max(state, states.indexOf(impairment.state ?? 'open'))
      latencyMs += impairment.latencyMs ?? 0
      jitterMs += impairment.jitterMs ?? 0
      bytesPerSecond = Math.min(bytesPerSecond, impairment.bytesPerSecond ?? Number.POSITIVE_INFINITY)
      loss = 1 - (1 - loss) * (1 - (impairment.loss ?? 0))
      duplication = Math.max(duplication, impairment.duplication ?? 0)
      reordering = Math.max(reordering, impairment.reordering ?? 0)
    }
    this.now = { latencyMs, jitterMs, bytesPerSecond, loss, duplication, reordering }
    this.state = states[state]!
    if (this.state === 'silent' && before !== 'silent') this.silentSinceMs = this.kernel.nowMs
    return this.state !== before
  }

  /** A number from 0 up to, not including, 1, that looks random and is a function of path, time and draw. */
  private chance(draw: number): number {
    const time = Math.floor(this.kernel.nowMs * 1_000)
    const high = Math.floor(time / 0x1_0000_0000)
    let bits = this.seed ^ Math.imul(time | 0, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b) ^ Math.imul(draw, 0x27d4eb2f)
    bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad)
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97)
    return ((bits ^ (bits >>> 15)) >>> 0) / 0x1_0000_0000
  }
}
