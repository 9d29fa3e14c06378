/** Which documents the store holds, and which of them can't be trusted to be whole. Contents stay on disk. */
import { documentId, type DocumentId, type SpaceStore } from '@selvedge/core'
import { contentPrefix, decodeHeader, headerPrefix, parseRecordKey, type Header } from './stored-records.js'

export interface StoredDocuments {
  readonly headers: Map<DocumentId, Header>
  /** Documents to be read at once: the store lost records that are theirs, or may be. */
  readonly suspects: Set<DocumentId>
}

/** @throws SelvedgeError when a header is of a version unknown here */
export async function readStoredDocuments(store: SpaceStore): Promise<StoredDocuments> {
  const headers = new Map<DocumentId, Header>()
  const suspects = new Set<DocumentId>()
  const suspect = (key: string): void => {
    const id = documentOfHeader(key) ?? parseRecordKey(key)?.id
    if (id !== undefined) suspects.add(id)
  }
  for await (const { key, value } of store.read(headerPrefix)) {
    const id = documentOfHeader(key)
    if (id !== undefined) headers.set(id, decodeHeader(value))
  }
  if (!store.loss) return { headers, suspects }
  store.loss.corrupt.forEach(suspect)
  if (store.loss.incomplete) {
    for (const id of headers.keys()) suspects.add(id)
    for await (const { key } of store.read(contentPrefix)) suspect(key)
  }
  return { headers, suspects }
}

function documentOfHeader(key: string): DocumentId | undefined {
  if (!key.startsWith(headerPrefix)) return undefined
  try {
    return documentId(key.slice(headerPrefix.length))
  } catch {
    return undefined
  }
}
