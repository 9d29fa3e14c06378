import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from './bytes.js'
import { isSelvedgeError } from './errors.js'
import { limits } from './limits.js'
import { valueArbitrary } from './testing/value-arbitrary.js'
import { OpaqueValue, ownValue, valueProblem, type Value } from './value.js'
import { decodeValue, encodedSize, encodeValue, readValue, valuesEqual, writeValue } from './value-codec.js'

function hex(value: Value): string {
  return Buffer.from(encodeValue(value)).toString('hex')
}

function decodeHex(text: string): Value {
  return decodeValue(Buffer.from(text, 'hex'))
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isSelvedgeError(error)) return error.code
    throw error
  }
  return 'none'
}

function nested(depth: number): Value {
  let value: Value = []
  for (let i = 1; i < depth; i++) value = i % 2 ? [value] : { inner: value }
  return value
}

describe('the stored form', () => {
  // These bytes are on disks and in hashes: a change here is a new version of the format.
  it.each<[string, Value]>([
    ['00', null],
    ['01', false],
    ['02', true],
    ['0300', 0],
    ['0300', -0],
    ['0301', -1],
    ['0302', 1],
    ['03ffffffffffffff0fffffffffffffff0f', -Number.MAX_SAFE_INTEGER],
    ['03feffffffffffff0fffffffffffffff07', 2 ** 52 - 1],
    ['09ae03', 21.5],
    ['0aeb21', -21.66],
    ['0b02', 0.001],
    ['04182d4454fb210940', Math.PI],
    ['040000000000004043', 2 ** 53],
    ['0500', ''],
    ['05036f6e21', 'on!'],
    ['060201ff', Uint8Array.of(1, 255)],
    ['0703000302070100', [null, 1, [null]]],
    ['080201610001620301', { b: -1, a: null }],
    ['2a0109', new OpaqueValue(42, Uint8Array.of(9))]
  ])('%s', (bytes, value) => {
    expect(hex(value)).toBe(bytes)
    expect(decodeHex(bytes)).toEqual(ownValue(value))
  })

  it('is one for equal values and differs for others', () => {
    expect(hex({ x: 1, y: { b: 2, a: 3 } })).toBe(hex({ y: { a: 3, b: 2 }, x: 1 }))
    expect(hex(Object.assign(Object.create(null) as Record<string, Value>, { x: 1 }))).toBe(hex({ x: 1 }))
    expect(hex(0.1 + 0.2)).not.toBe(hex(0.3))
    expect(hex('')).not.toBe(hex(new Uint8Array(0)))
    expect(hex([])).not.toBe(hex({}))
  })

  it('reads back, and is the same bytes when it is written again', () => {
    fc.assert(
      fc.property(valueArbitrary(), value => {
        expect(valueProblem(value)).toBeUndefined()
        const bytes = encodeValue(value)
        const read = decodeValue(bytes)
        expect(read).toEqual(ownValue(value))
        expect(encodeValue(read)).toEqual(bytes)
        expect(encodedSize(value)).toBe(bytes.length)
        expect(valuesEqual(value, read)).toBe(true)
      })
    )
  })

  it('orders keys alike whatever order they were set in', () => {
    const members = fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.integer()), { maxLength: 20 })
    fc.assert(
      fc.property(members, fc.infiniteStream(fc.nat()), (pairs, order) => {
        const unique = [...new Map(pairs)]
        const shuffled = unique.map(pair => ({ pair, at: order.next().value })).sort((a, b) => a.at - b.at)
        expect(hex(Object.fromEntries(unique))).toBe(hex(Object.fromEntries(shuffled.map(({ pair }) => pair))))
      })
    )
  })

  it('keeps every finite number exactly', () => {
    const sensor = fc.tuple(fc.integer(), fc.constantFrom(1, 10, 100, 1000, 10_000)).map(([mantissa, power]) => mantissa / power)
    fc.assert(
      fc.property(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), sensor, fc.maxSafeInteger()), number => {
        expect(decodeValue(encodeValue(number))).toBe(number === 0 ? 0 : number)
      }),
      { numRuns: 500 }
    )
  })

  it('takes a __proto__ key for data', () => {
    const value = JSON.parse('{"__proto__":{"admin":true}}') as Value
    const read = decodeValue(encodeValue(value)) as Record<string, Value>
    expect(Object.keys(read)).toEqual(['__proto__'])
    expect(read['admin']).toBeUndefined()
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
  })

  it('keeps a kind that only a later version knows, as it came', () => {
    const bytes = Uint8Array.of(200, 3, 1, 2, 3)
    expect(decodeValue(bytes)).toEqual(new OpaqueValue(200, Uint8Array.of(1, 2, 3)))
    expect(encodeValue(decodeValue(bytes))).toEqual(bytes)
  })

  it('is frozen when read, down to the leaves', () => {
    const read = decodeValue(encodeValue({ list: [{ a: 1 }] })) as { list: { a: number }[] }
    expect(Object.isFrozen(read) && Object.isFrozen(read.list) && Object.isFrozen(read.list[0])).toBe(true)
  })
})

