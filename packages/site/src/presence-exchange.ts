/**
 * Tells the neighbours of this node twice a second that it is there and what it holds, learns the same of them, and passes on what
 * one neighbour can't hear of another.
 */
import type { Clock, NodeId, Timer } from '@selvedge/core'
import type { Roster } from '@selvedge/network'
import type { Peer, Replica } from '@selvedge/replica'
import { encodePresence, presenceTopic, PresenceReader, PresenceTable, type Presence, type Readiness } from './presence.js'

const intervalMs = 500
const staleMs = 1_750
const topicStart = `${presenceTopic}/`

export interface PresenceExchangeOptions {
  readonly node: NodeId
  readonly name: string
  /** Wall milliseconds at which this process opened: orders what it says across restarts. */
  readonly bootMs: number
  readonly clock: Clock
  readonly replica: Replica
  readonly roster: Pick<Roster, 'admits' | 'relay'>
  readonly readiness: () => Readiness
  readonly trunkSinceMs: () => number | null
  readonly heard: (presence: Presence) => void
  readonly gone: (node: NodeId) => void
  readonly told: () => void
}

export class PresenceExchange {
  private readonly table = new PresenceTable(staleMs)
  private readonly reader = new PresenceReader()
  private count = 0
  private timer: Timer | undefined
  private closed = false

  constructor(private readonly options: PresenceExchangeOptions) {
    this.schedule()
  }

  /** Nodes heard lately, this one apart. */
  present(): Presence[] {
    return [...this.table.present(this.now)]
  }

  isPresent(node: NodeId): boolean {
    return this.table.get(node, this.now) !== undefined
  }

  /**
   * Whether a node has lately told of a session with another; of the relay it hears by whoever holds the trunk. Who holds it leaves that
   * to nobody: of two holders for a while each would leave it to the other.
   */
  hears(node: NodeId, other: NodeId): boolean {
    const presence = this.table.get(node, this.now)
    if (!presence) return false
    if (other !== this.options.roster.relay?.node) return presence.peers.includes(other)
    if (this.options.trunkSinceMs() !== null) return false
    return presence.trunkSinceMs !== null || presence.peers.some(peer => this.table.holds(peer, this.now))
  }

  /** A node's session ended: unless a neighbour still hears it, it is gone. */
  forget(node: NodeId): void {
    this.table.forget(node)
  }

  /** Tells every neighbour now. */
  tell(): void {
    if (this.closed) return
    const payload = encodePresence(this.own())
    for (const peer of this.neighbours()) peer.session.signal(`${presenceTopic}/${this.options.node}`, payload)
    this.options.told()
  }

  receive(peer: Peer, topic: string, payload: Uint8Array): void {
    if (this.closed || peer.role !== 'node' || !topic.startsWith(topicStart)) return
    const node = topic.slice(topicStart.length) as NodeId
    if (node === this.options.node || !this.options.roster.admits(node)) return
    const presence = this.reader.read(node, payload)
    if (!presence) return
    if (!this.table.learn(presence, this.now)) return
    this.options.heard(presence)
    // Only those who can't hear it for themselves are told.
    for (const other of this.neighbours()) {
      if (other.node === peer.node || other.node === presence.node) continue
      const theirs = this.table.get(other.node, this.now)
      if (theirs && !theirs.peers.includes(presence.node)) other.session.signal(`${presenceTopic}/${presence.node}`, payload)
    }
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
  }

  private get now(): number {
    return this.options.clock.monotonicMs()
  }

  private schedule(): void {
    this.timer = this.options.clock.setTimer(intervalMs, () => {
      for (const node of this.table.expire(this.now)) this.options.gone(node)
      this.tell()
      if (!this.closed) this.schedule()
    })
  }

  private *neighbours(): IterableIterator<Peer> {
    for (const peer of this.options.replica.peers()) if (peer.role === 'node') yield peer
  }

  private own(): Presence {
    const { options } = this
    return {
      node: options.node,
      name: options.name,
      // Microseconds of the boot, then one at a time: rises across restarts, and stays a safe integer.
      count: options.bootMs * 1_000 + this.count++,
      peers: [...this.neighbours()].map(peer => peer.node),
      trunkSinceMs: options.trunkSinceMs(),
      readiness: options.readiness()
    }
  }
}
