import { describe, expect, it } from 'vitest'
import { assignAt, type ConfigPath } from './config-edit.js'

function edited(draft: Record<string, unknown>, path: ConfigPath, value: unknown): unknown {
  assignAt(draft, path, value)
  return draft
}

describe('an edit of a config', () => {
  it.each<[Record<string, unknown>, ConfigPath, unknown, unknown]>([
    [{}, ['a', 'b'], 1, { a: { b: 1 } }],
    [{ a: { c: 2 } }, ['a', 'b'], 1, { a: { c: 2, b: 1 } }],
    [{ a: { b: 1, c: 2 } }, ['a', 'b'], undefined, { a: { c: 2 } }],
    [{}, ['a', 'b', 'c'], undefined, {}],
    [{ a: [1, 2] }, ['a', '1'], 3, { a: [1, 3] }],
    [{ a: [1, 2] }, ['a', 2], 3, { a: [1, 2, 3] }],
    [{ a: [1, 2] }, ['a', 0], undefined, { a: [2] }],
    [{ a: [{ b: 1 }] }, ['a', '0', 'b'], 2, { a: [{ b: 2 }] }],
    [{ a: 1, b: 2 }, [], { b: 3 }, { b: 3 }],
    [{ a: 1 }, ['constructor', 'x'], 1, { a: 1, constructor: { x: 1 } }]
  ])('of %j at %j to %j gives %j', (draft, path, value, expected) => expect(edited(draft, path, value)).toEqual(expected))

  it.each<[Record<string, unknown>, ConfigPath, unknown]>([
    [{ a: 1 }, ['a', 'b'], 1],
    [{ a: [] }, ['a', 1], 1],
    [{ a: [] }, ['a', 'x'], 1],
    [{ a: [] }, ['a', -1], 1],
    [{}, [], 5]
  ])('of %j at %j is refused', (draft, path, value) => {
    expect(() => edited(draft, path, value)).toThrow(expect.objectContaining({ code: 'CONTROL_REQUEST_INVALID' }))
  })
})