describe('a second form of a value is refused', () => {
  it.each([
    ['an integer as a float', '04000000000000f03f'],
    ['a decimal as a float', '040000000000803540'],
    ['minus zero', '040000000000000080'],
    ['a whole decimal', '0914'],
    ['a decimal with a place too many', '0acc21'],
    ['a zero decimal', '0b00'],
    ['a decimal with a mantissa too long', '098280808008'],
    ['keys out of order', '0802016200016100'],
    ['a key twice', '0802016100016100'],
    ['a length with a byte too many', '058000']
  ])('%s', (_, bytes) => {
    expect(codeOf(() => decodeHex(bytes))).toBe('CODEC_INVALID')
  })

  it('whatever decodes encodes to the bytes that it came from', () => {
    const tagged = fc
      .tuple(fc.integer({ min: 0, max: 17 }), fc.uint8Array({ maxLength: 24 }))
      .map(([tag, rest]) => Uint8Array.of(tag, ...rest))
    let decoded = 0
    fc.assert(
      fc.property(tagged, bytes => {
        const reader = new ByteReader(bytes)
        let value: Value
        try {
          value = readValue(reader)
        } catch (error) {
          expect(error).toSatisfy(isSelvedgeError)
          return
        }
        decoded++
        expect(valueProblem(value)).toBeUndefined()
        expect(encodeValue(value)).toEqual(bytes.subarray(0, bytes.length - reader.remaining))
      }),
      { numRuns: 3000 }
    )
    expect(decoded).toBeGreaterThan(300)
  })
})

describe('hostile bytes', () => {
  it('of any kind throw a SelvedgeError or decode', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        expect(codeOf(() => decodeValue(bytes))).toMatch(/^(none|CODEC_TRUNCATED|CODEC_INVALID|CODEC_OVERFLOW)$/)
      }),
      { numRuns: 1000 }
    )
  })

  it('made from sound ones by a change or a cut throw a SelvedgeError or decode', () => {
    fc.assert(
      fc.property(valueArbitrary(), fc.nat(), fc.nat(255), fc.boolean(), (value, at, byte, cut) => {
        const bytes = encodeValue(value)
        const changed = cut ? bytes.slice(0, at % bytes.length) : bytes.with(at % bytes.length, byte)
        expect(codeOf(() => decodeValue(changed))).toMatch(/^(none|CODEC_TRUNCATED|CODEC_INVALID|CODEC_OVERFLOW)$/)
      }),
      { numRuns: 1000 }
    )
  })

  it.each([
    ['an array that says it has 2^53 - 1 items', '07ffffffffffffff0f', 'CODEC_OVERFLOW'],
    ['an object that says it has 2^40 members', '08808080808020', 'CODEC_OVERFLOW'],
    ['text that says it has 2 GiB', '058080808008', 'CODEC_OVERFLOW'],
    ['arrays within arrays without end', '0701'.repeat(10_000), 'CODEC_OVERFLOW'],
    ['a tag without meaning', '0f', 'CODEC_INVALID'],
    ['a number that is not one', '04000000000000f87f', 'CODEC_INVALID'],
    ['infinity', '04000000000000f07f', 'CODEC_INVALID'],
    ['nothing', '', 'CODEC_TRUNCATED'],
    ['two values', '0000', 'CODEC_INVALID']
  ])('%s', (_, bytes, code) => {
    expect(codeOf(() => decodeHex(bytes))).toBe(code)
  })

  it('of a value above the limit are refused, so that whatever was read can be written', () => {
    const writer = new ByteWriter().byte(7).uint(limits.valueBytesMax)
    for (let i = 0; i < limits.valueBytesMax; i++) writer.byte(0)
    expect(codeOf(() => decodeValue(writer.finish()))).toBe('CODEC_OVERFLOW')
  })

  it('do not stay shared with what was read from them', () => {
    const network = Buffer.from([7, 2, 6, 1, 9, 20, 1, 9])
    const read = decodeValue(network)
    network.fill(0)
    expect(read).toEqual([Uint8Array.of(9), new OpaqueValue(20, Uint8Array.of(9))])
  })
})

