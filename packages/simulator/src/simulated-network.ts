/**
 * The network between simulated hosts: streams of frames in order, as TCP carries them. A path has latency, jitter, bandwidth and
 * loss. It can be cut so that both ends are told, or go silent so that nobody is, in one direction or both.
 */
import { SelvedgeError, type Random } from '@selvedge/core'
import { networkErrors } from '@selvedge/network'
import type { Kernel } from './kernel.js'
import { Wire, type EndedFrame, type SentFrame } from './simulated-connection.js'
import { SimulatedHost, type Caller, type Connected, type HostNetwork, type ServiceName } from './simulated-host.js'
import { Path, type Impairment, type LinkQuality, type PathState } from './simulated-path.js'

export { SimulatedConnection, type EndedFrame, type SentFrame } from './simulated-connection.js'
export { SimulatedHost, type Accept, type Caller, type Connected, type ServiceName } from './simulated-host.js'
export type { Impairment, LinkQuality, PathState } from './simulated-path.js'

/** A connection attempt into silence ends after this. */
const connectTimeoutMs = 8_000

export class SimulatedNetwork implements HostNetwork {
  private readonly hosts = new Map<string, SimulatedHost>()
  private readonly paths = new Map<string, Path>()
  private readonly wires = new Set<Wire>()
  private readonly watchers: ((sent: SentFrame) => void)[] = []
  private readonly endWatchers: ((ended: EndedFrame) => void)[] = []
  private wireCount = 0

  constructor(
    private readonly kernel: Kernel,
    private readonly random: Random
  ) {}

  /** Calls `watcher` with each frame that is sent; it must not change the bytes. */
  watchFrames(watcher: (sent: SentFrame) => void): void {
    this.watchers.push(watcher)
  }

  /** Tells of each frame once it has arrived, or never will. */
  watchArrivals(watcher: (ended: EndedFrame) => void): void {
    this.endWatchers.push(watcher)
  }

  host(name: string): SimulatedHost {
    let host = this.hosts.get(name)
    if (!host) this.hosts.set(name, (host = new SimulatedHost(name, this)))
    return host
  }

  /** Sets the quality of the way between two hosts, both ways. */
  setLink(a: string, b: string, quality: LinkQuality): void {
    for (const path of [this.path(a, b), this.path(b, a)]) path.setQuality(quality)
  }

  /** Cuts, silences or opens the way between two hosts by hand; `oneWay`: from `a` to `b` alone. */
  setState(a: string, b: string, state: PathState, oneWay = false): void {
    const impairment = state === 'open' ? undefined : { state }
    this.impairPath('by hand', this.path(a, b), impairment)
    if (!oneWay) this.impairPath('by hand', this.path(b, a), impairment)
  }

  /** Impairs the way from `from` to `to` until {@link mend} is called with the same key. */
  impair(key: string, from: string, to: string, impairment: Impairment): void {
    this.impairPath(key, this.path(from, to), impairment)
  }

  /** Takes back all that was done under a key; of every key if there is none. */
  mend(key?: string): void {
    for (const path of this.paths.values())
      for (const each of key === undefined ? path.impairedBy : [key]) this.impairPath(each, path, undefined)
  }

  /** The connections between two hosts are forgotten on the way: nothing passes, and only `told`, if any, learns of it. */
  halfOpen(a: string, b: string, told?: string): void {
    for (const wire of [...this.wires]) if (wire.joins(a, b)) wire.break(told)
  }

  wiresOf(name: string): Wire[] {
    return [...this.wires].filter(wire => wire.touches(name))
  }

  soon(actor: string, label: string, run: () => void): void {
    this.kernel.after(0, actor, label, run)
  }

  connect(from: SimulatedHost, to: string, service: ServiceName, caller: Caller): Promise<Connected> {
    const [there, back] = [this.path(from.name, to), this.path(to, from.name)]
    const startedMs = this.kernel.nowMs
    return new Promise((resolve, reject) => {
      const fail = (problem: string): void => {
        const error = new SelvedgeError(networkErrors.memoryDialFailed, `${to} can't be reached: ${problem}`, {
          details: { name: to }
        })
        from.happen(() => reject(error))
      }
      let waitMs = 1_000
      const attempt = (): void => {
        const target = this.hosts.get(to)
        if (!from.isUp) return
        if (there.state === 'closed' || back.state === 'closed') return fail('there is no way')
        if (there.state !== 'open' || back.state !== 'open' || !target?.isUp || target.isPaused) {
          // As the first packet of a TCP connection is sent again: after 1, 2, 4 seconds.
          if (this.kernel.nowMs + waitMs - startedMs > connectTimeoutMs) return fail('it does not answer')
          this.kernel.after(waitMs, `${from.name}>${to}`, 'connect again', attempt)
          waitMs *= 2
          return
        }
        const accept = target.services.get(service)
        if (!accept) return fail('nobody listens there')
        const wire = this.wire(from, target, service, there, back)
        const [mine, theirs] = wire.ends
        try {
          const node = accept(caller, theirs)
          this.kernel.after(back.delayMs(), `${to}>${from.name}`, 'connected', () => {
            if (mine.over) fail('the connection was lost')
            else from.happen(() => resolve({ connection: mine, node }))
          })
        } catch (error) {
          wire.sever()
          const refusal = error instanceof Error ? error : new Error(String(error))
          this.kernel.after(back.delayMs(), `${to}>${from.name}`, 'refused', () => from.happen(() => reject(refusal)))
        }
      }
      // TCP, then the handshake: three round trips, of which the answer to the last is its own event.
      const tripMs = there.delayMs() + back.delayMs()
      this.kernel.after(2 * tripMs + there.delayMs(), `${from.name}>${to}`, 'connect', attempt)
    })
  }

  private wire(from: SimulatedHost, to: SimulatedHost, kind: ServiceName, forth: Path, back: Path): Wire {
    const { kernel } = this
    const name = `w${this.wireCount++}`
    const sent = (frame: SentFrame): void => {
      for (const watcher of this.watchers) watcher(frame)
    }
    const ended = (frame: EndedFrame): void => {
      for (const watcher of this.endWatchers) watcher(frame)
    }
    const done = (): void => void this.wires.delete(wire)
    const wire: Wire = new Wire({ kernel, from, to, forth, back, kind, name, done, sent, ended })
    this.wires.add(wire)
    return wire
  }

  private path(from: string, to: string): Path {
    const key = `${from}>${to}`
    let path = this.paths.get(key)
    if (!path) this.paths.set(key, (path = new Path(this.kernel, this.random.fork(key).uint32())))
    return path
  }

  private impairPath(key: string, path: Path, impairment: Impairment | undefined): void {
    const before = path.state
    if (!path.impair(key, impairment)) return
    for (const wire of [...this.wires]) if (wire.uses(path)) wire.stateChanged(path, before)
  }
}
