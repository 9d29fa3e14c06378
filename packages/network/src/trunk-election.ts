/**
 * Which one node of a partition component holds the trunk, as a state machine without I/O: events and the time
 * go in, effects come out, and `wakeAtMs` says when to send the next `tick`. Nodes agree on nothing and need no quorum: each one
 * looks at the claims it hears. Two holders for a short while are harmless.
 *
 * Rules (test titles carry their ids):
 * - **E1** a claim is announced only while the own trunk has completed its hello and answered lately;
 * - **E2** without a live claim the node of rank k (place in the sorted ids of those present) dials after k × delta + jitter;
 * - **E3** with a live claim nobody dials, but E6; an attempt under way is given up;
 * - **E4** of two holders the one of the higher rank (the worse) drains;
 * - **E5** a node whose trunk or attempt failed waits for a full-jitter backoff, so that others come first;
 * - **E6** the node of rank 0 takes the trunk back only once nothing changed for `takeBackAfterMs`, twice as long with every trunk
 *   that it lost lately: before the other drains, so that the site is never without;
 * - **E8** a wait after failed dials ends when another node's trunk stands: the relay can be reached again, and should that node die
 *   the next must not sit out what the cut had taught it.
 * - **E7** the claim of a peer goes with it: who can't be reached any more holds no trunk of this component.
 */
import type { CloseReason, NodeId, Random } from '@selvedge/core'
import { Backoff } from './backoff.js'
import { closeCodes } from './errors.js'

/** What a holder tells the others of its trunk. */
export interface TrunkClaim {
  /** Wall milliseconds, by the holder's clock, since which it holds the trunk: for people; nothing is decided by it. */
  readonly sinceMs: number
}

export type TrunkEvent =
  /** A node joined the component: a session with it stands. */
  | { readonly type: 'peerPresent'; readonly node: NodeId }
  /** A node left: no path of sessions leads to it any more. */
  | { readonly type: 'peerGone'; readonly node: NodeId }
  /** A node said that it is there, and what it claims. */
  | { readonly type: 'presence'; readonly node: NodeId; readonly claim: TrunkClaim | null }
  /** The hello of the own trunk completed. `sinceMs` is wall time, for the claim. */
  | { readonly type: 'trunkUp'; readonly sinceMs: number }
  /** The relay was heard over the own trunk, so long ago. */
  | { readonly type: 'trunkAnswered'; readonly agoMs: number }
  /** The own trunk, or the attempt at one, is over; `failed` is false after a drain. Always the answer to `drain`. */
  | { readonly type: 'trunkDown'; readonly failed: boolean; readonly retryAfterMs?: number }
  | { readonly type: 'tick' }

export type TrunkEffect =
  /** Dial the relay; answer with `trunkUp` or `trunkDown`. */
  | { readonly type: 'dial' }
  /** Close the trunk, or give up the attempt; answer with `trunkDown`. */
  | { readonly type: 'drain'; readonly reason: CloseReason }
  /** What presence says from now on; tell the others at once. */
  | { readonly type: 'claim'; readonly claim: TrunkClaim | null }

export interface TrunkElectionOptions {
  readonly self: NodeId
  readonly random: Random
  /** Head start of each rank over the next; default 250 ms. */
  readonly deltaMs?: number
  /** Silence of the relay after which the claim is withdrawn: longer than from one of its answers to the next. Default 3 s. */
  readonly answerStaleMs?: number
  /** For a dial and its hello; then it counts as failed. Default 10 s. */
  readonly dialTimeoutMs?: number
  /** After the start: time to hear of a holder before dialling. Default 1 s. */
  readonly settleMs?: number
  /** Default 60 s. */
  readonly takeBackAfterMs?: number
  /** Ceiling of the backoff after failures; default 10 s. */
  readonly backoffMaxMs?: number
}

type Phase = 'idle' | 'dialling' | 'holding' | 'draining'

const peersMax = 1024
/** A trunk held for this long was a good one: the backoff starts anew. */
const steadyMs = 30_000
/** And after this long trunks lost before it no longer count. */
const forgiveAfterMs = 10 * 60_000
const lossesMax = 6

