import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entryAs, entryFor, startMs, tableKit, writerKey, type TableKit } from '../testing/table-kit.js'
import {
  counterValue,
  foldIncrements,
  increment,
  PriorityArray,
  priorityLevels,
  RegisterSet,
  type SetElement
} from './composites.js'
import type { RegisterTable } from './register-table.js'

const dayMs = 86_400_000

/** Both tables hold what either held. */
function exchange(a: RegisterTable, b: RegisterTable): void {
  for (const [from, to] of [
    [a, b],
    [b, a]
  ] as const)
    for (const register of [...from.all()]) to.merge(entryAs(to, register), 1)
}

function pair(): [TableKit, TableKit] {
  return [tableKit('a'), tableKit('b', 300_000, 2)]
}

describe('REG-20 counters', () => {
  it('add up what every replica added, in any order, and never overwrite one another', () => {
    const amounts = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: -50, max: 50 }), fc.boolean()), { maxLength: 30 })
    fc.assert(
      fc.property(amounts, list => {
        const [a, b] = pair()
        for (const [first, by, meet] of list) {
          increment((first ? a : b).table, 'c', by)
          if (meet) exchange(a.table, b.table)
        }
        exchange(a.table, b.table)
        const sum = list.reduce((total, [, by]) => total + by, 0)
        expect([counterValue(a.table, 'c'), counterValue(b.table, 'c')]).toEqual([sum, sum])
      })
    )
  })

  it('give the same number everywhere, though adding decimals depends on the order', () => {
    const tables = [tableKit('x'), tableKit('y')]
    const slots = ['s3', 's1', 's2']
    tables.forEach(({ table }, i) => {
      for (const slot of i === 0 ? slots : slots.toReversed())
        table.merge(entryFor(table, { path: 'c', slot, value: { s1: 0.1, s2: 0.2, s3: 1e16 }[slot], writer: writerKey(slot) }), 1)
    })
    expect(counterValue(tables[0]!.table, 'c')).toBe(counterValue(tables[1]!.table, 'c'))
    expect(counterValue(tables[0]!.table, 'none')).toBe(0)
  })

  it('have a slot an incarnation: a restarted node adds to its sum and does not go on from it', () => {
    const { table } = tableKit()
    increment(table, 'c', 5)
    table.renewIncarnation()
    increment(table, 'c', 2)
    expect(counterValue(table, 'c')).toBe(7)
    expect([...table.slots('c')].map(register => register.value)).toEqual([5, 2])
  })

  it('lose no increment while the own clock is ahead and its slot a shadow', () => {
    const kit = tableKit()
    kit.table.hlc.observe(kit.table.skewLimit())
    for (let i = 0; i < 3; i++) expect(increment(kit.table, 'c', 1).shadowed).toBe(true)
    expect(counterValue(kit.table, 'c')).toBe(0)
    kit.clock.advance(1_000)
    kit.table.advance()
    expect(counterValue(kit.table, 'c')).toBe(3)
  })

  it('count an id once: on one replica, on two, and again after both have met', () => {
    const [a, b] = pair()
    const first = increment(a.table, 'c', 3, { id: 'cmd-1' })
    expect(first.counted).toBe(true)
    expect(increment(a.table, 'c', 3, { id: 'cmd-1' })).toEqual({ ...first, counted: false })
    expect(increment(b.table, 'c', 3, { id: 'cmd-1' }).counted).toBe(true)
    exchange(a.table, b.table)
    expect([counterValue(a.table, 'c'), counterValue(b.table, 'c')]).toEqual([3, 3])
    expect(increment(b.table, 'c', 3, { id: 'cmd-1' }).counted).toBe(false)
    increment(b.table, 'c', 3, { id: 'cmd-2' })
    expect(counterValue(b.table, 'c')).toBe(6)
  })

  it('applied again where the first write is held and not covered, get a dot that its own replica covers, and the sum stays', () => {
    const [a, b] = pair()
    const first = increment(a.table, 'c', 3, { id: 'cmd-1' })
    b.table.merge(entryAs(b.table, a.table.peek('c', '#cmd-1')!), 1)
    const again = increment(b.table, 'c', 3, { id: 'cmd-1' })
    expect(again).toMatchObject({ writer: b.table.ownWriterKey, counted: false })
    expect(b.table.covers(b.table.writer(again.writer), again.seq)).toBe(true)
    expect(increment(b.table, 'c', 3, { id: 'cmd-1' })).toEqual(again)
    exchange(a.table, b.table)
    expect([counterValue(a.table, 'c'), counterValue(b.table, 'c')]).toEqual([3, 3])

    const third = tableKit('third', 300_000, 3).table
    third.merge(entryAs(third, entryFor(third, { path: 'c', slot: '#cmd-1', value: 3, writer: first.writer, seq: first.seq })), 1)
    third.seal(a.table.vector())
    expect(increment(third, 'c', 3, { id: 'cmd-1' })).toMatchObject({ writer: first.writer, seq: first.seq, counted: false })
  })

  it('fold ids older than the window into the own slot of the node that applied them, in one batch', () => {
    const [a, b] = pair()
    increment(a.table, 'c', 1)
    increment(a.table, 'c', 3, { id: 'old' })
    increment(b.table, 'c', 4, { id: 'other' })
    exchange(a.table, b.table)
    a.clock.advance(dayMs)
    increment(a.table, 'c', 10, { id: 'young' })
    expect(foldIncrements(a.table)).toBe(1)
    expect(counterValue(a.table, 'c')).toBe(18)
    expect([...a.table.slots('c')].map(register => register.slot).sort()).toEqual(['#other', '#young', a.table.ownWriterKey])
    const batch = a.table.peek('c', '#old')!.batch
    expect(batch).toBeGreaterThan(0)
    expect(a.table.peek('c', a.table.ownWriterKey)?.batch).toBe(batch)
    expect(increment(a.table, 'c', 3, { id: 'old' }).counted).toBe(false)
    expect(foldIncrements(a.table)).toBe(0)
    b.clock.advance(dayMs)
    exchange(a.table, b.table)
    expect(counterValue(b.table, 'c')).toBe(18)
    expect(increment(b.table, 'c', 3, { id: 'old' }).counted).toBe(false)
  })

  it('fold what an earlier incarnation applied, many at a time in batches that fit a frame', () => {
    const { table, clock } = tableKit()
    for (let i = 0; i < 600; i++) increment(table, i % 2 ? 'c' : 'd', 1, { id: `id-${i}` })
    table.renewIncarnation()
    clock.advance(2_000)
    expect(foldIncrements(table, 1_000)).toBe(600)
    expect([counterValue(table, 'c'), counterValue(table, 'd')]).toEqual([300, 300])
    expect([...table.slots('c')]).toHaveLength(1)
    const sizes = new Map<number, number>()
    for (const register of table.all()) sizes.set(register.batch, (sizes.get(register.batch) ?? 0) + 1)
    expect(Math.max(...sizes.values())).toBeLessThanOrEqual(257)
  })

  it('count what was folded before a crash once, though its fold survived with a peer alone', () => {
    const [a, b] = pair()
    increment(a.table, 'c', 1, { id: 'one' })
    const disk = [...a.table.all()].map(register => entryAs(a.table, register))
    exchange(a.table, b.table)
    for (const { clock } of [a, b]) clock.advance(dayMs)
    expect(foldIncrements(a.table)).toBe(1)
    exchange(a.table, b.table)
    const again = tableKit('a', 300_000, 3)
    again.clock.advance(dayMs + 1)
    for (const entry of disk) again.table.merge(entryAs(again.table, entry), 1)
    increment(again.table, 'c', 5)
    foldIncrements(again.table)
    exchange(again.table, b.table)
    expect([counterValue(again.table, 'c'), counterValue(b.table, 'c')]).toEqual([6, 6])
  })

  it('fold what a closed incarnation left', () => {
    const { table, clock } = tableKit()
    increment(table, 'c', 1, { id: 'one' })
    const [left] = [...table.all()]
    const again = tableKit('a', 300_000, 3)
    again.clock.advance(dayMs)
    again.table.merge(entryAs(again.table, left!), 1)
    clock.advance(dayMs)
    expect(foldIncrements(again.table)).toBe(0)
    again.table.close(table.node, left!.writer.createdAt)
    expect(foldIncrements(again.table)).toBe(1)
    expect(counterValue(again.table, 'c')).toBe(1)
  })

  it('refuse what is no number, and ids that can not stand in a slot', () => {
    const { table } = tableKit()
    for (const by of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => increment(table, 'c', by)).toThrow(expect.objectContaining({ code: 'VALUE_INVALID' }))
    increment(table, 'c', Number.MAX_VALUE)
    expect(() => increment(table, 'c', Number.MAX_VALUE)).toThrow(expect.objectContaining({ code: 'VALUE_INVALID' }))
    expect(counterValue(table, 'c')).toBe(Number.MAX_VALUE)
    for (const id of ['', 'a\n', 'x'.repeat(128), '☕'.repeat(43), '\ud800'])
      expect(() => increment(table, 'c', 1, { id }), JSON.stringify(id)).toThrow(
        expect.objectContaining({ code: 'SLOT_INVALID' })
      )
    expect(increment(table, 'c', 1, { id: 'x'.repeat(127) }).counted).toBe(true)
  })

  it('stay as they are when folding would overflow', () => {
    const { table, clock } = tableKit()
    increment(table, 'c', Number.MAX_VALUE)
    increment(table, 'c', Number.MAX_VALUE, { id: 'too much' })
    clock.advance(dayMs)
    expect(foldIncrements(table)).toBe(0)
    expect(table.get('c', '#too much')).toBeDefined()
  })
})

