import { describe, expect, it } from 'vitest'
import { entryFor, peerView, tableKit, vectorOf, writerKey } from '../testing/table-kit.js'

const b = writerKey('b')
const c = writerKey('c')
const skewMs = 300_000

describe('REG-11 collecting tombstones', () => {
  it("drops those that every member covers, and raises their writers' floors", () => {
    const kit = tableKit()
    const { table } = kit
    for (const [path, seq] of [
      ['p', 3],
      ['q', 8],
      ['r', 5]
    ] as const)
      table.merge(entryFor(table, { path, writer: b, seq, value: undefined, atMs: seq }), 1)
    table.merge(entryFor(table, { path: 'live', writer: b, seq: 1 }), 1)
    expect(table.collect(register => register.seq <= 5)).toBe(2)
    expect([...table.all()].map(register => register.path).sort()).toEqual(['live', 'q'])
    expect(table.floors()).toEqual(new Map([[b, 5]]))
    expect(kit.dropped.map(register => [register.path, register.gone, register.replaced])).toEqual([
      ['p', true, false],
      ['r', true, false]
    ])
    expect(kit.changed.slice(-2)).toEqual(['p', 'r'])
  })

  it('keeps floors at their highest', () => {
    const { table } = tableKit()
    table.raiseFloor(b, 7)
    table.raiseFloor(b, 3)
    expect(table.floors()).toEqual(new Map([[b, 7]]))
  })
})

describe('REG-12 the held list', () => {
  it('drops what the sender covers and does not hold, and keeps what it can not know', () => {
    const kit = tableKit()
    const { table } = kit
    table.merge(entryFor(table, { path: 'held', writer: b, seq: 1 }), 1)
    table.merge(entryFor(table, { path: 'dropped', writer: b, seq: 2 }), 1)
    table.merge(entryFor(table, { path: 'dropped', slot: 's', writer: b, seq: 3 }), 1)
    table.merge(entryFor(table, { path: 'unknown', writer: b, seq: 4 }), 1)
    const dropped = table.dropUnheld(new Set(['held']), peerView(table, { [b]: 3 }))
    expect(dropped.map(register => register.seq)).toEqual([2, 3])
    expect([...table.all()].map(register => register.path)).toEqual(['held', 'unknown'])
    expect(kit.dropped).toEqual(dropped)
  })

  it("tells a shadow from a register of its address: an older register beside the sender's shadow was dropped", () => {
    const sender = tableKit('s')
    sender.table.merge(entryFor(sender.table, { writer: c, seq: 1, atMs: skewMs + 9 }), 1)
    const held = new Set(sender.table.heldNames())
    const stale = tableKit('o').table
    stale.merge(entryFor(stale, { writer: b, seq: 1, atMs: 1 }), 1)
    stale.merge(entryFor(stale, { writer: c, seq: 1, atMs: skewMs + 9 }), 1)
    expect(stale.dropUnheld(held, peerView(stale, { [b]: 1, [c]: 1 })).map(register => register.shadow)).toEqual([false])
    expect(stale.shadows.size).toBe(1)
    const obeying = tableKit('p')
    obeying.clock.advance(10)
    obeying.table.merge(entryFor(obeying.table, { writer: c, seq: 1, atMs: skewMs + 9 }), 1)
    expect(obeying.table.get('p')).toBeDefined()
    expect(obeying.table.dropUnheld(held, peerView(obeying.table, { [c]: 1 }))).toEqual([])
  })

  it('keeps a shadow that the sender has as its register', () => {
    const { table } = tableKit()
    table.merge(entryFor(table, { writer: c, seq: 1, atMs: skewMs + 9 }), 1)
    expect(table.dropUnheld(new Set(['p']), peerView(table, { [c]: 1 }))).toEqual([])
    expect(table.dropUnheld(new Set(), peerView(table, { [c]: 1 }))).toHaveLength(1)
    expect(table.vector()).toEqual(vectorOf({}))
  })
})
