/**
 * Tells the neighbours of this node that it is there and what it holds, learns the same of them, and passes on what one neighbour can't
 * hear of another. It is told again when it changes, and to whom it is new: between changes a session that lives says enough.
 */
import type { Clock, NodeId, Timer } from '@selvedge/core'
import type { Roster } from '@selvedge/network'
import type { Peer, Replica } from '@selvedge/replica'
import { encodePresence, decodePresence, presenceTopic, PresenceTable, type Presence, type Readiness } from './presence.js'

/** Changes that come one after the other, as when many nodes meet, are told together. */
const gatherMs = 20
/** Each node says all again this often, whether or not it changed: what went wrong on its way heals. */
const againMs = 30_000
/** Of who said nothing in two such times nothing is known. */
const keptMs = 75_000
const topicStart = `${presenceTopic}/`

export interface PresenceExchangeOptions {
  readonly node: NodeId
  readonly name: string
  /** Wall milliseconds at which this process opened: orders what it says across restarts. */
  readonly bootMs: number
  readonly clock: Clock
  readonly replica: Pick<Replica, 'peers'>
  readonly roster: Pick<Roster, 'admits' | 'relay'>
  readonly readiness: () => Readiness
  readonly trunkSinceMs: () => number | null
  /** A node came, or says something new. */
  readonly heard: (presence: Presence) => void
  readonly gone: (node: NodeId) => void
  /** Who hears whom has changed. */
  readonly hearingChanged: () => void
}

export class PresenceExchange {
  private readonly table = new PresenceTable(keptMs, () => this.neighbourNodes())
  /** What each neighbour was told in its session: the counts of words by their nodes. */
  private readonly told = new WeakMap<Peer, Map<NodeId, number>>()
  private own: Presence | undefined
  private payload: Uint8Array = new Uint8Array()
  private count = 0
  private toldAtMs = Number.NEGATIVE_INFINITY
  private gathering: Timer | undefined
  private again: Timer
  private closed = false

  constructor(private readonly options: PresenceExchangeOptions) {
    this.again = this.tellAgain()
    this.tell()
  }

  /** Nodes that can be reached, this one apart. */
  present(): Presence[] {
    return Array.from(this.table.present(), ({ presence }) => presence)
  }

  isPresent(node: NodeId): boolean {
    return this.table.get(node) !== undefined
  }

  /**
   * Whether a node tells of a session with another; of the relay it hears by whoever holds the trunk. Who holds it leaves that to nobody:
   * of two holders for a while each would leave it to the other.
   */
  hears(node: NodeId, other: NodeId): boolean {
    const word = this.table.get(node)
    if (!word) return false
    if (other !== this.options.roster.relay?.node) return word.peers.has(other)
    if (this.options.trunkSinceMs() !== null) return false
    return word.presence.trunkSinceMs !== null || word.presence.peers.some(peer => this.table.holds(peer))
  }

  /** What this node says of itself may have changed, or with whom it has a session. */
  changed(): void {
    if (this.closed) return
    this.look()
    const waitMs = this.toldAtMs + gatherMs - this.now
    if (waitMs <= 0) this.tell()
    else this.gathering ??= this.options.clock.setTimer(waitMs, () => this.tell())
  }

  /** Tells every neighbour what it does not know yet. */
  tell(): void {
    if (this.closed) return
    this.gathering?.cancel()
    this.gathering = undefined
    this.toldAtMs = this.now
    this.renew()
    const neighbours = [...this.neighbours()]
    // The own word first: it leads to those whose words follow.
    for (const peer of neighbours) this.bring(peer, this.options.node, this.own!.count, this.payload)
    for (const { presence, payload } of this.table.present())
      for (const peer of neighbours)
        if (peer.node !== presence.node && this.table.get(peer.node)?.peers.has(presence.node) === false)
          this.bring(peer, presence.node, presence.count, payload)
  }

  receive(peer: Peer, topic: string, payload: Uint8Array): void {
    if (this.closed || peer.role !== 'node' || !topic.startsWith(topicStart)) return
    const node = topic.slice(topicStart.length) as NodeId
    if (node === this.options.node || !this.options.roster.admits(node)) return
    const presence = decodePresence(payload)
    const before = this.table.get(node)
    if (presence?.node !== node || !this.table.learn(presence, payload, this.now, peer.node === node)) return
    const came = this.look()
    if (this.isPresent(node) && !came.has(node)) this.options.heard(presence)
    if (before?.presence.trunkSinceMs !== presence.trunkSinceMs || !isSame(before.presence.peers, presence.peers))
      this.options.hearingChanged()
    // Others may not hear it for themselves, or it may have lost some that it needs to be told of.
    this.changed()
  }

  close(): void {
    this.closed = true
    this.gathering?.cancel()
    this.again.cancel()
  }

  private get now(): number {
    return this.options.clock.monotonicMs()
  }

  private tellAgain(): Timer {
    return this.options.clock.setTimer(againMs, () => {
      this.again = this.tellAgain()
      this.own = undefined
      this.look()
      this.tell()
    })
  }

  /** Who came, and who is gone. */
  private look(): ReadonlySet<NodeId> {
    const { came, gone } = this.table.look(this.now)
    for (const node of gone) this.options.gone(node)
    for (const presence of came) this.options.heard(presence)
    if (gone.length > 0) this.options.hearingChanged()
    return new Set(came.map(({ node }) => node))
  }

  private bring(peer: Peer, node: NodeId, count: number, payload: Uint8Array): void {
    let told = this.told.get(peer)
    if (!told) this.told.set(peer, (told = new Map<NodeId, number>()))
    if (told.get(node) === count) return
    told.set(node, count)
    peer.session.signal(`${presenceTopic}/${node}`, payload)
  }

  private *neighbours(): IterableIterator<Peer> {
    for (const peer of this.options.replica.peers()) if (peer.role === 'node') yield peer
  }

  private *neighbourNodes(): IterableIterator<NodeId> {
    for (const { node } of this.neighbours()) yield node
  }

  /** Says anew what this node is, if that is another than it said before. */
  private renew(): void {
    const { node, name, bootMs, trunkSinceMs, readiness } = this.options
    const peers = [...new Set(this.neighbourNodes())]
    const says = { node, name, peers, trunkSinceMs: trunkSinceMs(), readiness: readiness() }
    const { own } = this
    if (own?.trunkSinceMs === says.trunkSinceMs && own.readiness === says.readiness && isSame(own.peers, peers)) return
    // Microseconds of the boot, then one at a time: rises across restarts, and stays a safe integer.
    this.own = { ...says, count: bootMs * 1_000 + this.count++ }
    this.payload = encodePresence(this.own)
  }
}

function isSame(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((node, i) => node === b[i])
}
