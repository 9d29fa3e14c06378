import { describe, expect, it } from 'vitest'
import {
  contents,
  entryAs,
  entryFor,
  hlcAt,
  peerView,
  tableKit,
  vectorOf,
  writerKey,
  type TableKit
} from '../testing/table-kit.js'
import type { Register } from './register.js'
import type { RegisterTable } from './register-table.js'
import { voidPath } from './register.js'
import { slotOfVoid, valueOfVoid } from './voids.js'

const skewMs = 300_000
const b = writerKey('b')
const c = writerKey('c')

/** Sends everything that one table holds to another, as a session does that owes all of it. */
function send(from: RegisterTable, to: RegisterTable): void {
  for (const register of [...from.all(), ...from.shadows.values()]) to.merge(entryAs(to, register), 1)
  to.seal(from.vector())
}

/** A node whose clock is an hour ahead has overwritten, with `ahead`, what `kit` holds as `before`. */
function withShadow(): { kit: TableKit; fast: TableKit } {
  const kit = tableKit('a')
  const fast = tableKit('f', skewMs, 2)
  kit.table.set('p', 'before')
  send(kit.table, fast.table)
  fast.clock.jumpWall(3_600_000)
  fast.table.set('p', 'ahead')
  send(fast.table, kit.table)
  return { kit, fast }
}

describe('REG-8 shadows', () => {
  it('stand beside the register: covered, held, sent and hashed, but not read and not followed', () => {
    const { kit, fast } = withShadow()
    const { table } = kit
    expect(table.get('p')?.value).toBe('before')
    expect(table.shadows.get('p')?.value).toBe('ahead')
    expect(table.size).toBe(2)
    expect(table.vector().seqs.get(fast.table.ownWriterKey!)).toBe(1)
    expect(table.owedTo(peerView(table, {})).map(register => register.value)).toContain('ahead')
    expect(table.hash()).toEqual(fast.table.hash())
    expect(table.hlc.last).toBeLessThan(hlcAt(skewMs))
  })

  it('become the register once within skew of trusted now, at the millisecond of nextDueMs', () => {
    const { kit } = withShadow()
    const dueMs = kit.table.nextDueMs()!
    kit.clock.advance(dueMs - kit.clock.wallMs() - 1)
    kit.table.advance()
    expect(kit.table.get('p')?.value).toBe('before')
    kit.clock.advance(1)
    kit.table.advance()
    kit.table.advance()
    expect(kit.table.get('p')?.value).toBe('ahead')
    expect(kit.table.shadows.size).toBe(0)
    expect(kit.alarms).toEqual([])
    expect(kit.dropped.map(register => register.shadow)).toEqual([true])
  })

  it('are told to who writes beside them another value: when their time comes, they stand in its place', () => {
    const { kit } = withShadow()
    const { table } = kit
    table.set('q', 1)
    table.set('p', 'ahead')
    expect(kit.overruled).toEqual([])
    table.set('p', 'behind')
    table.delete('p')
    expect(kit.overruled).toEqual([
      { written: 'behind', by: 'ahead' },
      { written: undefined, by: 'ahead' }
    ])
  })

  it('are not made of the ticks within the last millisecond that is obeyed', () => {
    const { table } = tableKit('a', skewMs)
    const entry = entryFor(table, { atMs: skewMs })
    expect(table.merge({ ...entry, time: entry.time + 4095 }, 1)).toBe('applied')
    expect(table.merge({ ...entry, seq: 2, time: entry.time + 4096 }, 1)).toBe('shadowed')
  })

  it('give way to a later shadow, and to a register that is as late', () => {
    const kit = tableKit()
    const { table } = kit
    const at = (seq: number, atMs: number) => entryFor(table, { writer: b, seq, atMs, value: seq })
    table.merge(at(1, skewMs + 10), 1)
    table.merge(at(2, skewMs + 20), 1)
    expect(table.shadows.get('p')?.value).toBe(2)
    kit.clock.advance(100)
    // Within skew by now, though nothing has advanced the table since.
    expect(table.merge(at(2, skewMs + 20), 1)).toBe('applied')
    expect(table.shadows.size).toBe(0)
    expect(table.have()[0]?.runs).toEqual([[2, 1]])
  })

  it('hold own writes too, and the HLC then goes on from them', () => {
    const { table } = tableKit()
    table.hlc.observe(hlcAt(skewMs + 1_000))
    expect(table.set('p', 1).shadowed).toBe(true)
    expect(table.set('p', 2).shadowed).toBe(true)
    expect(table.get('p')).toBeUndefined()
    expect(table.shadows.get('p')?.value).toBe(2)
  })
})

