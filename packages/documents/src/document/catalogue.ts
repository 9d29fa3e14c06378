/**
 * The catalogue of a space's documents, kept in registers: path `@doc/<id>`, slot = writer, value `[engine, edit count, clock]`. So
 * finding which of 1,000 documents differ is the register table's O(changed) delta. `clock` is the writer's own Yjs client clock or
 * Automerge seq after that edit: what a reader of the catalogue can match with the content.
 *
 * A document with live entries exists; one whose entries have all been deleted is deleted.
 */
import { documentId, type DocumentId, type Value } from '@selvedge/core'
import type { EngineName } from './engine.js'
import type { RegisterAccess } from './register-access.js'

export interface CatalogueEntry {
  readonly engine: EngineName
  readonly count: number
  readonly clock: number
}

export type CatalogueEntries = ReadonlyMap<string, CatalogueEntry>

const prefix = '@doc/'
const none: CatalogueEntries = new Map()

export class Catalogue {
  private readonly documents = new Map<DocumentId, Map<string, CatalogueEntry>>()
  private unwatch: (() => void) | undefined

  constructor(private readonly registers: RegisterAccess) {}

  /**
   * Reads the whole catalogue, then follows it: `changed` is called with the documents whose entries changed, and those of them of
   * which a peer that catches up told.
   */
  open(changed: (ids: readonly DocumentId[], caughtUp: ReadonlySet<DocumentId>) => void): void {
    for (const path of this.registers.paths(prefix)) this.read(path)
    this.unwatch = this.registers.watch(prefix, (paths, caughtUpPaths) => {
      const ids: DocumentId[] = []
      const caughtUp = new Set<DocumentId>()
      for (const path of paths) {
        const id = this.read(path)
        if (id === undefined) continue
        ids.push(id)
        if (caughtUpPaths.has(path)) caughtUp.add(id)
      }
      if (ids.length > 0) changed(ids, caughtUp)
    })
  }

  ids(): Iterable<DocumentId> {
    return this.documents.keys()
  }

  entries(id: DocumentId): CatalogueEntries {
    return this.documents.get(id) ?? none
  }

  /** Whether the document has live entries. */
  has(id: DocumentId): boolean {
    return this.documents.has(id)
  }

  set(id: DocumentId, writer: string, entry: CatalogueEntry): void {
    this.registers.set(prefix + id, writer, [entry.engine, entry.count, entry.clock])
    this.read(prefix + id)
  }

  /** Deletes every live entry of a document. */
  delete(id: DocumentId): void {
    for (const { slot } of [...this.registers.slots(prefix + id)]) this.registers.delete(prefix + id, slot)
    this.read(prefix + id)
  }

  close(): void {
    this.unwatch?.()
    this.unwatch = undefined
  }

  private read(path: string): DocumentId | undefined {
    const id = documentOfPath(path)
    if (id === undefined) return undefined
    const entries = new Map<string, CatalogueEntry>()
    let live = false
    for (const { slot, value } of this.registers.slots(path)) {
      live = true
      const entry = parseEntry(value)
      if (entry) entries.set(slot, entry)
    }
    // An entry that a later version wrote in another shape keeps the document alive, too.
    if (live) this.documents.set(id, entries)
    else this.documents.delete(id)
    return id
  }
}

function documentOfPath(path: string): DocumentId | undefined {
  try {
    return documentId(path.slice(prefix.length))
  } catch {
    // Registers come from anybody who may write: a path that names no document is not part of the catalogue.
    return undefined
  }
}

function parseEntry(value: Value): CatalogueEntry | undefined {
  if (!Array.isArray(value)) return undefined
  const [engine, count, clock] = value as readonly Value[]
  if (engine !== 'yjs' && engine !== 'automerge') return undefined
  if (!isCount(count) || count === 0) return undefined
  return { engine, count, clock: isCount(clock) ? clock : 0 }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