export class TrunkElection {
  private readonly self: NodeId
  private readonly random: Random
  private readonly backoff: Backoff
  private readonly times: Required<Omit<TrunkElectionOptions, 'self' | 'random'>>
  /** Nodes of the component, and what each claims. */
  private readonly peers = new Map<NodeId, TrunkClaim | null>()
  private phase: Phase = 'idle'
  private effects: TrunkEffect[] = []
  private announced: TrunkClaim | null = null
  private ownClaim: TrunkClaim | null = null
  private rivalNode: NodeId | undefined
  private takingBack = false
  private dialledAtMs = 0
  private upAtMs = 0
  private answeredAtMs = 0
  private startedAtMs: number | undefined
  /** Since when there is no claim, and the jitter drawn for this contest. */
  private contest: { sinceMs: number; jitterMs: number } | undefined
  private demotedUntilMs = Number.NEGATIVE_INFINITY
  /** The wait is for dials that failed, and not for a trunk lost or for the relay's own wish. */
  private demotedByDial = false
  /** Trunks that stood and were lost, not long ago. */
  private losses = 0
  private stableSinceMs = 0
  private wakeAt: number | undefined

  constructor(options: TrunkElectionOptions) {
    this.self = options.self
    this.random = options.random
    this.times = {
      deltaMs: options.deltaMs ?? 250,
      answerStaleMs: options.answerStaleMs ?? 3_000,
      dialTimeoutMs: options.dialTimeoutMs ?? 10_000,
      settleMs: options.settleMs ?? 1_000,
      takeBackAfterMs: options.takeBackAfterMs ?? 60_000,
      backoffMaxMs: options.backoffMaxMs ?? 10_000
    }
    this.backoff = new Backoff({ random: options.random, minMs: 500, maxMs: this.times.backoffMaxMs })
  }

  /** Whether this node's trunk stands (it may be about to drain). */
  get holding(): boolean {
    return this.phase === 'holding'
  }

  /** The node whose claim counts here: the best one that is live, oneself among them. */
  get holder(): NodeId | undefined {
    const rival = this.rivalNode
    return this.announced !== null && (rival === undefined || this.self < rival) ? this.self : rival
  }

  /** When to send a `tick`, on the clock of `nowMs`; `undefined` when only an event can change anything. */
  get wakeAtMs(): number | undefined {
    return this.wakeAt
  }

  /** @param nowMs monotonic; never goes back. The first event (a `tick` will do) starts the settling time. */
  handle(event: TrunkEvent, nowMs: number): readonly TrunkEffect[] {
    this.startedAtMs ??= this.stableSinceMs = nowMs
    this.effects = []
    this.wakeAt = undefined
    this.apply(event, nowMs)
    this.lookForRival(nowMs)
    this.decide(nowMs)
    return this.effects
  }

  private apply(event: TrunkEvent, nowMs: number): void {
    switch (event.type) {
      case 'peerPresent':
        return this.heard(event.node, this.peers.get(event.node) ?? null, nowMs)
      case 'presence':
        return this.heard(event.node, event.claim, nowMs)
      case 'peerGone':
        if (this.peers.delete(event.node)) this.stableSinceMs = nowMs
        return
      case 'trunkUp':
        // Drained in the meantime: the driver's trunkDown is on its way.
        if (this.phase !== 'dialling') return
        this.phase = 'holding'
        this.ownClaim = { sinceMs: event.sinceMs }
        this.upAtMs = this.answeredAtMs = nowMs
        return
      case 'trunkAnswered':
        this.answeredAtMs = Math.max(this.answeredAtMs, nowMs - event.agoMs)
        return
      case 'trunkDown':
        return this.down(event.failed, event.retryAfterMs, nowMs)
      case 'tick':
        return
    }
  }

  private heard(node: NodeId, claim: TrunkClaim | null, nowMs: number): void {
    if (node === this.self) return
    const before = this.peers.get(node)
    if (claim !== null && !before && this.demotedByDial) this.forgive(nowMs)
    if (before === undefined) {
      if (this.peers.size >= peersMax) return
      this.stableSinceMs = nowMs
    }
    this.peers.set(node, claim)
  }

  private down(failed: boolean, retryAfterMs: number | undefined, nowMs: number): void {
    if (this.phase === 'idle') return
    if (failed && this.phase !== 'draining') this.noteFailure(retryAfterMs, nowMs)
    this.phase = 'idle'
    this.ownClaim = null
    this.takingBack = false
    this.contest = undefined
    this.stableSinceMs = nowMs
  }

