import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OpaqueValue, type Value } from '@selvedge/core'
import { valueArbitrary } from '../../../core/src/testing/value-arbitrary.js'
import { entryFor, tableKit, writerKey, type EntryOptions } from '../testing/table-kit.js'
import { Register } from './register.js'
import { hashesEqual, hashRegister, hashText } from './register-hash.js'

const { table } = tableKit()

function hashOf(options: EntryOptions, ticks = 0): string {
  const entry = entryFor(table, options)
  const register = new Register(entry.path, entry.slot, { ...entry, time: entry.time + ticks })
  hashRegister(register)
  return hashText({ a: register.hashA, b: register.hashB, count: 1 })
}

describe('REG-14 what a register adds to the hash', () => {
  it('depends on address, stamp and value, and not on dot, quality or batch', () => {
    const base: EntryOptions = { path: 'p', slot: 's', value: 1, atMs: 1, writer: writerKey('b') }
    const same = hashOf(base)
    expect(hashOf({ ...base, seq: 9, batch: 4, writer: writerKey('b', 7) })).toBe(same)
    const others = [
      hashOf({ ...base, path: 'q' }),
      hashOf({ ...base, slot: '' }),
      hashOf({ ...base, slot: 't' }),
      hashOf({ ...base, atMs: 2 }),
      hashOf(base, 1),
      hashOf({ ...base, writer: writerKey('c') }),
      ...(
        [
          0,
          -1,
          1.5,
          '1',
          true,
          false,
          null,
          [],
          [1],
          {},
          { a: 1 },
          new Uint8Array([1]),
          new OpaqueValue(20, new Uint8Array())
        ] as Value[]
      ).map(value => hashOf({ ...base, value }))
    ]
    expect(new Set([same, ...others]).size).toBe(others.length + 1)
  })

  it('is the same for the same value, however its keys were set', () => {
    expect(hashOf({ value: { a: 1, b: 2 } })).toBe(hashOf({ value: { b: 2, a: 1 } }))
    fc.assert(
      fc.property(valueArbitrary(), value => void expect(hashOf({ value: structuredLike(value) })).toBe(hashOf({ value })))
    )
  })

  it('spreads over both lanes: near inputs never meet in either', () => {
    const lanes = [new Set<string>(), new Set<string>()]
    const count = 20_000
    for (let i = 0; i < count; i++) {
      const hash = hashOf({ path: `ahu/${i % 100}/temp`, value: i / 10, atMs: i })
      lanes[0]!.add(hash.slice(0, 8))
      lanes[1]!.add(hash.slice(8))
    }
    // Of 20,000 random 32-bit numbers about 0.05 pairs are expected to meet.
    for (const lane of lanes) expect(lane.size).toBeGreaterThan(count - 5)
    const bits = Array.from({ length: 64 }, () => 0)
    for (let i = 0; i < 2_000; i++) {
      const hash = BigInt(`0x${hashOf({ value: i })}`)
      for (let bit = 0; bit < 64; bit++) bits[bit]! += Number((hash >> BigInt(bit)) & 1n)
    }
    for (const ones of bits) expect(Math.abs(ones - 1_000)).toBeLessThan(200)
  })

  it('is equal only when both lanes and the count are', () => {
    const hash = { a: 1, b: 2, count: 3 }
    expect(hashesEqual(hash, { ...hash })).toBe(true)
    for (const other of [
      { ...hash, a: 0 },
      { ...hash, b: 0 },
      { ...hash, count: 0 }
    ])
      expect(hashesEqual(hash, other)).toBe(false)
  })
})

/** A copy that shares nothing with the value. */
function structuredLike(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return value.slice()
  if (value instanceof OpaqueValue) return new OpaqueValue(value.tag, value.bytes.slice())
  if (Array.isArray(value)) return value.map(structuredLike)
  return Object.fromEntries(
    Object.entries(value as Record<string, Value>)
      .reverse()
      .map(([key, item]) => [key, structuredLike(item)])
  )
}