describe('REG-8 a clock found ahead', () => {
  it('turns what is too far ahead into shadows, takes a new incarnation and starts again from trusted now', () => {
    const { fast } = withShadow()
    const { table } = fast
    const before = table.ownWriterKey
    fast.clock.jumpWall(-3_600_000)
    table.advance()
    expect(fast.alarms).toEqual([{ kind: 'clock-ahead', aheadMs: 3_600_000, shadowed: 1 }])
    expect(table.get('p')).toBeUndefined()
    expect(table.shadows.get('p')?.value).toBe('ahead')
    expect(fast.dropped.map(register => register.shadow)).toEqual([false])
    expect(table.set('p', 'now').shadowed).toBe(false)
    expect(table.ownWriterKey).not.toBe(before)
    expect(table.get('p')?.value).toBe('now')
  })

  it('goes on from what it still obeys: a write must beat what it overwrites', () => {
    const kit = tableKit()
    const { table } = kit
    table.merge(entryFor(table, { path: 'near', atMs: skewMs - 1 }), 1)
    kit.clock.advance(3_600_000)
    table.set('far', 1)
    kit.clock.jumpWall(-3_600_000)
    table.advance()
    table.set('near', 'mine')
    expect(table.get('near')?.value).toBe('mine')
    const other = tableKit('o')
    other.table.merge(entryFor(other.table, { path: 'near', atMs: skewMs - 1 }), 1)
    send(table, other.table)
    expect(other.table.get('near')?.value).toBe('mine')
  })

  it('is one alarm, not one for each look at the clock', () => {
    const { fast } = withShadow()
    fast.clock.jumpWall(-3_600_000)
    for (let i = 0; i < 3; i++) fast.table.advance()
    expect(fast.alarms).toHaveLength(1)
  })
})