describe('REG-21 sets', () => {
  it('hold strings and numbers apart, in one order', () => {
    const set = new RegisterSet(tableKit().table, 's')
    for (const element of ['b', 10, '10', 'a', -1.5, 9, '', 'a'] satisfies SetElement[]) set.add(element)
    set.add(-0)
    expect(set.values()).toEqual([-1.5, 0, 9, 10, '', '10', 'a', 'b'])
    expect([set.has(0), set.has('0'), set.has(10), set.has('10')]).toEqual([true, false, true, true])
    set.remove(10)
    set.remove('never there')
    expect([set.has(10), set.has('10')]).toEqual([false, true])
  })

  it('let the later of an add and a remove win, whatever either has seen', () => {
    const [a, b] = pair()
    const [x, y] = [new RegisterSet(a.table, 's'), new RegisterSet(b.table, 's')]
    x.add('e')
    b.clock.advance(10)
    y.remove('e')
    exchange(a.table, b.table)
    expect([x.has('e'), y.has('e')]).toEqual([false, false])
    x.add('e')
    exchange(a.table, b.table)
    expect([x.values(), y.values()]).toEqual([['e'], ['e']])
  })

  it('give back every element that they take', () => {
    const set = new RegisterSet(tableKit().table, 's')
    const element = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string({ unit: 'grapheme', maxLength: 20 }))
    fc.assert(
      fc.property(element, item => {
        if (typeof item === 'string' && /[\u0000-\u001f]/.test(item)) return
        set.add(item)
        expect(set.has(item)).toBe(true)
        expect(set.values()).toContain(item === 0 ? 0 : item)
        set.remove(item)
        expect(set.values()).toEqual([])
      })
    )
  })

  it('pass over slots that are not theirs, and refuse what can not be one', () => {
    const { table } = tableKit()
    const set = new RegisterSet(table, 's')
    for (const slot of ['x:later', 'n:', 'n:1e5', 'n:Infinity', 'n:01']) table.set('s', true, { slot })
    expect(set.values()).toEqual([])
    for (const element of ['x'.repeat(127), 'a\u0000', Number.NaN, Number.NEGATIVE_INFINITY])
      expect(() => set.add(element)).toThrow(expect.objectContaining({ code: 'SLOT_INVALID' }))
  })
})

