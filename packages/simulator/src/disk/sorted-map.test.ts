import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SortedMap } from './sorted-map.js'

const key = fc.nat(400).map(n => `k${n}`)
const change = fc.record({ key, value: fc.option(fc.nat(), { nil: undefined }) })

function changed(map: SortedMap<number>, { key, value }: { key: string; value: number | undefined }): SortedMap<number> {
  return value === undefined ? map.delete(key) : map.set(key, value)
}

function sorted(model: ReadonlyMap<string, number>): [string, number][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1))
}

function forth(map: SortedMap<number>, from?: string): [string, number][] {
  const cursor = map.cursor()
  if (from !== undefined) cursor.seek(from)
  const entries: [string, number][] = []
  for (let entry = cursor.next(); entry; entry = cursor.next()) entries.push(entry)
  return entries
}

function back(map: SortedMap<number>, from?: string): [string, number][] {
  const cursor = map.cursor()
  if (from === undefined) cursor.seekEnd()
  else cursor.seek(from)
  const entries: [string, number][] = []
  for (let entry = cursor.previous(); entry; entry = cursor.previous()) entries.push(entry)
  return entries
}

describe('a sorted map', () => {
  it('holds what a Map holds, in order, from both ends and from the middle', () => {
    fc.assert(
      fc.property(fc.array(change, { size: 'max', maxLength: 1_500 }), key, (changes, from) => {
        let map = SortedMap.empty<number>()
        const model = new Map<string, number>()
        for (const each of changes) {
          map = changed(map, each)
          if (each.value === undefined) model.delete(each.key)
          else model.set(each.key, each.value)
        }
        const entries = sorted(model)
        expect(map.size).toBe(model.size)
        expect(forth(map)).toEqual(entries)
        expect(back(map)).toEqual(entries.toReversed())
        expect(forth(map, from)).toEqual(entries.filter(([key]) => key >= from))
        expect(back(map, from)).toEqual(entries.filter(([key]) => key < from).toReversed())
        const numbers = Array.from({ length: 401 }, (_, n) => `k${n}`)
        expect(numbers.map(key => map.get(key))).toEqual(numbers.map(key => model.get(key)))
      }),
      { numRuns: 40, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: true }
    )
  })

  it('stays as it was when another is made of it', () => {
    fc.assert(
      fc.property(fc.array(change, { size: 'max', maxLength: 600 }), fc.array(change, { minLength: 1 }), (before, after) => {
        const map = before.reduce(changed, SortedMap.empty<number>())
        const entries = forth(map)
        const cursor = map.cursor()
        after.reduce(changed, map)
        expect(forth(map)).toEqual(entries)
        const read: [string, number][] = []
        for (let entry = cursor.next(); entry; entry = cursor.next()) read.push(entry)
        expect(read).toEqual(entries)
      })
    )
  })

  it('is emptied to nothing, and steps forth and back over one entry', () => {
    let map = SortedMap.empty<number>()
    for (let n = 0; n < 5_000; n++) map = map.set(String(n), n)
    for (let n = 0; n < 5_000; n += 2) map = map.delete(String(n))
    expect(forth(map)).toHaveLength(2_500)
    for (let n = 1; n < 5_000; n += 2) map = map.delete(String(n))
    expect([map.size, forth(map), back(map), map.delete('1') === map]).toEqual([0, [], [], true])
    const cursor = map.set('b', 1).set('a', 0).cursor()
    expect([cursor.next(), cursor.next(), cursor.next(), cursor.previous()]).toEqual([['a', 0], ['b', 1], undefined, ['b', 1]])
  })
})
