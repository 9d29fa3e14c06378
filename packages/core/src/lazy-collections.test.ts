import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LazyMap, LazySet } from './lazy-collections.js'

const keys = fc.integer({ min: 0, max: 5 })
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('add' as const), key: keys, value: fc.integer() }),
    fc.record({ do: fc.constant('delete' as const), key: keys }),
    fc.record({ do: fc.constant('clear' as const) })
  )
)

describe('lazy collections', () => {
  test('a map answers as a Map does', () => {
    fc.assert(
      fc.property(steps, taken => {
        const [lazy, map] = [new LazyMap<number, number>(), new Map<number, number>()]
        for (const step of taken) {
          if (step.do === 'delete') expect(lazy.delete(step.key)).toBe(map.delete(step.key))
          for (const both of [lazy, map])
            if (step.do === 'add') both.set(step.key, step.value)
            else if (step.do === 'clear') both.clear()
          expect([...lazy]).toEqual([...map])
          expect([...lazy.keys()]).toEqual([...map.keys()])
          expect([...lazy.values()]).toEqual([...map.values()])
          expect(lazy.size).toBe(map.size)
          for (let key = 0; key <= 5; key++) expect([lazy.get(key), lazy.has(key)]).toEqual([map.get(key), map.has(key)])
        }
      })
    )
  })

  test('a set answers as a Set does', () => {
    fc.assert(
      fc.property(steps, taken => {
        const [lazy, set] = [new LazySet<number>(), new Set<number>()]
        for (const step of taken) {
          if (step.do === 'delete') expect(lazy.delete(step.key)).toBe(set.delete(step.key))
          for (const both of [lazy, set])
            if (step.do === 'add') both.add(step.key)
            else if (step.do === 'clear') both.clear()
          expect([...lazy]).toEqual([...set])
          expect(lazy.size).toBe(set.size)
          for (let key = 0; key <= 5; key++) expect(lazy.has(key)).toBe(set.has(key))
        }
      })
    )
  })

  test('entries may be deleted while they are visited', () => {
    const lazy = new LazyMap<number, number>().set(1, 1).set(2, 2).set(3, 3)
    const visited: number[] = []
    for (const [key] of lazy) {
      visited.push(key)
      lazy.delete(key)
    }
    expect([visited, lazy.size]).toEqual([[1, 2, 3], 0])
  })
})
