/**
 * What is in a shared document, read without touching it. A type that came from a peer has no class until a service asks for it by
 * name and kind (`getText`, `getMap`), and the first to ask decides for the whole process: so here nobody asks, and the kind is told
 * from what the type holds.
 */
import type { YjsDocument } from '@selvedge/documents'

type Doc = YjsDocument['doc']
type SharedType = Doc['share'] extends Map<string, infer T> ? T : never
type Item = NonNullable<SharedType['_start']>

export type SharedKind = 'text' | 'map' | 'array' | 'xml'

/** Shared types by name: maps as objects, arrays as lists, texts and XML as strings; `null` for one that holds nothing yet. */
export function contentOf(doc: Doc): Record<string, unknown> {
  return Object.fromEntries([...doc.share].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, type]) => [name, jsonOf(type)]))
}

/** `undefined` for a type that is not there, or of which nothing tells what it is. */
export function kindOf(type: SharedType | undefined): SharedKind | undefined {
  if (!type) return undefined
  return kindOfClass(type) ?? kindOfContent(type)
}

function kindOfClass(type: SharedType): SharedKind | undefined {
  if ('querySelector' in type) return 'xml'
  if ('toDelta' in type) return 'text'
  if ('keys' in type) return 'map'
  return 'toArray' in type ? 'array' : undefined
}

// Numbers of Yjs's content kinds, as its update format has them.
const stringContent = 4
const embedContent = 5
const formatContent = 6
const typeContent = 7

function kindOfContent(type: SharedType): SharedKind | undefined {
  const [first] = items(type)
  if (!first) return type._map.size > 0 ? 'map' : undefined
  const kind = first.content.getRef()
  if (kind === stringContent || kind === embedContent || kind === formatContent) return 'text'
  const nested: unknown = kind === typeContent ? first.content.getContent()[0] : undefined
  return typeof nested === 'object' && nested !== null && 'nodeName' in nested ? 'xml' : 'array'
}

function* items(type: SharedType): IterableIterator<Item> {
  for (let item = type._start; item; item = item.right) if (!item.deleted) yield item
}

function jsonOf(type: SharedType): unknown {
  if (kindOfClass(type)) return type.toJSON() as unknown
  switch (kindOfContent(type)) {
    case 'map':
      return Object.fromEntries(
        [...type._map]
          .filter(([, item]) => !item.deleted)
          .map(([key, item]) => [key, plain(item.content.getContent()[item.length - 1])])
      )
    case 'text':
      return [...items(type)]
        .map(item => (item.content.getRef() === stringContent ? item.content.getContent().join('') : ''))
        .join('')
    case 'array':
      return [...items(type)].flatMap(item => item.content.getContent().map(plain))
    case 'xml':
      return [...items(type)].flatMap(item => item.content.getContent().map(plain)).join('')
    default:
      return null
  }
}

function plain(content: unknown): unknown {
  const nested = content as { toJSON?: () => unknown } | null | undefined
  return typeof nested === 'object' && nested !== null && typeof nested.toJSON === 'function' ? nested.toJSON() : content
}
