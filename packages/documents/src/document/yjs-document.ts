/**
 * A shared document: a real `Y.Doc`, to be used with Yjs's own API and bindings. It can be edited from the first moment, even while
 * what is stored of it is still being read; edits are stored and sent by themselves.
 *
 * @example
 * const scenes = documents.openYjs(documentId('scenes'))
 * scenes.doc.getMap('evening').set('lobby', 40)
 * await scenes.flushed()
 */
import type { DocumentId } from '@selvedge/core'
import type * as Y from 'yjs'
import type { DocumentDot } from './copy-contract.js'
import type { DocumentCopy } from './document-copy.js'
import type { DocumentStatus, ReplicatedDocument } from './replicated-document.js'

export class YjsDocument implements ReplicatedDocument {
  readonly engine = 'yjs'
  readonly id: DocumentId
  /** Resolves once everything stored is in `doc`. */
  readonly loaded: Promise<void>
  private open = true

  constructor(
    private readonly copy: DocumentCopy,
    /**
     * Shared by all who open this document. An edit throws `DOCUMENT_BACKLOG` when more than `documentBytesMax` of edits wait for the
     * disk: it stands in the document, and will be stored with the others.
     */
    readonly doc: Y.Doc,
    private readonly statusOf: () => DocumentStatus
  ) {
    this.id = copy.id
    copy.pin()
    this.loaded = copy.use().then(() => undefined)
    // Whoever does not wait for it learns of a failure from `flushed`.
    this.loaded.catch(() => undefined)
  }

  status(): DocumentStatus {
    return this.statusOf()
  }

  flushed(): Promise<DocumentDot | undefined> {
    return this.copy.flushed()
  }

  close(): void {
    if (!this.open) return
    this.open = false
    this.copy.unpin()
  }
}