describe('REG-9 voids', () => {
  it('discard a shadow everywhere, also where it comes later and where it was obeyed', () => {
    const { kit, fast } = withShadow()
    const late = tableKit('l')
    kit.table.discardShadow('p')
    expect(kit.table.shadows.size).toBe(0)
    expect(kit.table.get('p')?.value).toBe('before')
    send(kit.table, late.table)
    send(fast.table, late.table)
    send(kit.table, fast.table)
    for (const { table } of [late, fast]) {
      expect(table.shadows.size).toBe(0)
      expect(table.get('p')?.value).toBe('before')
      expect(table.hash()).toEqual(kit.table.hash())
    }
    expect(kit.dropped.map(register => register.value)).toEqual(['ahead'])
  })

  it('release a shadow: its value is written anew with a stamp of now, in one batch with the void', () => {
    const { kit, fast } = withShadow()
    const result = kit.table.releaseShadow('p')
    expect(result?.shadowed).toBe(false)
    expect(kit.table.get('p')).toMatchObject({ value: 'ahead', batch: result!.seq })
    send(kit.table, fast.table)
    expect(fast.table.get('p')?.value).toBe('ahead')
    expect(fast.table.hash()).toEqual(kit.table.hash())
  })

  it('put back a delete too, and leave newer writes alone', () => {
    const { kit, fast } = withShadow()
    kit.table.delete('p')
    kit.table.discardShadow('p')
    send(kit.table, fast.table)
    expect(fast.table.peek('p')?.tombstone).toBe(true)
    const other = withShadow()
    other.kit.table.discardShadow('p')
    other.fast.table.set('p', 'newer')
    send(other.kit.table, other.fast.table)
    expect(other.fast.table.get('p')?.value).toBe('newer')
  })

  it('name a write by its stamp: a new dot of it is void as well', () => {
    const { kit, fast } = withShadow()
    fast.table.renewIncarnation()
    kit.table.discardShadow('p')
    send(fast.table, kit.table)
    expect(kit.table.shadows.size).toBe(0)
    expect(kit.table.merge(entryAs(kit.table, fast.table.peek('p')!), 1)).toBe('voided')
  })

  it("don't take a later write of that node for the one they name, though its clock comes by the same time again", () => {
    const { kit, fast } = withShadow()
    const time = fast.table.peek('p')!.time
    kit.table.discardShadow('p')
    send(kit.table, fast.table)
    fast.clock.jumpWall(-3_600_000)
    fast.table.advance()
    fast.clock.advance(3_600_000)
    fast.table.hlc.reset(time - 1)
    fast.table.set('p', 'again')
    expect(fast.table.peek('p')!.time).toBeGreaterThan(time)
    kit.clock.advance(3_600_000)
    send(fast.table, kit.table)
    expect(kit.table.get('p')?.value).toBe('again')
  })

  it('are nothing while they are shadows themselves, and end with their register', () => {
    const { kit, fast } = withShadow()
    const { table } = kit
    const shadow = table.shadows.get('p')!
    const voiding = entryFor(table, {
      path: voidPath,
      slot: slotOfVoid(shadow),
      value: valueOfVoid(shadow, undefined),
      writer: c,
      atMs: skewMs * 2
    })
    expect(table.merge(voiding, 1)).toBe('shadowed')
    expect(table.shadows.has('p')).toBe(true)
    expect(table.merge({ ...voiding, seq: 2, time: hlcAt(5) }, 1)).toBe('applied')
    expect(table.shadows.has('p')).toBe(false)
    expect(table.merge(entryAs(table, fast.table.peek('p')!), 1)).toBe('voided')
    table.merge({ ...voiding, seq: 3, time: hlcAt(6), value: undefined }, 1)
    expect(table.merge(entryAs(table, fast.table.peek('p')!), 1)).toBe('shadowed')
  })

  it('that say nothing sound do nothing', () => {
    const { kit } = withShadow()
    const { table } = kit
    const sound = valueOfVoid(table.shadows.get('p')!, table.peek('p')) as Readonly<Record<string, unknown>>
    const beneath = sound['beneath'] as Record<string, unknown>
    const bad: unknown[] = [null, 1, 'p', [], {}, { ...sound, path: 1 }, { ...sound, time: 0.5 }, { ...sound, node: null }]
    bad.forEach((value, i) => table.set(voidPath, value as never, { slot: `x${i}` }))
    expect(table.shadows.has('p')).toBe(true)
    for (const part of [
      { seq: 0 },
      { quality: 256 },
      { writer: 'nobody' },
      { writer: `b~${'f'.repeat(22)}` },
      { value: 'text' },
      { value: new Uint8Array([99]) },
      { time: 0.1 }
    ]) {
      const other = tableKit('o')
      other.clock.jumpWall(3_600_000)
      send(kit.table, other.table)
      other.table.advance()
      other.table.set(voidPath, { ...sound, beneath: { ...beneath, ...part } }, { slot: 'v' })
      expect(other.table.peek('p'), JSON.stringify(part)).toBeUndefined()
    }
  })

  it('leave out what is beneath when it is too large to go along', () => {
    const kit = tableKit()
    const large = entryFor(kit.table, { value: 'x'.repeat(64 * 1024 - 10) }) as Register
    expect(valueOfVoid(large, large)).not.toHaveProperty('beneath')
    expect(valueOfVoid(large, entryFor(kit.table, { value: 'small' }))).toHaveProperty('beneath')
  })

  it('are asked for only where there is a shadow', () => {
    const { table } = tableKit()
    expect(table.discardShadow('p')).toBeUndefined()
    expect(table.releaseShadow('p')).toBeUndefined()
    expect(contents(table)).toEqual([])
    expect(table.vector()).toEqual(vectorOf({}))
  })
})
