/**
 * Keeps dialling the listed and the discovered peers of a mesh until each is linked, and again after a loss, for ever, with
 * full-jitter backoff. Holds no sockets: `dial` is given. A resolved dial is not admission: only `linked` stops the dialling.
 */
import type { Clock, Logger, NodeId, Random, Timer } from '@selvedge/core'
import { Backoff } from './backoff.js'

export interface MeshDiallerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** One attempt; resolves with the node found there. */
  dial(addresses: readonly string[]): Promise<NodeId>
  /** Whether `node` has a connection already. */
  isLinked(node: NodeId): boolean
  /** Whether `node` may be dialled now. */
  isAllowed(node: NodeId): boolean
  /** Whether an error of `dial` says that the address is our own. */
  isSelf(error: unknown): boolean
}

interface Target {
  addresses: readonly string[]
  /** Known from the address, or since the first dial that got through. */
  node: NodeId | undefined
  readonly backoff: Backoff
  timer: Timer | undefined
  /** It is being dialled, or its turn is to come. */
  dialling: boolean
}

/** More addresses of one discovered node than this are ignored. */
const addressesMax = 16
/** A link that held for this long clears the backoff; a shorter one does not, or refusals after admission would be hammered. */
const stableMs = 10_000
/** Handshakes cost both ends milliseconds of computing: dialled all at once, a large mesh on slow machines would time out, again and again. */
const dialsAtOnceMax = 4
/** A dial that takes longer makes room for the next: the peers that answer must not wait for those that don't. */
const dialTurnMs = 1_000

export class MeshDialler {
  private readonly targets = new Map<string, Target>()
  private readonly turns: (() => void)[] = []
  private turnsTaken = 0
  private closed = false

  constructor(private readonly options: MeshDiallerOptions) {}

  /** A listed address; `node` when it names one. */
  add(address: string, node: NodeId | undefined): void {
    if (this.closed || this.targets.has(address)) return
    const target = this.newTarget([address], node)
    this.targets.set(address, target)
    this.schedule(target, 0)
  }

  /** Where discovery says that a node listens: the latest word replaces earlier ones. The caller passes nodes of the roster only. */
  discovered(node: NodeId, addresses: readonly string[]): void {
    if (this.closed || addresses.length === 0) return
    const known = this.targets.get(node)
    if (known) {
      known.addresses = addresses.slice(0, addressesMax)
      return
    }
    const target = this.newTarget(addresses.slice(0, addressesMax), node)
    this.targets.set(node, target)
    this.schedule(target, 0)
  }

  /** A connection to `node` stands: no need to dial. */
  linked(node: NodeId): void {
    for (const target of this.targetsOf(node)) this.cancel(target)
  }

  /** The connection to `node` is gone after `heldMs`. */
  lost(node: NodeId, heldMs: number): void {
    for (const target of this.targetsOf(node)) {
      if (heldMs >= stableMs) target.backoff.reset()
      this.schedule(target, target.backoff.next())
    }
  }

  /** Something changed for the better: dial all that are waiting, spread over the first backoff. */
  retry(): void {
    for (const target of this.targets.values()) {
      target.backoff.reset()
      this.schedule(target, target.backoff.next())
    }
  }

  close(): void {
    this.closed = true
    for (const target of this.targets.values()) this.cancel(target)
    this.targets.clear()
    for (const begin of this.turns.splice(0)) begin()
  }

  private newTarget(addresses: readonly string[], node: NodeId | undefined): Target {
    return { addresses, node, backoff: new Backoff({ random: this.options.random }), timer: undefined, dialling: false }
  }

  private targetsOf(node: NodeId): Target[] {
    return [...this.targets.values()].filter(target => target.node === node)
  }

  private cancel(target: Target): void {
    target.timer?.cancel()
    target.timer = undefined
  }

  private schedule(target: Target, delayMs: number): void {
    if (this.closed || target.dialling) return
    this.cancel(target)
    target.timer = this.options.clock.setTimer(delayMs, () => {
      target.timer = undefined
      void this.attempt(target)
    })
  }

  private async attempt(target: Target): Promise<void> {
    if (target.node !== undefined) {
      if (this.options.isLinked(target.node)) return
      if (!this.options.isAllowed(target.node)) return this.schedule(target, target.backoff.next())
    }
    target.dialling = true
    const done = await this.turn()
    try {
      // Linked from the other side meanwhile, or not wanted any more.
      if (this.closed || (target.node !== undefined && this.options.isLinked(target.node))) return
      target.node = await this.options.dial(target.addresses)
    } catch (error) {
      if (this.options.isSelf(error)) {
        for (const [key, other] of this.targets) if (other === target) this.targets.delete(key)
        return
      }
      this.options.log.debug({ addresses: target.addresses, error }, 'a peer could not be dialled')
    } finally {
      done()
      target.dialling = false
    }
    // The link comes a little later than the dial; should it not come, this attempt counts as failed.
    if (target.node === undefined || !this.options.isLinked(target.node)) this.schedule(target, target.backoff.next())
  }

  /** Resolves when it is a dial's turn; call what it gives when the dial has ended. */
  private async turn(): Promise<() => void> {
    if (this.turnsTaken >= dialsAtOnceMax) await new Promise<void>(resolve => this.turns.push(resolve))
    this.turnsTaken++
    let over = false
    const end = (): void => {
      if (over) return
      over = true
      timer.cancel()
      this.turnsTaken--
      this.turns.shift()?.()
    }
    const timer = this.options.clock.setTimer(dialTurnMs, end)
    return end
  }
}
