import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from './limits.js'
import { valueArbitrary } from './testing/value-arbitrary.js'
import { OpaqueValue, ownValue, valueProblem, type Value } from './value.js'
import { encodeValue } from './value-codec.js'

class Thermostat {
  setpoint = 21
}

function cyclic(): unknown {
  const value: Record<string, unknown> = { name: 'loop' }
  value['self'] = value
  return value
}

/** Reaches itself in `ways` ways from every level: endless for whoever walks it without a budget. */
function knot(ways: number): unknown {
  const value: unknown[] = []
  for (let i = 0; i < ways; i++) value.push(value)
  return value
}

describe('valueProblem', () => {
  it('accepts every kind of value', () => {
    fc.assert(fc.property(valueArbitrary(), value => void expect(valueProblem(value)).toBeUndefined()))
  })

  it.each<[string, unknown, string]>([
    ['not a number', Number.NaN, 'NaN is not a finite number'],
    ['infinity', [Number.NEGATIVE_INFINITY], '-Infinity is not a finite number'],
    ['undefined', undefined, 'of type undefined'],
    ['an undefined member', { setpoint: undefined }, 'of type undefined'],
    ['a function', { run: () => 1 }, 'of type function'],
    ['a symbol', Symbol('x'), 'of type symbol'],
    ['a bigint', 1n, 'of type bigint'],
    ['half of a character', 'lone \ud800', 'not well-formed'],
    ['half of a character in a key', { '\udc00': 1 }, 'a key is not well-formed'],
    ['a date', new Date(0), 'an instance of Date'],
    ['a map', new Map([['a', 1]]), 'an instance of Map'],
    ['a set within', [new Set()], 'an instance of Set'],
    ['an error', new Error('x'), 'an instance of Error'],
    ['a boxed string', Object('x'), 'an instance of String'],
    ['another typed array', new Float32Array(2), 'an instance of Float32Array'],
    ['an object of a class', new Thermostat(), 'an instance of Thermostat'],
    ['an object of a class without a name', new (class {})(), 'an instance of a class'],
    ['an object over an object', Object.create({ inherited: 1 }), 'an instance of'],
    ['a sparse array', Object.assign([1], { 2: 3 }), 'of type undefined'],
    ['a huge sparse array', new Array(4_000_000_000), 'of type undefined'],
    ['a cycle', cyclic(), 'nested deeper'],
    ['a knot', knot(50), 'nested deeper'],
    ['an opaque value with a known tag', new OpaqueValue(3, new Uint8Array(1)), 'an opaque value has a tag'],
    ['an opaque value with a tag that is no byte', new OpaqueValue(256, new Uint8Array(1)), 'an opaque value has a tag'],
    ['an opaque value without bytes', new OpaqueValue(20, 'x' as unknown as Uint8Array), 'an opaque value has a tag']
  ])('refuses %s', (_, value, problem) => {
    expect(valueProblem(value)).toContain(problem)
  })

  it('runs out of parts and not of time when parts are shared', () => {
    let wide: unknown = 1
    for (let depth = 0; depth < limits.valueDepthMax; depth++) wide = Array.from({ length: 50 }, () => wide)
    expect(valueProblem(wide)).toContain('more than 65536 parts')
  })

  it('calls no code of the object', () => {
    const called: string[] = []
    const trap = {
      get: () => {
        called.push('getter')
        return 1
      },
      enumerable: true
    }
    expect(valueProblem(Object.defineProperty({}, 'x', trap))).toBe('a member is a getter')
    expect(valueProblem(Object.defineProperty([0], 0, trap))).toBe('an item is a getter')
    expect(valueProblem(Object.defineProperty({}, 'x', { set() {}, enumerable: true }))).toBe('a member is a getter')
    const hidden: unknown = Object.create(Object.defineProperty({}, 'constructor', trap))
    expect(valueProblem(hidden)).toContain('an instance of a class')
    expect(valueProblem({ toJSON: 1, valueOf: 2 })).toBeUndefined()
    expect(called).toEqual([])
  })

  it('accepts objects without a prototype', () => {
    expect(valueProblem(Object.assign(Object.create(null) as object, { a: 1 }))).toBeUndefined()
  })
})

describe('ownValue', () => {
  it('is equal to what it copies, and is a copy', () => {
    fc.assert(
      fc.property(valueArbitrary(), value => {
        const own = ownValue(value)
        expect(encodeValue(own)).toEqual(encodeValue(value))
        if (typeof value === 'object' && value !== null) expect(own).not.toBe(value)
      })
    )
  })

  it('is not reached by a later change of the original', () => {
    const bytes = Uint8Array.of(1)
    const opaque = Uint8Array.of(2)
    const original = { list: [1], bytes, buffer: Buffer.from([3]), opaque: new OpaqueValue(20, opaque) }
    const own = ownValue(original)
    original.list.push(2)
    original.buffer[0] = 9
    bytes[0] = 9
    opaque[0] = 9
    expect(own).toEqual({
      list: [1],
      bytes: Uint8Array.of(1),
      buffer: Uint8Array.of(3),
      opaque: new OpaqueValue(20, Uint8Array.of(2))
    })
  })

  it('is frozen', () => {
    const own = ownValue({ list: [{ a: 1 }] }) as { list: { a: number }[] }
    expect(Object.isFrozen(own) && Object.isFrozen(own.list) && Object.isFrozen(own.list[0])).toBe(true)
  })

  it('makes one zero of two', () => {
    expect(ownValue([-0])).toEqual([0])
  })

  it('keeps a __proto__ key as data, and gives a plain array for an array of a class', () => {
    const own = ownValue(JSON.parse('{"__proto__":1}') as Value)
    expect(Object.entries(own as object)).toEqual([['__proto__', 1]])
    class Readings extends Array<number> {}
    expect(Object.getPrototypeOf(ownValue(Readings.of(1, 2)))).toBe(Array.prototype)
  })
})
