import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { replacement } from './text-edit.js'

function applied(before: string, after: string): string {
  const { at, remove, insert } = replacement(before, after)
  return before.slice(0, at) + insert + before.slice(at + remove)
}

describe('a replacement', () => {
  it.each([
    ['filter due', 'filter changed', { at: 7, remove: 3, insert: 'changed' }],
    ['same', 'same', { at: 4, remove: 0, insert: '' }],
    ['', 'new', { at: 0, remove: 0, insert: 'new' }],
    ['aaa', 'aaaa', { at: 3, remove: 0, insert: 'a' }],
    // These two share their first half: it is not cut off from its second.
    ['x😀y', 'x😁y', { at: 1, remove: 2, insert: '😁' }]
  ])('of %j by %j is the smallest one', (before, after, expected) => expect(replacement(before, after)).toEqual(expected))

  it('makes one text into the other and leaves no half characters', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '😀', '😁', '🤀', '\u{1f601}\u{1f3fd}'), maxLength: 8 })
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(applied(before, after)).toBe(after)
        const { at, remove, insert } = replacement(before, after)
        for (const part of [before.slice(0, at), before.slice(at + remove), insert]) expect(part.isWellFormed()).toBe(true)
      })
    )
  })
})
