/**
 * Which edits are on which relay's disk, as far as this replica knows, and for whom that is sought. One node of a building holds the
 * trunk: what the relay acknowledges to it is passed on from node to node, so that every node's receipts hear of it.
 *
 * Invariants:
 * - It ends. Something known is passed on, and something sought is asked on, only when it is news here; what is known never falls, and
 *   what was sought is forgotten only once it is known (or its document is purged).
 * - It is bounded. Only of edits that are on this replica's own disk, or sought here, it is known who has them: their authors are
 *   reached along the ways that the edits came. Of what is sought, documents beyond `noticesMax` and writers beyond `soughtWritersMax`
 *   are ignored.
 *
 * An acknowledgement can be lost: with a channel, or with the node that held the trunk. So own edits for which somebody waits, and that
 * no relay is known to have after a while, are *sought*. That stands until it is answered: peers pass it on, and ask every relay
 * that they meet.
 */
import type { Clock, DocumentId, Timer } from '@selvedge/core'
import type { DocumentLimits } from './document-limits.js'
import { missingFrom, raise, type Included } from './included.js'

/** A channel, as far as it matters here. */
export interface RelayedPeer {
  tellRelayed(id: DocumentId, relay: string, included: Included): void
  seek(id: DocumentId, included: Included): void
}

export interface RelayedEditsHost {
  readonly clock: Clock
  readonly limits: DocumentLimits
  /** This replica's node id. */
  readonly self: string
  readonly channels: Iterable<RelayedPeer>
  /** Edits of a document that are on disk here. */
  durable(id: DocumentId): Included
}

type Edits = Map<string, number>

export class RelayedEdits {
  /** Document → relay → edits. */
  private readonly known = new Map<DocumentId, Map<string, Edits>>()
  private readonly sought = new Map<DocumentId, Edits>()
  /** Own edits that somebody waits for, and that were not sought yet. */
  private readonly due = new Map<DocumentId, Edits>()
  private timer: Timer | undefined

  constructor(private readonly host: RelayedEditsHost) {}

  /** Somebody waits for a relay to have an own edit. */
  await(id: DocumentId, writer: string, count: number): void {
    if (this.unknown(id, new Map([[writer, count]])).size === 0) return
    raise(at(this.due, id), new Map([[writer, count]]))
    this.timer ??= this.host.clock.setTimer(this.host.limits.seekDelayMs, () => {
      this.timer = undefined
      this.seekDue()
    })
  }

  /** `relay` has `included` on disk, says `from`. Returns what of it is news. */
  learn(id: DocumentId, relay: string, included: Included, from: RelayedPeer): Included {
    const news = this.news(id, relay, included)
    if (news.size === 0) return news
    const relays = this.known.get(id) ?? new Map<string, Edits>()
    this.known.set(id, relays)
    raise(at(relays, relay), news)
    this.satisfy(this.sought, id)
    this.satisfy(this.due, id)
    for (const channel of this.host.channels) if (channel !== from) channel.tellRelayed(id, relay, news)
    return news
  }

  /** `from` wants to hear when a relay has `included`. */
  seek(id: DocumentId, included: Included, from: RelayedPeer): void {
    for (const [relay, edits] of this.known.get(id) ?? [])
      from.tellRelayed(id, relay, new Map([...edits].filter(([writer]) => included.has(writer))))
    this.want(id, included, from)
  }

  /** A channel opened: what stands is sought there too. */
  opened(channel: RelayedPeer): void {
    this.seekDue()
    for (const [id, wanted] of this.sought) channel.seek(id, wanted)
  }

  forget(id: DocumentId): void {
    this.known.delete(id)
    this.sought.delete(id)
    this.due.delete(id)
  }

  close(): void {
    this.timer?.cancel()
  }

  private seekDue(): void {
    for (const [id, edits] of this.due) if (this.want(id, edits)) this.due.delete(id)
  }

  /** Seeks what of `included` no relay is known to have; false when there is no room for it. */
  private want(id: DocumentId, included: Included, from?: RelayedPeer): boolean {
    const unknown = this.unknown(id, included)
    if (unknown.size === 0) return true
    const { noticesMax, soughtWritersMax } = this.host.limits
    if (!this.sought.has(id) && this.sought.size >= noticesMax) return false
    const sought = at(this.sought, id)
    const news = missingFrom(sought, unknown)
    for (const [writer, count] of news) {
      if (sought.has(writer) || sought.size < soughtWritersMax) sought.set(writer, count)
      else news.delete(writer)
    }
    if (news.size > 0) for (const channel of this.host.channels) if (channel !== from) channel.seek(id, news)
    return missingFrom(sought, unknown).size === 0
  }

  private news(id: DocumentId, relay: string, included: Included): Edits {
    const { relaysMax, soughtWritersMax } = this.host.limits
    const news = new Map<string, number>()
    const relays = this.known.get(id)
    if (relay === this.host.self || (relays && !relays.has(relay) && relays.size >= relaysMax)) return news
    const known = relays?.get(relay)
    const onDisk = this.host.durable(id)
    const sought = this.sought.get(id)
    let room = onDisk.size + soughtWritersMax - (known?.size ?? 0)
    for (const [writer, claimed] of included) {
      const count = Math.min(claimed, Math.max(onDisk.get(writer) ?? 0, sought?.get(writer) ?? 0))
      if (count <= (known?.get(writer) ?? 0) || (!known?.has(writer) && room-- <= 0)) continue
      news.set(writer, count)
    }
    return news
  }

  private unknown(id: DocumentId, edits: Included): Edits {
    let unknown = new Map(edits)
    for (const known of this.known.get(id)?.values() ?? []) unknown = missingFrom(known, unknown)
    return unknown
  }

  private satisfy(wanted: Map<DocumentId, Edits>, id: DocumentId): void {
    const edits = wanted.get(id)
    if (!edits) return
    const left = this.unknown(id, edits)
    if (left.size > 0) wanted.set(id, left)
    else wanted.delete(id)
  }
}

function at<Key>(map: Map<Key, Edits>, key: Key): Edits {
  const known = map.get(key)
  if (known) return known
  const edits: Edits = new Map()
  map.set(key, edits)
  return edits
}
