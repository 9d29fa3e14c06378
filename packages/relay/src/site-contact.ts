/**
 * The relay's contact with one site: its sessions, when it was last heard, and how far behind it the relay may be.
 *
 * Lag is the time since the relay last knew that it had all that the site had: in a session whose catch-up is over, that is when its
 * last frame came (a ping comes every two seconds); else it counts from the end of the last such session, or from the relay's start.
 * It does not see writes that wait in a node of the site to be sent.
 */
import { LazySet, type Connection, type NodeId } from '@selvedge/core'
import type { Peer } from '@selvedge/replica'
import type { Session, SpaceLink } from '@selvedge/session'

export interface Times {
  /** Trusted wall milliseconds. */
  readonly trustedMs: number
  readonly monotonicMs: number
}

/** What is asked of a peer. */
export interface ContactPeer {
  readonly node: NodeId
  readonly connection: Pick<Connection, 'bytesIn' | 'bytesOut'>
  readonly session: Pick<Session, 'silentMs'> & { readonly spaces: readonly Pick<SpaceLink, 'remoteIndex' | 'isCaughtUp'>[] }
}

export class SiteContact<P extends ContactPeer = Peer> {
  /** Oldest first. */
  private readonly open = new LazySet<P>()
  private endedBytesIn = 0
  private endedBytesOut = 0
  private seenAtMs: number | undefined
  /** When it was last known that nothing of the site was missing here, monotonic. */
  private currentAtMs: number

  constructor(startedMonotonicMs: number) {
    this.currentAtMs = startedMonotonicMs
  }

  get sessions(): Iterable<P> & { readonly size: number } {
    return this.open
  }

  get connected(): boolean {
    return this.open.size > 0
  }

  /** The newest session: of two, the older is being drained. */
  get session(): P | undefined {
    return [...this.open].at(-1)
  }

  /** Takes up a session; gives older ones of the same node, which it has left behind. */
  opened(peer: P): P[] {
    const older = [...this.open].filter(({ node }) => node === peer.node)
    this.open.add(peer)
    return older
  }

  closed(peer: P, now: Times): void {
    if (!this.open.delete(peer)) return
    this.endedBytesIn += peer.connection.bytesIn
    this.endedBytesOut += peer.connection.bytesOut
    const silentMs = peer.session.silentMs(now.monotonicMs)
    this.seenAtMs = Math.max(this.seenAtMs ?? Number.NEGATIVE_INFINITY, now.trustedMs - silentMs)
    if (isCaughtUp(peer)) this.currentAtMs = Math.max(this.currentAtMs, now.monotonicMs - silentMs)
  }

  /** Trusted wall milliseconds when the site was last heard; undefined: not since the relay started. */
  lastSeenMs(now: Times): number | undefined {
    const heard = [...this.open].map(peer => now.trustedMs - peer.session.silentMs(now.monotonicMs))
    return heard.length > 0 ? Math.max(...heard) : this.seenAtMs
  }

  get caughtUp(): boolean {
    return [...this.open].some(isCaughtUp)
  }

  lagMs(now: Times): number {
    const silences = [...this.open].filter(isCaughtUp).map(peer => peer.session.silentMs(now.monotonicMs))
    return Math.max(0, Math.min(now.monotonicMs - this.currentAtMs, ...silences))
  }

  get bytesIn(): number {
    return [...this.open].reduce((sum, { connection }) => sum + connection.bytesIn, this.endedBytesIn)
  }

  get bytesOut(): number {
    return [...this.open].reduce((sum, { connection }) => sum + connection.bytesOut, this.endedBytesOut)
  }
}

// A space that only the relay has, such as one with a new name, is never caught up: it does not count.
function isCaughtUp(peer: ContactPeer): boolean {
  const shared = peer.session.spaces.filter(link => link.remoteIndex !== undefined)
  return shared.length > 0 && shared.every(link => link.isCaughtUp)
}