describe('limits when written', () => {
  it('takes a value of exactly the limit and none of a byte more', () => {
    const overhead = 4 // the tag and a length of three bytes
    expect(encodeValue('x'.repeat(limits.valueBytesMax - overhead))).toHaveLength(limits.valueBytesMax)
    expect(codeOf(() => encodeValue('x'.repeat(limits.valueBytesMax - overhead + 1)))).toBe('VALUE_TOO_LARGE')
    expect(codeOf(() => encodedSize(new Uint8Array(limits.valueBytesMax)))).toBe('VALUE_TOO_LARGE')
    const decoded = decodeValue(encodeValue('x'.repeat(limits.valueBytesMax - overhead)))
    expect(decoded).toHaveLength(limits.valueBytesMax - overhead)
  })

  it('counts each value of a frame by itself', () => {
    const writer = new ByteWriter()
    const value = new Uint8Array(limits.valueBytesMax - 100)
    for (let i = 0; i < 3; i++) writeValue(writer, value)
    const reader = new ByteReader(writer.finish())
    for (let i = 0; i < 3; i++) expect(readValue(reader)).toEqual(value)
    reader.finish('the values')
  })

  it('nests as deep when read as when accepted', () => {
    const deepest = nested(limits.valueDepthMax)
    expect(valueProblem(deepest)).toBeUndefined()
    expect(decodeValue(encodeValue(deepest))).toEqual(deepest)
    const deeper = nested(limits.valueDepthMax + 1)
    expect(valueProblem(deeper)).toContain('nested deeper')
    expect(codeOf(() => encodeValue(deeper))).toBe('VALUE_INVALID')
    expect(codeOf(() => decodeHex('0701'.repeat(limits.valueDepthMax) + '0700'))).toBe('CODEC_OVERFLOW')
  })

  it('stops soon when a small object stands for endless bytes', () => {
    const text = 'x'.repeat(60_000)
    expect(codeOf(() => encodeValue(Array.from({ length: 60_000 }, () => text)))).toBe('VALUE_TOO_LARGE')
    let wide: Value = 'leaf'
    for (let depth = 0; depth < limits.valueDepthMax; depth++) wide = Array.from<Value>({ length: 50 }).fill(wide)
    expect(codeOf(() => encodeValue(wide))).toBe('VALUE_TOO_LARGE')
    const loop: Value[] = []
    loop.push(loop, loop)
    expect(codeOf(() => encodeValue(loop))).toBe('VALUE_INVALID')
  })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a bigint', 1n],
    ['not a number', Number.NaN],
    ['infinity', [Number.POSITIVE_INFINITY]]
  ])('does not write %s', (_, value) => {
    expect(codeOf(() => encodeValue(value as Value))).toBe('VALUE_INVALID')
  })

  it('writes soundly after it has thrown', () => {
    expect(codeOf(() => encodeValue(['x', 'x'.repeat(limits.valueBytesMax)]))).toBe('VALUE_TOO_LARGE')
    expect(hex([null])).toBe('070100')
  })
})

describe('valuesEqual', () => {
  it.each<[Value, Value, boolean]>([
    [0, -0, true],
    [1, true, false],
    ['a', 'a', true],
    [null, {}, false],
    [Uint8Array.of(1), Uint8Array.of(1), true],
    [Uint8Array.of(1), [1], false],
    [{ a: [1, { b: 2 }], c: 3 }, { c: 3, a: [1, { b: 2 }] }, true],
    [{ a: 1 }, { a: 1, b: null }, false],
    [new OpaqueValue(20, Uint8Array.of(1)), new OpaqueValue(21, Uint8Array.of(1)), false]
  ])('%j and %j: %s', (a, b, equal) => {
    expect(valuesEqual(a, b)).toBe(equal)
    expect(valuesEqual(b, a)).toBe(equal)
  })
})
