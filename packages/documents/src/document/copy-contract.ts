/** What a document of this replica speaks of with the set it belongs to. */
import type { Clock, DocumentId, Logger, SpaceStore } from '@selvedge/core'
import type { AutomergeEngine } from './automerge-engine.js'
import type { DocumentLimits } from './document-limits.js'
import type { EngineName } from './engine.js'
import type { YjsEngine, YjsEngineEvents } from './yjs-engine.js'

/** Names one edit of one writer in one document. */
export interface DocumentDot {
  readonly writer: string
  readonly count: number
}

/** A live update: the edits of `writer` after `from`, up to `to`. */
export interface LiveUpdate {
  readonly id: DocumentId
  readonly engine: EngineName
  readonly writer: string
  readonly from: number
  readonly to: number
  readonly update: Uint8Array
}

/** What one commit made durable, beyond what is included. */
export interface CopyCommit {
  readonly own: (DocumentDot & { clock: number; update: Uint8Array | undefined }) | undefined
  /** Live updates that other peers may lack, each with where it came from. */
  readonly forwards: readonly { live: LiveUpdate; origin: object }[]
}

/** What a document takes from its set; `Copy` is the document's own class. */
export interface CopyHost<Copy> {
  readonly clock: Clock
  readonly store: SpaceStore
  readonly log: Logger
  readonly limits: DocumentLimits
  writerKey(): string
  /** The engine that the catalogue gives the document. */
  listedEngine(id: DocumentId): EngineName | undefined
  createYjs(id: DocumentId, events: YjsEngineEvents): YjsEngine
  createAutomerge(local: (update: Uint8Array) => void, changed: () => void): Promise<AutomergeEngine>
  committed(copy: Copy, commit: CopyCommit): void
  /** What the content in memory includes changed. */
  changed(copy: Copy): void
  /** Nothing is under way and nobody has the document open: its instance may go. */
  rested(copy: Copy): void
}
