import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PathCache } from './path-cache.js'
import { PathTrie } from './path-trie.js'

function build(patterns: readonly string[], statesMax = 10_000): PathTrie<string> {
  const entries = patterns.map(entry => ({ segments: entry.split('/').map(s => (s.startsWith(':') ? undefined : s)), entry }))
  return PathTrie.build(entries, statesMax, {
    clash(earlier, later) {
      throw new Error(`${later} clashes with ${earlier}`)
    },
    overflow() {
      throw new Error('overflow')
    }
  })
}

describe('PathTrie', () => {
  it('prefers a literal to a parameter, from the left', () => {
    const trie = build(['a/:x', 'a/b', ':w/b', ':w/:x/c', 'a/:x/:y'])
    expect(trie.find('a/b')).toBe('a/b')
    expect(trie.find('a/q')).toBe('a/:x')
    expect(trie.find('q/b')).toBe(':w/b')
    expect(trie.find('a/q/c')).toBe('a/:x/:y')
    expect(trie.find('q/q/c')).toBe(':w/:x/c')
    expect(trie.find('q/q')).toBeUndefined()
  })

  it('is not led astray by a literal that leads nowhere', () => {
    const trie = build(['a/b/c', 'a/:x/d', ':w/b/e'])
    expect(trie.find('a/b/d')).toBe('a/:x/d')
    expect(trie.find('a/b/e')).toBe(':w/b/e')
    expect(trie.find('a/b')).toBeUndefined()
  })

  it('matches no empty segment and nothing that is inherited', () => {
    const trie = build(['a/:x', ':x'])
    for (const path of ['', 'a/', '/a', 'a//', '/']) expect(trie.find(path)).toBeUndefined()
    expect(build(['a']).find('constructor')).toBeUndefined()
  })

  it('names the two patterns that match the same paths', () => {
    expect(() => build(['a/:x/c', 'a/:y/c'])).toThrow('a/:y/c clashes with a/:x/c')
  })

  it('refuses patterns that need too many states', () => {
    const entangled = Array.from({ length: 12 }, (_, at) =>
      Array.from({ length: 12 }, (_, i) => (i === at ? 'x' : `:p${i}`)).join('/')
    )
    expect(() => build(entangled, 200)).toThrow('overflow')
    expect(build(entangled, 100_000).find(Array(12).fill('x').join('/'))).toBe(entangled[0])
  })

  it('agrees with trying every pattern', () => {
    const segment = fc.constantFrom('a', 'b', 'c')
    const patterns = fc.uniqueArray(
      fc.array(fc.oneof(segment, fc.constant(':')), { minLength: 1, maxLength: 4 }).map(each => each.join('/')),
      { maxLength: 12 }
    )
    fc.assert(
      fc.property(patterns, fc.array(segment, { minLength: 1, maxLength: 4 }), (all, path) => {
        const fitting = all.filter(pattern => {
          const segments = pattern.split('/')
          return segments.length === path.length && segments.every((s, i) => s === ':' || s === path[i])
        })
        // ':' sorts after no letter it stands beside only if mapped: '~' does.
        const best = fitting.sort((x, y) => (x.replaceAll(':', '~') < y.replaceAll(':', '~') ? -1 : 1))[0]
        expect(build(all).find(path.join('/'))).toBe(best)
      }),
      { numRuns: 2_000 }
    )
  })
})

describe('PathCache', () => {
  it('never holds more than its bound, and keeps what is in use', () => {
    const cache = new PathCache<string>(100)
    cache.add('hot', 'kept')
    for (let i = 0; i < 10_000; i++) {
      cache.add(`cold/${i}`, 'x')
      expect(cache.get('hot')).toBe('kept')
      expect(cache.size).toBeLessThanOrEqual(100)
    }
    expect(cache.get('cold/1')).toBeUndefined()
    expect(cache.get('cold/9999')).toBe('x')
  })
})
