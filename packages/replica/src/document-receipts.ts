/**
 * Receipts of documents: all edits made so far are fsynced here (`local`), on another node of the site (`site`), on the relay
 * (`relay`), as those told by their own acknowledgements of stored content. The relay's may come through other nodes of the building:
 * one of them holds the trunk, and the others hear from it.
 */
import { SelvedgeError, type DocumentId } from '@selvedge/core'
import type { DocumentSet } from '@selvedge/documents'
import { replicaErrors } from './errors.js'
import type { DurabilityLevel } from './receipts.js'

export interface DocumentReceiptOptions {
  readonly documents: DocumentSet
  readonly id: DocumentId
  readonly level: DurabilityLevel
  /** What `relay` means on the relay itself: its own store. */
  readonly role: 'node' | 'relay'
  readonly signal?: AbortSignal | undefined
}

/**
 * Resolves once every edit made here so far is durable at `level`.
 * @throws SelvedgeError `RECEIPT_ABORTED`; the edits stand and go on being replicated
 */
export async function documentDurable(options: DocumentReceiptOptions): Promise<void> {
  const { documents, id, level, role, signal } = options
  const dot = await abortable(documents.flushed(id), signal, level)
  if (dot === undefined || level === 'local' || (level === 'relay' && role === 'relay')) return
  if (level === 'relay') documents.seekRelay(id, dot)
  const wanted = level === 'relay' ? 'relay' : 'node'
  const reached = (): boolean => documents.reached(id, dot.writer, dot.count).some(peer => peer.role === wanted)
  await abortable(untilStored(documents, reached, signal), signal, level)
}

function untilStored(documents: DocumentSet, reached: () => boolean, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    if (reached()) return resolve()
    const done = (): void => {
      off()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const off = documents.onStored(() => reached() && done())
    signal?.addEventListener('abort', done, { once: true })
  })
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined, level: DurabilityLevel): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const aborted = (): void =>
      reject(
        new SelvedgeError(
          replicaErrors.receiptAborted,
          `gave up waiting for the document to be durable at ${level}; it goes on being replicated`,
          {
            cause: signal.reason
          }
        )
      )
    if (signal.aborted) return aborted()
    signal.addEventListener('abort', aborted, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
  })
}