  private forgive(nowMs: number): void {
    this.demotedByDial = false
    this.demotedUntilMs = nowMs
    this.backoff.reset()
  }

  private noteFailure(retryAfterMs: number | undefined, nowMs: number): void {
    this.demotedByDial = this.phase === 'dialling' && retryAfterMs === undefined
    if (this.phase === 'holding') {
      const heldMs = nowMs - this.upAtMs
      if (heldMs >= steadyMs) this.backoff.reset()
      if (heldMs >= forgiveAfterMs) this.losses = 0
      this.losses = Math.min(this.losses + 1, lossesMax)
    }
    this.demotedUntilMs = nowMs + this.backoff.next(retryAfterMs)
  }

  private lookForRival(nowMs: number): void {
    let best: NodeId | undefined
    for (const [node, claim] of this.peers) if (claim && (best === undefined || node < best)) best = node
    if (best !== this.rivalNode) this.stableSinceMs = nowMs
    this.rivalNode = best
  }

  private decide(nowMs: number): void {
    if (this.phase === 'holding') this.decideHolding(nowMs)
    else if (this.phase === 'dialling') this.decideDialling(nowMs)
    else if (this.phase === 'idle') this.decideIdle(nowMs)
    if (this.phase !== 'holding') this.announce(null)
  }

  private decideHolding(nowMs: number): void {
    const silentAtMs = this.answeredAtMs + this.times.answerStaleMs
    const answering = nowMs < silentAtMs
    const rival = this.rivalNode
    if (rival !== undefined && !answering) this.noteFailure(undefined, nowMs)
    if (rival !== undefined && (rival < this.self || !answering)) return this.drain()
    this.announce(answering ? this.ownClaim : null)
    if (answering) this.wake(silentAtMs)
  }

  private decideDialling(nowMs: number): void {
    const rival = this.rivalNode
    if (rival !== undefined && !(this.takingBack && this.self < rival)) return this.drain()
    const timeoutAtMs = this.dialledAtMs + this.times.dialTimeoutMs
    if (nowMs < timeoutAtMs) return this.wake(timeoutAtMs)
    this.noteFailure(undefined, nowMs)
    this.drain()
  }

  private decideIdle(nowMs: number): void {
    const rival = this.rivalNode
    if (rival !== undefined) this.contest = undefined
    const atMs = rival === undefined ? this.contestAtMs(nowMs) : this.takeBackAtMs(rival)
    if (atMs === undefined) return
    if (nowMs < atMs) return this.wake(atMs)
    this.takingBack = rival !== undefined
    this.phase = 'dialling'
    this.dialledAtMs = nowMs
    this.effects.push({ type: 'dial' })
    this.wake(nowMs + this.times.dialTimeoutMs)
  }

  private contestAtMs(nowMs: number): number {
    // Half a delta of jitter keeps the order of ranks.
    this.contest ??= { sinceMs: nowMs, jitterMs: this.random.float() * this.times.deltaMs * 0.5 }
    const dueMs = this.contest.sinceMs + this.rank() * this.times.deltaMs + this.contest.jitterMs
    return Math.max(dueMs, this.demotedUntilMs, this.startedAtMs! + this.times.settleMs)
  }

  private takeBackAtMs(rival: NodeId): number | undefined {
    if (rival < this.self || this.rank() > 0) return undefined
    return Math.max(this.stableSinceMs + this.times.takeBackAfterMs * 2 ** this.losses, this.demotedUntilMs)
  }

  private rank(): number {
    let rank = 0
    for (const node of this.peers.keys()) if (node < this.self) rank++
    return rank
  }

  private drain(): void {
    this.phase = 'draining'
    this.effects.push({
      type: 'drain',
      reason: { code: closeCodes.drained, message: 'another node of the site holds the trunk' }
    })
  }

  private announce(claim: TrunkClaim | null): void {
    if (claim === this.announced) return
    this.announced = claim
    this.effects.push({ type: 'claim', claim })
  }

  private wake(atMs: number): void {
    if (this.wakeAt === undefined || atMs < this.wakeAt) this.wakeAt = atMs
  }
}
