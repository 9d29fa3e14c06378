/** How large a document may become. A snapshot tells, and is only taken when what is stored and what waits may be too much. */
import type { DocumentId } from '@selvedge/core'
import type { DocumentLimits } from './document-limits.js'
import type { DocumentWrites } from './document-writes.js'
import type { Engine } from './engine.js'
import { documentBacklog, documentTooLarge } from './errors.js'
import type { PendingEdits } from './pending-edits.js'

/** @throws SelvedgeError when the document, with one more local edit, could not be stored */
export function refuseUnstorable(
  id: DocumentId,
  update: Uint8Array,
  pending: PendingEdits,
  writes: DocumentWrites,
  engine: Engine,
  { documentBytesMax }: DocumentLimits
): void {
  const bytes = pending.localBytes + update.length
  if (bytes > documentBytesMax) throw documentBacklog(id, documentBytesMax)
  if (writes.bytes + bytes > documentBytesMax && engine.snapshot().length + update.length > documentBytesMax)
    throw documentTooLarge(id, documentBytesMax)
}

/** Whether the document, with its local edits, is too large to be stored. */
export function isOversize(
  pending: PendingEdits,
  writes: DocumentWrites,
  engine: Engine,
  { documentBytesMax }: DocumentLimits
): boolean {
  if (!pending.overflowed && writes.bytes + pending.localBytes <= documentBytesMax) return false
  return engine.snapshot().length > documentBytesMax
}
