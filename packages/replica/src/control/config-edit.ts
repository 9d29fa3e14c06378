/** One edit of a config's draft: a value put at a path of keys, or what stands there removed. */
import { refuseField } from './fields.js'

export type ConfigPath = readonly (string | number)[]

type Keyed = Record<string | number, unknown>

/**
 * Sets `value` at `path`, making the objects on the way; `undefined` removes. An empty path means the whole content.
 * @throws SelvedgeError `CONTROL_REQUEST_INVALID` when the way leads through something that has no keys
 */
export function assignAt(draft: Record<string, unknown>, path: ConfigPath, value: unknown): void {
  const last = path.at(-1)
  if (last === undefined) return assignAll(draft, value)
  let parent: Keyed | unknown[] = draft
  for (const [i, key] of path.slice(0, -1).entries()) {
    const next = childOf(parent, key, path.slice(0, i + 1))
    if (next === undefined && value === undefined) return
    if (next === undefined) put(parent, key, {}, path.slice(0, i + 1))
    parent = childOf(parent, key, path.slice(0, i + 1))!
  }
  put(parent, last, value, path)
}

function assignAll(draft: Record<string, unknown>, value: unknown): void {
  if (value !== undefined && !isKeyed(value)) throw refuseField('value', 'must be an object, since it is to be the whole content')
  for (const key of Object.keys(draft)) if (value === undefined || !Object.hasOwn(value, key)) delete draft[key]
  for (const [key, item] of Object.entries(value ?? {})) draft[key] = item
}

function childOf(parent: Keyed | unknown[], key: string | number, path: ConfigPath): Keyed | unknown[] | undefined {
  const held = Array.isArray(parent) ? parent[indexOf(parent, key, path)] : Object.hasOwn(parent, key) ? parent[key] : undefined
  if (held === undefined || Array.isArray(held) || isKeyed(held)) return held
  throw refuseField('path', `goes through ${path.join('/')}, which holds a value and no keys`)
}

function put(parent: Keyed | unknown[], key: string | number, value: unknown, path: ConfigPath): void {
  if (!Array.isArray(parent)) {
    if (value === undefined) delete parent[key]
    else parent[key] = value
    return
  }
  const at = indexOf(parent, key, path)
  if (value === undefined) parent.splice(at, 1)
  else if (at === parent.length) parent.push(value)
  else parent[at] = value
}

// One beyond the last is where a list grows.
function indexOf(items: unknown[], key: string | number, path: ConfigPath): number {
  const index = typeof key === 'number' ? key : /^\d{1,9}$/.test(key) ? Number(key) : -1
  if (index >= 0 && index <= items.length) return index
  throw refuseField(
    'path',
    `has ${path.join('/')}, but there stands a list of ${items.length}: use an index from 0 to ${items.length}`
  )
}

function isKeyed(value: unknown): value is Keyed {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Date)
  )
}
