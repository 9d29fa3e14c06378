/** Short ways to edit and read documents in tests. */
import type { DocumentId } from '@selvedge/core'
import { importAutomerge } from '../automerge-engine.js'
import type { AutomergeDocument } from '../automerge-document.js'
import type { DocumentDot } from '../copy-contract.js'
import type { TestNode } from './world.js'

/** The first import takes real time, which no clock of a test knows of. */
export async function warmUp(): Promise<void> {
  await importAutomerge()
}

/** Sets a key of a shared document's map `m`; resolves when that is on disk. */
export function set(node: TestNode, id: DocumentId, key: string, value: unknown): Promise<DocumentDot | undefined> {
  const document = node.documents.openYjs(id)
  document.doc.getMap('m').set(key, value)
  const flushed = document.flushed()
  document.close()
  return node.world.while(flushed)
}

export async function read(node: TestNode, id: DocumentId): Promise<Record<string, unknown>> {
  const document = node.documents.openYjs(id)
  await node.world.while(document.loaded)
  const content = document.doc.getMap('m').toJSON()
  document.close()
  return content
}

export function openConfig<Content extends object>(node: TestNode, id: DocumentId): Promise<AutomergeDocument<Content>> {
  return node.world.while(node.documents.openAutomerge<Content>(id))
}
