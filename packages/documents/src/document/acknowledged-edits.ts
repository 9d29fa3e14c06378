/** Which own edits of this boot which peers have on disk: what receipts are made of. */
import type { DocumentId } from '@selvedge/core'
import type { DocumentCopy } from './document-copy.js'
import { raise, type Included } from './included.js'

export interface Peer {
  /** Its node id. */
  readonly label: string
  readonly role: 'node' | 'relay'
}

/** `included`: edits of the document that the peer has on disk; any writer's. */
export type StoredListener = (label: string, role: 'node' | 'relay', id: DocumentId, included: Included) => void

export class AcknowledgedEdits {
  private readonly documents = new Map<DocumentId, Map<string, { peer: Peer; included: Map<string, number> }>>()
  private readonly listeners = new Set<StoredListener>()

  /** A peer said `stored`. Only what `own` wrote is remembered. */
  heard(peer: Peer, id: DocumentId, included: Included, own: ReadonlyMap<string, number>): void {
    const acknowledged = new Map([...included].filter(([writer]) => own.has(writer)))
    if (acknowledged.size > 0) {
      const peers = this.documents.get(id) ?? new Map<string, { peer: Peer; included: Map<string, number> }>()
      this.documents.set(id, peers)
      const entry = peers.get(peer.label) ?? { peer, included: new Map<string, number>() }
      peers.set(peer.label, entry)
      raise(entry.included, acknowledged)
    }
    for (const listener of [...this.listeners]) listener(peer.label, peer.role, id, included)
  }

  reached(id: DocumentId, writer: string, count: number): Peer[] {
    const peers = [...(this.documents.get(id)?.values() ?? [])]
    return peers.filter(({ included }) => (included.get(writer) ?? 0) >= count).map(({ peer }) => peer)
  }

  /** Whether the peer has acknowledged an own edit. */
  hasReached(id: DocumentId, writer: string, count: number, peer: string): boolean {
    return (this.documents.get(id)?.get(peer)?.included.get(writer) ?? 0) >= count
  }

  /** Own edits of this boot that the peer is not known to have on disk, for it to acknowledge. */
  *unreached(copies: Iterable<Pick<DocumentCopy, 'id' | 'durable' | 'written'>>, peer: string): Iterable<[DocumentId, Included]> {
    for (const { id, durable, written } of copies) {
      const own = [...durable].filter(([key, count]) => written.has(key) && !this.hasReached(id, key, count, peer))
      if (own.length > 0) yield [id, new Map(own)]
    }
  }

  listen(listener: StoredListener): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  forget(id: DocumentId): void {
    this.documents.delete(id)
  }
}
