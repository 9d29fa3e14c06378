/**
 * Ids are branded strings: made only by the parsers here, so that a string from outside can't pass for one unchecked.
 */
import { SelvedgeError, coreErrors } from './errors.js'
import { limits } from './limits.js'

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** One building or protected network: `[a-z0-9][a-z0-9-]{0,62}`. */
export type SiteId = Branded<'SiteId'>
/** A process with a key of its own: its libp2p PeerId, or in a simulation any `[A-Za-z0-9_-]{1,64}`. */
export type NodeId = Branded<'NodeId'>
/** The unit of replication, residency and access: `<site>/<name>`, such as `hq/state`. */
export type SpaceId = Branded<'SpaceId'>
/** A document's id within its space: one path segment or more, as in a register path. */
export type DocumentId = Branded<'DocumentId'>

// With the prefix of its catalogue path an id must still make a path.
const documentIdBytesMax = limits.pathBytesMax / 2

const sitePattern = /^[a-z0-9][a-z0-9-]{0,62}$/
const nodePattern = /^[A-Za-z0-9_-]{1,64}$/

function invalid(kind: string, text: unknown, rule: string): SelvedgeError {
  const shown = typeof text === 'string' ? JSON.stringify(text.slice(0, 80)) : typeof text
  return new SelvedgeError(coreErrors.idInvalid, `${kind} ${shown} is not valid: ${rule}`, { details: { kind } })
}

/** @throws SelvedgeError `ID_INVALID` */
export function siteId(text: string): SiteId {
  if (typeof text !== 'string' || !sitePattern.test(text))
    throw invalid('site id', text, 'use 1 to 63 of a-z, 0-9 and -, not starting with -')
  return text as SiteId
}

/** @throws SelvedgeError `ID_INVALID` */
export function nodeId(text: string): NodeId {
  if (typeof text !== 'string' || !nodePattern.test(text))
    throw invalid('node id', text, `use 1 to ${limits.nodeIdLengthMax} of A-Z, a-z, 0-9, _ and -`)
  return text as NodeId
}

/** @throws SelvedgeError `ID_INVALID` */
export function spaceId(text: string): SpaceId {
  const [site, name, ...rest] = typeof text === 'string' ? text.split('/') : []
  if (!site || !name || rest.length > 0 || !sitePattern.test(site) || !sitePattern.test(name))
    throw invalid('space id', text, 'use <site>/<name>, each 1 to 63 of a-z, 0-9 and -')
  return text as SpaceId
}

/** The site part of a space id. */
export function siteOfSpace(space: SpaceId): SiteId {
  return space.slice(0, space.indexOf('/')) as SiteId
}

/** @throws SelvedgeError `ID_INVALID` */
export function documentId(text: string): DocumentId {
  if (
    typeof text !== 'string' ||
    text.startsWith('@') ||
    pathProblem(text) !== undefined ||
    utf8Length(text) > documentIdBytesMax
  )
    throw invalid('document id', text, `use a path of at most ${documentIdBytesMax} bytes of UTF-8 that does not start with @`)
  return text as DocumentId
}

/** Why `path` can't name a register, or `undefined` when it can. Paths are UTF-8, `/`-separated, without empty segments. */
export function pathProblem(path: unknown): string | undefined {
  if (typeof path !== 'string') return 'it is not a string'
  if (path.length === 0) return 'it is empty'
  // A UTF-16 unit is 1 to 3 bytes of UTF-8: only a path of a length between need be measured.
  if (path.length > limits.pathBytesMax || (path.length > limits.pathBytesMax / 3 && utf8Length(path) > limits.pathBytesMax))
    return `it is longer than ${limits.pathBytesMax} bytes of UTF-8`
  if (path.charCodeAt(0) === 47 || path.charCodeAt(path.length - 1) === 47 || path.includes('//'))
    return 'it has an empty segment'
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) < 32) return 'it has a control character'
  return path.isWellFormed() ? undefined : 'it is not well-formed Unicode'
}

/** Bytes that `text` takes as UTF-8. */
export function utf8Length(text: string): number {
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 4
      i++
    } else bytes += 3 // a lone surrogate is written as U+FFFD
  }
  return bytes
}