describe('REG-22 priority arrays', () => {
  it('show the filled level of the lowest number, else the relinquish default', () => {
    const array = new PriorityArray(tableKit().table, 'valve', 0)
    expect(array.current()).toEqual({ value: 0, level: undefined, register: undefined })
    array.write(16, 40)
    array.write(8, 70)
    expect(array.current()).toMatchObject({ value: 70, level: 8, register: { slot: '8' } })
    array.write(10, 55)
    expect(array.levels().map(({ level, value }) => [level, value])).toEqual([
      [8, 70],
      [10, 55],
      [16, 40]
    ])
    array.relinquish(8)
    expect(array.current().value).toBe(55)
    array.write(10, null)
    expect(array.current().value).toBe(40)
    array.write(1, false, { quality: 'bad' })
    expect(array.current()).toMatchObject({ value: false, level: 1, register: { quality: 2 } })
  })

  it('pass over a level from its expiry on', () => {
    const kit = tableKit()
    const array = new PriorityArray(kit.table, 'valve', 0)
    array.write(16, 40)
    array.write(8, 100, { expiresAtMs: startMs + 60_000 })
    expect(array.current().level).toBe(8)
    kit.clock.advance(60_000)
    expect(array.current().level).toBe(16)
    kit.table.advance()
    kit.clock.advance(dayMs)
    kit.table.advance()
    expect(array.current().level).toBe(16)
  })

  it('merge level by level', () => {
    const [a, b] = pair()
    new PriorityArray(a.table, 'valve', 0).write(8, 'operator')
    new PriorityArray(b.table, 'valve', 0).write(3, 'smoke')
    exchange(a.table, b.table)
    for (const { table } of [a, b])
      expect(new PriorityArray(table, 'valve', 0).levels().map(({ value }) => value)).toEqual(['smoke', 'operator'])
  })

  it('have 16 levels', () => {
    const array = new PriorityArray(tableKit().table, 'valve', 0)
    for (const level of [0, priorityLevels + 1, 1.5, Number.NaN]) {
      expect(() => array.write(level, 1)).toThrow(expect.objectContaining({ code: 'LEVEL_INVALID' }))
      expect(() => array.relinquish(level)).toThrow(expect.objectContaining({ code: 'LEVEL_INVALID' }))
    }
    for (let level = priorityLevels; level >= 1; level--) array.write(level, level)
    expect(array.levels().map(({ level }) => level)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1))
  })
})
