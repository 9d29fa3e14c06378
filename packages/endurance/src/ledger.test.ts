import { describe, expect, it } from 'vitest'
import { holds, Ledger, winners } from './ledger.js'
import type { View } from './process/protocol.js'

function view(points: Record<string, [value: unknown, time: number, writer?: string]>): View {
  return {
    points: new Map(Object.entries(points).map(([path, [value, time, writer = 'b']]) => [path, { value, time, writer }])),
    counters: new Map(),
    sets: new Map(),
    notes: {},
    tokens: [],
    config: {},
    overrides: 0
  }
}

describe('there or newer', () => {
  it('is a value that is no smaller, for points of one writer', () => {
    const write = { path: 'p/n1/1', value: 7, time: 100, writer: 'b' }
    expect(holds(view({ 'p/n1/1': [7, 100] }), write)).toBe(true)
    expect(holds(view({ 'p/n1/1': [8, 100] }), write)).toBe(true)
    expect(holds(view({ 'p/n1/1': [6, 200] }), write)).toBe(false)
    expect(holds(view({}), write)).toBe(false)
  })

  it('is a stamp that is no smaller, for shared points', () => {
    const write = { path: 's/1', value: 'n1 7', time: 100, writer: 'b' }
    expect(holds(view({ 's/1': ['n1 7', 100] }), write)).toBe(true)
    expect(holds(view({ 's/1': ['n2 3', 101] }), write)).toBe(true)
    expect(holds(view({ 's/1': ['n2 3', 100, 'c'] }), write)).toBe(true)
    expect(holds(view({ 's/1': ['n2 3', 100, 'a'] }), write)).toBe(false)
    expect(holds(view({ 's/1': ['n1 8', 100] }), write)).toBe(false)
    expect(holds(view({ 's/1': ['n2 3', 99] }), write)).toBe(false)
  })
})

describe('the ledger', () => {
  const ledger = new Ledger()
  ledger.note('n1', [
    { path: 'p/n1/1', value: 5, time: 1, writer: 'b', level: 'local' },
    { path: 'p/n1/1', value: 4, time: 1, writer: 'b', level: 'local' },
    { path: 'p/n1/2', value: 3, time: 1, writer: 'b', level: 'site' }
  ])

  it('keeps the newest promise of each level, and tells what a replica lacks', () => {
    expect(ledger.missing('n2', view({ 'p/n1/1': [5, 1], 'p/n1/2': [3, 1] }))).toEqual([])
    expect(ledger.missing('n2', view({ 'p/n1/1': [4, 1], 'p/n1/2': [3, 1] }))).toEqual([
      { replica: 'n2', path: 'p/n1/1', acknowledged: 5, level: 'local', by: 'n1', found: 4 }
    ])
    expect(ledger.missing('n2', view({}), ({ level }) => level === 'site')).toHaveLength(1)
  })

  it('tells what none of several replicas has', () => {
    const has = view({ 'p/n1/2': [3, 1] })
    const site = ({ level }: { level: string }): boolean => level === 'site'
    expect(ledger.missingFromAll(new Map([['n2', has], ['n3', view({})]]), site)).toEqual([]) // prettier-ignore
    expect(ledger.missingFromAll(new Map([['n2', view({})], ['n3', view({})]]), site)).toHaveLength(1) // prettier-ignore
  })
})

describe('winners', () => {
  it('are the greatest value of one writer, and the greatest stamp of several', () => {
    const won = winners([
      [
        { path: 's/1', value: 'n1 9', time: 5, writer: 'b' },
        { path: 'p/n1/1', value: 2, time: 5, writer: 'b' }
      ],
      [
        { path: 's/1', value: 'n2 1', time: 6, writer: 'd' },
        { path: 's/2', value: 'n2 2', time: 6, writer: 'd' }
      ],
      [
        { path: 's/1', value: 'n3 1', time: 6, writer: 'c' },
        { path: 's/2', value: 'n3 2', time: 6, writer: 'e' }
      ]
    ])
    expect([...won.values()].map(({ value }) => value)).toEqual(['n2 1', 2, 'n3 2'])
  })
})
