/** What every open document has in common, whichever engine it is of. */
import type { DocumentId } from '@selvedge/core'
import type { DocumentDot } from './copy-contract.js'
import type { EngineName } from './engine.js'

/**
 * `complete`: it includes every edit that the catalogue lists. `behind`: edits are known of and being fetched, or will be once a
 * peer is reachable. `incomplete`: no peer that is reachable has the edits of that writer.
 */
export type DocumentStatus = 'complete' | 'behind' | `incomplete (waiting for ${string})`

export interface ReplicatedDocument {
  readonly id: DocumentId
  readonly engine: EngineName
  /** Whether everything known of is in it. */
  status(): DocumentStatus
  /**
   * Resolves once every edit made so far is on this replica's disk, with the newest edit of this boot, if there is one.
   * @throws SelvedgeError `DOCUMENT_TOO_LARGE`, `DOCUMENTS_CLOSED`, or what the store failed with
   */
  flushed(): Promise<DocumentDot | undefined>
  /** The service is done with it: it goes on being replicated, but its instance may leave memory. Idempotent. */
  close(): void
}
