/**
 * Keeps the catalogue true to what is on disk here. An entry is written after its content, so a crash between the two leaves content
 * that nobody would ever pull; and a replica may hold the only copy of edits whose entry was lost with their writer. Such edits are
 * listed again: own ones of an earlier boot at load, others when their entry has not come after `relistDelayMs`.
 *
 * A deleted document is told from an unlisted one by having been listed before; its header remembers.
 */
import type { Clock, DocumentId, Timer } from '@selvedge/core'
import type { Catalogue } from './catalogue.js'
import type { DocumentCopy } from './document-copy.js'

export class CatalogueKeeper {
  private readonly listed = new Set<DocumentId>()
  private readonly unlisted = new Map<DocumentId, DocumentCopy>()
  private timer: Timer | undefined

  constructor(
    private readonly catalogue: Catalogue,
    private readonly clock: Clock,
    private readonly relistDelayMs: number
  ) {}

  /** A document read at load. */
  recover(copy: DocumentCopy): void {
    const entries = this.catalogue.entries(copy.id)
    if (this.catalogue.has(copy.id)) {
      this.listed.add(copy.id)
      copy.setDeleted(false)
    }
    for (const [writer, { count, clock }] of [...copy.own]) {
      if (copy.written.has(writer)) continue
      if ((entries.get(writer)?.count ?? 0) >= count) copy.forgetOwn(writer)
      else if (!copy.deleted && (copy.durable.get(writer) ?? 0) >= count)
        this.catalogue.set(copy.id, writer, { engine: copy.engineName!, count, clock })
    }
    this.review(copy)
  }

  /** Entries of a document changed. */
  changed(copy: DocumentCopy): void {
    const alive = this.catalogue.has(copy.id)
    if (alive) this.listed.add(copy.id)
    if (this.listed.has(copy.id)) copy.setDeleted(!alive)
    if (!alive) this.listed.delete(copy.id)
    this.repairOwn(copy)
    this.review(copy)
  }

  /** What is on disk of a document, or its entries, changed. */
  review(copy: DocumentCopy): void {
    if (this.unlistedEdits(copy).length === 0) return
    this.unlisted.set(copy.id, copy)
    this.timer ??= this.clock.setTimer(this.relistDelayMs, () => this.relist())
  }

  forget(id: DocumentId): void {
    this.listed.delete(id)
    this.unlisted.delete(id)
  }

  close(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  /** Someone wrote an own entry lower than it is. A missing one is left to the timer: it may be half of a deletion. */
  private repairOwn(copy: DocumentCopy): void {
    for (const writer of copy.written.keys()) {
      const entry = this.catalogue.entries(copy.id).get(writer)
      const count = copy.durable.get(writer) ?? 0
      if (entry && entry.count < count)
        this.catalogue.set(copy.id, writer, {
          engine: copy.engineName!,
          count,
          clock: copy.own.get(writer)?.clock ?? entry.clock
        })
    }
  }

  private unlistedEdits(copy: DocumentCopy): [string, number][] {
    if (copy.deleted || copy.purged) return []
    const entries = this.catalogue.entries(copy.id)
    return [...copy.durable].filter(([writer, count]) => count > (entries.get(writer)?.count ?? 0))
  }

  private relist(): void {
    this.timer = undefined
    for (const copy of this.unlisted.values())
      for (const [writer, count] of this.unlistedEdits(copy)) {
        const clock = copy.own.get(writer)?.clock ?? this.catalogue.entries(copy.id).get(writer)?.clock ?? 0
        this.catalogue.set(copy.id, writer, { engine: copy.engineName!, count, clock })
      }
    this.unlisted.clear()
  }
}
