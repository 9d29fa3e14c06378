import { SelvedgeError, type DocumentId } from '@selvedge/core'

/** Codes that the document half of this package throws; each has a heading in the README beside this file. */
export const documentErrors = {
  configInvalid: 'CONFIG_INVALID',
  configHeadsUnknown: 'CONFIG_HEADS_UNKNOWN',
  storeDegraded: 'STORE_DEGRADED',
  documentBacklog: 'DOCUMENT_BACKLOG',
  documentTooLarge: 'DOCUMENT_TOO_LARGE',
  documentEngineMismatch: 'DOCUMENT_ENGINE_MISMATCH',
  documentMessageInvalid: 'DOCUMENT_MESSAGE_INVALID',
  documentsClosed: 'DOCUMENTS_CLOSED'
} as const

export function documentTooLarge(id: DocumentId, bytesMax: number): SelvedgeError {
  return new SelvedgeError(documentErrors.documentTooLarge, `the document ${id} is larger than ${bytesMax} bytes`, {
    details: { id, bytesMax }
  })
}

export function documentBacklog(id: DocumentId, bytesMax: number): SelvedgeError {
  return new SelvedgeError(documentErrors.documentBacklog, `${bytesMax} bytes of edits of ${id} wait for the store`, {
    details: { id, bytesMax }
  })
}

/** What a peer sent is refused: the session closes with it. */
export function messageInvalid(message: string, cause?: unknown): SelvedgeError {
  return new SelvedgeError(documentErrors.documentMessageInvalid, message, { cause })
}
