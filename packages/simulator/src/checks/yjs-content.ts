/** What a Yjs document holds, as texts that are equal when the documents are. */
import * as Y from 'yjs'

/** Its state vector and what was deleted, in one order. */
export function stateOf(doc: Y.Doc): string {
  const { ds, sv } = Y.snapshot(doc)
  const clocks = [...sv].sort(([a], [b]) => a - b)
  const deletes = [...ds.clients]
    .sort(([a], [b]) => a - b)
    .map(([client, runs]) => [client, runs.map(({ clock, len }) => [clock, len])])
  return JSON.stringify([clocks, deletes])
}

/** What came before what it depends on, and still waits for it. */
export function pendingOf(doc: Y.Doc): string | undefined {
  if (doc.store.pendingStructs) return 'pending structs'
  return doc.store.pendingDs ? 'pending deletions' : undefined
}

/** All that is not deleted: of each shared type its entries by key, then what stands in it in order. */
export function contentOf(doc: Y.Doc): string {
  return JSON.stringify([...doc.share].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, type]) => [name, typeContent(type)]))
}

function typeContent(type: Pick<Y.AbstractType<never>, '_map' | '_start'>): unknown {
  const entries = [...type._map].filter(([, item]) => !item.deleted).sort(([a], [b]) => (a < b ? -1 : 1))
  const list: unknown[] = []
  for (let item = type._start; item; item = item.right) if (!item.deleted) append(list, item)
  return { entries: entries.map(([key, item]) => [key, itemContent(item).at(-1)]), list }
}

// A text that was typed in several goes is one text.
function append(list: unknown[], item: Y.Item): void {
  const text = item.content instanceof Y.ContentString ? item.content.str : undefined
  const last = list.at(-1)
  if (text !== undefined && typeof last === 'string') list[list.length - 1] = last + text
  else list.push(...(text === undefined ? itemContent(item) : [text]))
}

function itemContent({ content }: Y.Item): unknown[] {
  if (content instanceof Y.ContentType) return [typeContent(content.type)]
  return content.getContent() as unknown[]
}
