/**
 * Keeps the site's trunk: feeds the election with who is there and what they claim, dials and drains as it says, and runs the
 * session of a trunk that stands.
 */
import { isSelvedgeError, type CloseReason, type Connection, type Environment, type NodeId, type Timer } from '@selvedge/core'
import { TrunkElection, type TrunkClaim, type TrunkEffect, type TrunkElectionOptions, type TrunkEvent } from '@selvedge/network'
import type { Peer } from '@selvedge/replica'

export interface TrunkHolderOptions {
  readonly environment: Environment
  readonly self: NodeId
  readonly election?: Omit<TrunkElectionOptions, 'self' | 'random'>
  dial(signal: AbortSignal): Promise<Connection>
  /** Runs a session over a new trunk. */
  attach(connection: Connection): Peer
  /** Own claim changed: tell the others at once. */
  claimed(claim: TrunkClaim | null): void
  /** Another node than before holds the trunk, as far as is known here; undefined: none. */
  held(holder: NodeId | undefined): void
  /** For status and logs. */
  failed(code: string, message: string): void
}

export class TrunkHolder {
  private readonly election: TrunkElection
  private dialling: AbortController | undefined
  private trunk: Peer | undefined
  private timer: { readonly atMs: number; readonly timer: Timer } | undefined
  private closed = false
  private enabled = true
  private claim: TrunkClaim | null = null
  private lastHolder: NodeId | undefined

  constructor(private readonly options: TrunkHolderOptions) {
    this.election = new TrunkElection({
      ...options.election,
      self: options.self,
      random: options.environment.random.fork('trunk election')
    })
    this.feed({ type: 'tick' })
  }

  /** The node that holds the trunk, as far as is known here. */
  get holder(): NodeId | undefined {
    return this.election.holder
  }

  /** The own claim. */
  get ownClaim(): TrunkClaim | null {
    return this.claim
  }

  /** The session of the own trunk, once its hello completed. */
  get session(): Peer | undefined {
    return this.trunk?.session.open ? this.trunk : undefined
  }

  present(node: NodeId): void {
    this.feed({ type: 'peerPresent', node })
  }

  gone(node: NodeId): void {
    this.feed({ type: 'peerGone', node })
  }

  heard(node: NodeId, claim: TrunkClaim | null): void {
    this.feed({ type: 'presence', node, claim })
  }

  /** The hello of a trunk attached here completed. */
  opened(peer: Peer): void {
    if (peer === this.trunk) this.feed({ type: 'trunkUp', sinceMs: this.options.environment.clock.wallMs() })
  }

  /** The session of a trunk attached here ended, or never came about. */
  down(peer: Peer, reason: CloseReason): void {
    if (peer.session !== this.trunk?.session) return
    this.trunk = undefined
    this.feed({
      type: 'trunkDown',
      failed: reason.code !== drainedCode && reason.code !== relayDraining,
      ...(reason.retryAfterMs === undefined ? {} : { retryAfterMs: reason.retryAfterMs })
    })
  }

  /** Lets go of the trunk and dials no more, or goes on: what an operator does before maintenance, and a demo to cut it. */
  setEnabled(enabled: boolean): void {
    if (this.enabled === enabled || this.closed) return
    this.enabled = enabled
    if (!enabled) {
      this.dialling?.abort()
      this.drain({ code: 'TRUNK_DISABLED', message: 'the trunk was switched off here' })
    }
    this.feed({ type: 'tick' })
  }

  get isEnabled(): boolean {
    return this.enabled
  }

  private feed(event: TrunkEvent): void {
    if (this.closed) return
    const now = this.options.environment.clock.monotonicMs()
    const { session } = this
    // When the relay was heard last is known to its session: it is told before anything is decided.
    if (session) this.handle({ type: 'trunkAnswered', agoMs: session.session.silentMs(now) }, now)
    this.handle(event, now)
    const { holder } = this.election
    if (holder !== this.lastHolder) this.options.held((this.lastHolder = holder))
    const lookAt = session && this.claim === null ? now + unansweredLookMs : Number.POSITIVE_INFINITY
    this.lookAgainAt(Math.max(now + 1, Math.min(this.election.wakeAtMs ?? Number.POSITIVE_INFINITY, lookAt)), now)
  }

  private handle(event: TrunkEvent, now: number): void {
    for (const effect of this.election.handle(event, now)) this.act(effect)
  }

  // Each word of a neighbour puts off what is waited for: a look that comes too early asks anew when to look.
  private lookAgainAt(atMs: number, now: number): void {
    if (atMs === Number.POSITIVE_INFINITY || (this.timer && this.timer.atMs <= atMs)) return
    this.timer?.timer.cancel()
    this.timer = { atMs, timer: this.options.environment.clock.setTimer(atMs - now, () => this.lookAgain()) }
  }

  private lookAgain(): void {
    this.timer?.timer.cancel()
    this.timer = undefined
    this.feed({ type: 'tick' })
  }

  private act(effect: TrunkEffect): void {
    if (effect.type === 'dial') void this.dial()
    else if (effect.type === 'drain') {
      this.dialling?.abort()
      this.drain(effect.reason)
    } else {
      this.claim = effect.claim
      this.options.claimed(effect.claim)
    }
  }

  private async dial(): Promise<void> {
    if (!this.enabled) return this.later({ type: 'trunkDown', failed: true, retryAfterMs: 500 })
    const dialling = new AbortController()
    this.dialling = dialling
    try {
      const connection = await this.options.dial(dialling.signal)
      if (dialling.signal.aborted || this.closed || !this.enabled) {
        connection.close({ code: drainedCode, message: 'the trunk is not needed any more' })
        return this.feed({ type: 'trunkDown', failed: false })
      }
      this.attached(this.options.attach(connection))
    } catch (error) {
      const code = isSelvedgeError(error) ? error.code : 'TRUNK_UNREACHABLE'
      const retryAfterMs = isSelvedgeError(error) ? error.details['retryAfterMs'] : undefined
      if (!dialling.signal.aborted) this.options.failed(code, error instanceof Error ? error.message : String(error))
      this.feed({
        type: 'trunkDown',
        failed: !dialling.signal.aborted,
        ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {})
      })
    } finally {
      if (this.dialling === dialling) this.dialling = undefined
    }
  }

  // What the relay had said by then was heard before the trunk was known here: that it is open, or over already.
  private attached(trunk: Peer): void {
    this.trunk = trunk
    const { open, closeReason } = trunk.session
    if (open) this.opened(trunk)
    else if (closeReason) this.down(trunk, closeReason)
    else this.lookAgain()
  }

  // An effect is never answered inside of the call that gave it.
  private later(event: TrunkEvent): void {
    this.options.environment.clock.soon(() => this.feed(event))
  }

  private drain(reason: CloseReason): void {
    const trunk = this.trunk
    if (trunk) trunk.session.close({ ...reason, code: drainedCode })
    else if (!this.dialling) this.later({ type: 'trunkDown', failed: false })
  }

  close(): void {
    this.closed = true
    this.timer?.timer.cancel()
    this.dialling?.abort()
  }
}

/** How often a relay that has fallen silent is looked at: its trunk may come back. */
const unansweredLookMs = 500
const drainedCode = 'TRUNK_DRAINED'
/** A relay that restarts says so, and when to come back: no reason to let another node try first. */
const relayDraining = 'RELAY_DRAINING'
