import { isSelvedgeError, limits } from '@selvedge/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compilePattern } from './pattern.js'

function matches(pattern: string, path: string): boolean {
  return compilePattern(pattern).matches(path)
}

describe('compilePattern', () => {
  it.each([
    ['ahu/3/supply-temp', 'ahu/3/supply-temp', true],
    ['ahu/3/supply-temp', 'ahu/3/supply', false],
    ['ahu/3', 'ahu/3/supply-temp', false],
    ['ahu/*/supply-temp', 'ahu/3/supply-temp', true],
    ['ahu/*/supply-temp', 'ahu/3/4/supply-temp', false],
    ['ahu/*/supply-temp', 'ahu/supply-temp', false],
    ['*', 'ahu', true],
    ['*', 'ahu/3', false],
    ['**', 'ahu', true],
    ['**', 'a/b/c/d', true],
    ['zone/**', 'zone', true],
    ['zone/**', 'zone/1/temp', true],
    ['zone/**', 'zones', false],
    ['zone/*/**', 'zone', false],
    ['**/temp', 'temp', true],
    ['**/temp', 'zone/1/temp', true],
    ['**/temp', 'zone/1/temp/raw', false],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a/**/b', 'a', false],
    ['a/**/a', 'a', false],
    ['a/**/x/**/b', 'a/1/x/2/b', true],
    ['a/**/x/**/b', 'a/1/2/b', false],
    ['**/x/*/**', 'x', false],
    ['**/x/*/**', 'q/x/y', true],
    ['ahu-*', 'ahu-12', true],
    ['ahu-*', 'ahu-', true],
    ['ahu-*', 'ahu', false],
    ['ahu-*', 'ahu-1/fan', false],
    ['*-temp', 'supply-temp', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'axxbxbyc', true],
    ['a*b*c', 'axxc', false],
    ['a.c', 'abc', false],
    ['Zone', 'zone', false]
  ])('%s on %s: %s', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected)
  })

  it.each([
    ['ahu/3/temp', 'ahu/3/temp', true],
    ['ahu/*/temp', 'ahu/', false],
    ['ahu-*/temp', 'ahu-', false],
    ['zone/**', 'zone', false],
    ['zone/**/**', 'zone', false],
    ['zone/**/temp', 'zone/', false],
    ['**', '', false],
    ['**/temp', '', false]
  ])('%s starts with the literal %j', (pattern, literalPrefix, literal) => {
    expect(compilePattern(pattern)).toMatchObject({ text: pattern, literalPrefix, literal })
  })

  it.each(['', '/a', 'a/', 'a//b', 'a/**b', 'a***', 'a\u0000b', 'a\ud800', 'x'.repeat(limits.pathBytesMax + 1)])(
    'refuses %j',
    text => {
      expect(() => compilePattern(text)).toThrow(expect.objectContaining({ code: 'PATTERN_INVALID' }) as Error)
    }
  )

  it('refuses what is no text', () => {
    try {
      compilePattern(7 as unknown as string)
      expect.unreachable()
    } catch (error) {
      expect(isSelvedgeError(error, 'PATTERN_INVALID')).toBe(true)
    }
  })

  it('agrees with a naive matcher, and every match starts with the literal prefix', () => {
    const segment = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 4 })
    const glob = fc.oneof(
      fc.constantFrom('*', '**'),
      segment,
      fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 5 }).filter(text => !text.includes('**'))
    )
    const path = fc.array(segment, { minLength: 1, maxLength: 6 })
    const pattern = fc.array(glob, { minLength: 1, maxLength: 6 })
    let matched = 0
    fc.assert(
      fc.property(pattern, path, (globs, segments) => {
        const compiled = compilePattern(globs.join('/'))
        const text = segments.join('/')
        const expected = naivePath(globs, segments)
        expect(compiled.matches(text)).toBe(expected)
        if (expected) {
          matched++
          expect(text.startsWith(compiled.literalPrefix)).toBe(true)
        }
      }),
      { numRuns: 3_000 }
    )
    expect(matched).toBeGreaterThan(100)
  })

  it('takes work bounded by path × pattern where backtracking would take for ever', () => {
    const stars = compilePattern(`${'a*'.repeat(200)}b`)
    expect(stars.matches('a'.repeat(500))).toBe(false)
    const globstars = compilePattern(`${'**/a/'.repeat(80)}b`)
    expect(globstars.matches(Array.from({ length: 250 }, () => 'a').join('/'))).toBe(false)
  })
})

// The definition, word for word: exponential, and plainly right.
function naivePath(globs: readonly string[], segments: readonly string[]): boolean {
  const [glob, ...rest] = globs
  if (glob === undefined) return segments.length === 0
  if (glob === '**') return segments.some((_, at) => naivePath(rest, segments.slice(at))) || naivePath(rest, [])
  const [segment, ...others] = segments
  return segment !== undefined && naiveSegment(glob, segment) && naivePath(rest, others)
}

function naiveSegment(glob: string, text: string): boolean {
  if (glob === '') return text === ''
  if (glob[0] !== '*') return text[0] === glob[0] && naiveSegment(glob.slice(1), text.slice(1))
  return naiveSegment(glob.slice(1), text) || (text !== '' && naiveSegment(glob, text.slice(1)))
}
