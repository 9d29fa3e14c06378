import { describe, expect, it } from 'vitest'
import { entryFor, startMs, tableKit, writerKey } from '../testing/table-kit.js'

const skewMs = 300_000
const b = writerKey('b')

describe('REG-10 expiry', () => {
  it('reads as absent from then on, is kept for the skew, then is a tombstone with the same stamp and dot', () => {
    const kit = tableKit()
    const { table } = kit
    const dot = table.set('p', 1, { expiresAtMs: startMs + 1_000 })
    const time = table.peek('p')!.time
    expect(table.nextDueMs()).toBe(startMs + 1_000)
    kit.clock.advance(999)
    table.advance()
    expect(table.get('p')?.value).toBe(1)
    kit.clock.advance(1)
    expect(table.get('p')).toBeUndefined()
    table.advance()
    expect(table.peek('p')?.value).toBe(1)
    expect(kit.changed).toEqual(['p', 'p'])
    expect(table.nextDueMs()).toBe(startMs + 1_000 + skewMs)
    kit.clock.advance(skewMs - 1)
    table.advance()
    expect(table.peek('p')?.tombstone).toBe(false)
    kit.clock.advance(1)
    table.advance()
    expect(table.peek('p')).toMatchObject({ tombstone: true, time, seq: dot.seq })
    expect([...table.tombstones]).toHaveLength(1)
    expect([table.live, table.nextDueMs()]).toEqual([0, undefined])
  })

  it('I5: a clock that jumped ahead alone decides nothing for good: what expired by it is back when it is repaired', () => {
    const kit = tableKit()
    const { table, clock } = kit
    const session = {}
    table.trusted.heard(session, clock.wallMs())
    table.set('p', 1, { expiresAtMs: startMs + 3_600_000 })
    clock.jumpWall(10 * 3_600_000)
    table.advance()
    table.advance()
    expect([table.get('p'), table.peek('p')?.tombstone]).toEqual([undefined, false])
    expect(table.nextDueMs()).toBe(table.trusted.nowMs() + 1_000)
    const told = kit.changed.length
    clock.jumpWall(-10 * 3_600_000)
    table.advance()
    expect(table.get('p')?.value).toBe(1)
    expect(kit.changed.slice(told)).toEqual(['p'])
    expect(table.nextDueMs()).toBe(startMs + 3_600_000)
    clock.advance(3_600_000)
    table.advance()
    expect(table.get('p')).toBeUndefined()
    clock.advance(skewMs)
    table.advance()
    expect(table.peek('p')?.tombstone).toBe(true)
  })

  it('I5: what a clock says that peers agree with by and by is decided then', () => {
    const { table, clock } = tableKit()
    table.trusted.heard({}, clock.wallMs())
    table.set('p', 1, { expiresAtMs: startMs + 1_000 })
    clock.jumpWall(3_600_000)
    table.advance()
    table.advance()
    expect(table.peek('p')?.tombstone).toBe(false)
    clock.advance(1_000 + skewMs)
    table.advance()
    expect(table.peek('p')?.tombstone).toBe(true)
  })

  it('passes over what was overwritten, with a later expiry or none', () => {
    const kit = tableKit()
    const { table } = kit
    table.set('renewed', 1, { expiresAtMs: startMs + 1_000 })
    table.set('renewed', 2, { expiresAtMs: startMs + 900_000 })
    table.set('plain', 1, { expiresAtMs: startMs + 1_000 })
    table.set('plain', 2)
    kit.clock.advance(1_000 + skewMs)
    table.advance()
    table.advance()
    expect(table.get('renewed')?.value).toBe(2)
    expect(table.get('plain')?.value).toBe(2)
    kit.clock.advance(900_000)
    table.advance()
    expect(table.peek('renewed')?.tombstone).toBe(true)
    expect(table.get('plain')?.value).toBe(2)
  })

  it('wins as a tombstone over the live form of its dot, and loses to a new dot', () => {
    const { table } = tableKit()
    const live = entryFor(table, { writer: b, value: 1, expiresAtMs: startMs + 1 })
    expect(table.merge(live, 1)).toBe('applied')
    expect(table.merge({ ...live, value: undefined }, 1)).toBe('applied')
    expect(table.peek('p')?.tombstone).toBe(true)
    expect(table.merge(live, 1)).toBe('duplicate')
    expect(table.merge({ ...live, seq: 2 }, 1)).toBe('applied')
    expect(table.peek('p')?.tombstone).toBe(false)
  })

  it('refuses nothing for being expired, and does not hash what expires', () => {
    const kit = tableKit()
    const { table } = kit
    const empty = table.hash()
    kit.clock.advance(10_000)
    expect(table.merge(entryFor(table, { writer: b, expiresAtMs: startMs + 1 }), 1)).toBe('applied')
    expect(table.get('p')).toBeUndefined()
    expect(table.hash()).toEqual(empty)
  })

  it('costs what is live however often an expiry is renewed', () => {
    const kit = tableKit()
    const { table } = kit
    for (let i = 0; i < 20_000; i++) table.set('lease', i, { expiresAtMs: startMs + 1_000 + i })
    kit.clock.advance(500)
    table.advance()
    expect(table.get('lease')?.value).toBe(19_999)
    kit.clock.advance(21_000 + skewMs)
    const told = kit.changed.length
    table.advance()
    table.advance()
    expect(table.peek('lease')?.tombstone).toBe(true)
    expect(kit.changed.length - told).toBeLessThan(3_000)
  })
})
