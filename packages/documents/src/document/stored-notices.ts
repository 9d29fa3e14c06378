/**
 * The `stored` messages that a channel owes its peer: acknowledgements of what it sent, and news of what it once asked for and this
 * replica did not have. Both are "tell me when you have (writer, count) on disk". What is said is always the newest, so however long
 * a session has no credit, a document is in here once.
 */
import { LazyMap, LazySet, type DocumentId } from '@selvedge/core'
import type { DocumentCopy } from './document-copy.js'
import { raise, type Included } from './included.js'
import type { NoticeMessage } from './messages.js'
import type { NoticeSource } from './outbox.js'

interface Owed {
  readonly wanted: Map<string, number>
  readonly told: Map<string, number>
}

const nothing: Included = new Map()

export class StoredNotices implements NoticeSource {
  private readonly owed = new LazyMap<DocumentId, Owed>()
  private readonly ready = new LazySet<DocumentId>()

  constructor(
    private readonly find: (id: DocumentId) => DocumentCopy | undefined,
    private readonly noticesMax: number
  ) {}

  get pending(): boolean {
    return this.ready.size > 0
  }

  /**
   * The peer wants to hear when `wanted` is on disk here. Of what it lacks itself, an answer has `told` it: that is no acknowledgement
   * of what it sent, so what it is owed already it hears all the same.
   */
  owe(id: DocumentId, wanted: Included, told: Included = nothing): void {
    let owed = this.owed.get(id)
    if (!owed) {
      owed = { wanted: new Map(), told: new Map() }
      this.owed.set(id, owed)
      if (this.owed.size > this.noticesMax) this.forget(this.owed.keys().next().value!)
    }
    for (const writer of wanted.keys()) {
      const count = told.get(writer) ?? 0
      if (count > (owed.told.get(writer) ?? 0) && !owed.wanted.has(writer)) owed.told.set(writer, count)
    }
    raise(owed.wanted, wanted)
    this.review(id)
  }

  /** The peer asks to hear it, even if it was told: an acknowledgement can get lost on its way to whoever waits for it. */
  confirm(id: DocumentId, wanted: Included): void {
    const told = this.owed.get(id)?.told
    if (told) for (const writer of wanted.keys()) told.delete(writer)
    this.owe(id, wanted)
  }

  /** What is on disk of a document changed. */
  review(id: DocumentId): void {
    const owed = this.owed.get(id)
    const copy = owed && this.find(id)
    if (copy && news(owed, copy.durable).size > 0) this.ready.add(id)
  }

  take(): NoticeMessage | undefined {
    for (const id of this.ready) {
      this.ready.delete(id)
      const owed = this.owed.get(id)
      const copy = this.find(id)
      const included = owed && copy && news(owed, copy.durable)
      if (!included || included.size === 0) continue
      raise(owed.told, included)
      for (const [writer, count] of included) if (count >= owed.wanted.get(writer)!) owed.wanted.delete(writer)
      if (owed.wanted.size === 0) this.owed.delete(id)
      return { kind: 'stored', id, included }
    }
    return undefined
  }

  private forget(id: DocumentId): void {
    this.owed.delete(id)
    this.ready.delete(id)
  }
}

function news({ wanted, told }: Owed, durable: Included): Map<string, number> {
  const included = new Map<string, number>()
  for (const writer of wanted.keys()) {
    const count = durable.get(writer) ?? 0
    if (count > (told.get(writer) ?? 0)) included.set(writer, count)
  }
  return included
}

/** Asks the peer to acknowledge what it has on disk, perhaps: receipts outlive the channel that they began on. */
export class Confirmations implements NoticeSource {
  private readonly edits = new LazyMap<DocumentId, Map<string, number>>()

  get pending(): boolean {
    return this.edits.size > 0
  }

  add(id: DocumentId, included: Included): void {
    const edits = this.edits.get(id)
    if (edits) raise(edits, included)
    else this.edits.set(id, new Map(included))
  }

  take(): NoticeMessage | undefined {
    const next = this.edits[Symbol.iterator]().next()
    if (next.done) return undefined
    const [id, included] = next.value
    this.edits.delete(id)
    return { kind: 'confirm', id, included }
  }
}
