/**
 * The `relayed` and `seek` messages that a channel owes its peer. Each says the newest, so however long a session has no credit, what
 * is said of one document and relay is in here once. Beyond `noticesMax` the oldest is forgotten: a receipt that waits for it resolves
 * when it is sought again, on a new channel.
 */
import { LazyMap, type DocumentId } from '@selvedge/core'
import { raise, type Included } from './included.js'
import type { NoticeMessage, RelayedMessage } from './messages.js'
import type { NoticeSource } from './outbox.js'

interface Owed {
  readonly id: DocumentId
  /** Node id of the relay that has `included`; undefined: of any, and it is asked for. */
  readonly relay: string | undefined
  readonly included: Map<string, number>
}

export class RelayedNotices implements NoticeSource {
  private readonly owed = new LazyMap<string, Owed>()

  constructor(private readonly noticesMax: number) {}

  get pending(): boolean {
    return this.owed.size > 0
  }

  tell(id: DocumentId, relay: string, included: Included): void {
    this.add(id, relay, included)
  }

  seek(id: DocumentId, included: Included): void {
    this.add(id, undefined, included)
  }

  /** The peer knows this: it need not be told. */
  heard(id: DocumentId, relay: string, included: Included): void {
    const key = keyOf(id, relay)
    const owed = this.owed.get(key)
    if (!owed) return
    for (const [writer, count] of owed.included) if (count <= (included.get(writer) ?? 0)) owed.included.delete(writer)
    if (owed.included.size === 0) this.owed.delete(key)
  }

  take(): NoticeMessage | RelayedMessage | undefined {
    const next = this.owed[Symbol.iterator]().next()
    if (next.done) return undefined
    const [key, { id, relay, included }] = next.value
    this.owed.delete(key)
    return relay === undefined ? { kind: 'seek', id, included } : { kind: 'relayed', id, relay, included }
  }

  private add(id: DocumentId, relay: string | undefined, included: Included): void {
    if (included.size === 0) return
    const key = keyOf(id, relay)
    const owed = this.owed.get(key)
    if (owed) {
      raise(owed.included, included)
      return
    }
    this.owed.set(key, { id, relay, included: new Map(included) })
    if (this.owed.size > this.noticesMax) this.owed.delete(this.owed.keys().next().value!)
  }
}

/** A document id holds no line break. */
function keyOf(id: DocumentId, relay: string | undefined): string {
  return relay === undefined ? id : `${id}\n${relay}`
}
