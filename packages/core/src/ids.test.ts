import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSelvedgeError, SelvedgeError } from './errors.js'
import { documentId, nodeId, pathProblem, siteId, siteOfSpace, spaceId, utf8Length } from './ids.js'
import { limits } from './limits.js'

const parsers: Record<string, (text: string) => string> = { siteId, nodeId, spaceId, documentId }

describe('ids', () => {
  it.each([
    ['siteId', 'hq'],
    ['siteId', '0'],
    ['siteId', `a${'-'.repeat(62)}`],
    ['nodeId', '12D3KooWGRUVh7M9eXa6dVDkxnFfTvvWJ6vyHCtHpGBYaVbMgKxs'],
    ['nodeId', '_'.repeat(64)],
    ['spaceId', 'hq/state'],
    ['spaceId', 'fleet/config'],
    ['documentId', 'scenes/evening'],
    ['documentId', 'plan@2'],
    ['documentId', 'é'.repeat(128)]
  ])('%s takes %s', (parser, text) => {
    expect(parsers[parser]?.(text)).toBe(text)
  })

  it.each([
    ['siteId', ''],
    ['siteId', '-hq'],
    ['siteId', 'HQ'],
    ['siteId', 'hq\n'],
    ['siteId', 'a'.repeat(64)],
    ['siteId', 'hq/state'],
    ['nodeId', ''],
    ['nodeId', 'a b'],
    ['nodeId', 'n'.repeat(65)],
    ['nodeId', '../n1'],
    ['spaceId', 'hq'],
    ['spaceId', 'hq/'],
    ['spaceId', '/state'],
    ['spaceId', 'hq/state/extra'],
    ['spaceId', 'hq/State'],
    ['documentId', ''],
    ['documentId', '@doc/x'],
    ['documentId', 'a//b'],
    ['documentId', 'é'.repeat(129)]
  ])('%s refuses %j', (parser, text) => {
    expect(() => parsers[parser]?.(text)).toThrow(SelvedgeError)
  })

  it.each(Object.keys(parsers))('%s gives an id or ID_INVALID, for whatever it is given', parser => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.anything()), input => {
        try {
          expect(parsers[parser]?.(input as string)).toBe(input)
        } catch (error) {
          expect(isSelvedgeError(error, 'ID_INVALID')).toBe(true)
          expect((error as SelvedgeError).message.length).toBeLessThan(700)
        }
      })
    )
  })

  it('make a space of any two names, which gives its site back', () => {
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/)
    fc.assert(
      fc.property(name, name, (site, rest) => {
        expect(siteOfSpace(spaceId(`${site}/${rest}`))).toBe(siteId(site))
      })
    )
  })

  it('of a document leave room for the path of its catalogue register', () => {
    const longest = documentId('d'.repeat(limits.pathBytesMax / 2))
    expect(pathProblem(`@doc/${longest}`)).toBeUndefined()
  })
})

describe('pathProblem', () => {
  it.each([
    'a',
    'floor-2/room 14/setpoint',
    'étage/bureau',
    'x'.repeat(512),
    'é'.repeat(256),
    '日'.repeat(170),
    '😀'.repeat(128)
  ])('accepts %s', path => {
    expect(pathProblem(path)).toBeUndefined()
  })

  it.each<[unknown, string]>([
    [undefined, 'not a string'],
    [7, 'not a string'],
    ['', 'empty'],
    ['/a', 'empty segment'],
    ['a/', 'empty segment'],
    ['a//b', 'empty segment'],
    ['a\u0000b', 'control character'],
    ['a\nb', 'control character'],
    ['lone \ud800', 'well-formed'],
    ['x'.repeat(513), 'longer than 512 bytes'],
    ['é'.repeat(257), 'longer than 512 bytes'],
    ['日'.repeat(171), 'longer than 512 bytes'],
    ['😀'.repeat(129), 'longer than 512 bytes']
  ])('refuses %j', (path, problem) => {
    expect(pathProblem(path)).toContain(problem)
  })

  it('accepts only what fits, as UTF-8 counts it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 100, maxLength: 600 }), path => {
        if (pathProblem(path) === undefined) expect(Buffer.byteLength(path)).toBeLessThanOrEqual(limits.pathBytesMax)
      })
    )
  })
})

describe('utf8Length', () => {
  it('counts as the encoder writes, halves of characters too', () => {
    const units = fc.array(fc.oneof(fc.integer({ min: 0xd7f0, max: 0xe010 }), fc.nat(0xffff)), { maxLength: 40 })
    fc.assert(
      fc.property(units, codes => {
        const text = String.fromCharCode(...codes)
        expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length)
      })
    )
  })
})
