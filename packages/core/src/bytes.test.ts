import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from './bytes.js'
import { isSelvedgeError } from './errors.js'

const max = Number.MAX_SAFE_INTEGER

function written(write: (writer: ByteWriter) => unknown): Uint8Array {
  const writer = new ByteWriter(1)
  write(writer)
  return writer.finish()
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

const readers: Record<string, (reader: ByteReader) => unknown> = {
  byte: reader => reader.byte(),
  uint: reader => reader.uint(),
  uintUpTo: reader => reader.uintUpTo(100, 'a number'),
  count: reader => reader.count('a count', 3),
  int: reader => reader.int(),
  float64: reader => reader.float64(),
  bytes: reader => reader.bytes(),
  string: reader => reader.string()
}

describe('uint', () => {
  it.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [0x7fff_ffff, 'ffffffff07'],
    [0x8000_0000, '8080808008'],
    [max, 'ffffffffffffff0f']
  ])('%d is written as %s', (value, hex) => {
    const bytes = written(writer => writer.uint(value))
    expect(Buffer.from(bytes).toString('hex')).toBe(hex)
    expect(new ByteReader(bytes).uint()).toBe(value)
  })

  it('reads back every safe integer in at most 8 bytes', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), value => {
        const bytes = written(writer => writer.uint(value))
        const reader = new ByteReader(bytes)
        expect(reader.uint()).toBe(value)
        expect(reader.remaining).toBe(0)
        expect(bytes.length).toBeLessThanOrEqual(8)
      })
    )
  })

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, max + 1])('%d is a mistake, not an endless loop', value => {
    expect(() => new ByteWriter().uint(value)).toThrow('assertion failed')
  })

  it.each([
    ['2^53', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ['nine bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ['a longer form of 0', [0x80, 0x00]],
    ['a longer form of 1', [0x81, 0x80, 0x00]]
  ])('refuses %s', (_, bytes) => {
    expect(codeOf(() => new ByteReader(Uint8Array.from(bytes)).uint())).toBe('CODEC_INVALID')
  })
})

describe('int', () => {
  const edges = [2 ** 31, 2 ** 32, 2 ** 51, 2 ** 52, max].flatMap(edge => [edge - 2, edge - 1, edge, Math.min(edge + 1, max)])

  it.each([...new Set([0, 1, 2, ...edges].flatMap(value => [value, -value]))])('%d reads back', value => {
    const reader = new ByteReader(written(writer => writer.int(value)))
    expect(reader.int()).toBe(value === 0 ? 0 : value)
    expect(reader.remaining).toBe(0)
  })

  it('reads back every safe integer', () => {
    const nearEdges = fc
      .tuple(fc.constantFrom(...edges), fc.integer({ min: -4, max: 4 }))
      .map(([edge, by]) => Math.min(edge + by, max))
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), nearEdges), value => {
        expect(new ByteReader(written(writer => writer.int(value))).int()).toBe(value)
      })
    )
  })

  it('keeps small numbers of either sign in one byte', () => {
    expect(written(writer => writer.int(63))).toHaveLength(1)
    expect(written(writer => writer.int(-64))).toHaveLength(1)
  })

  it.each([1.5, Number.NaN, Number.NEGATIVE_INFINITY, -max - 1])('%d is a mistake', value => {
    expect(() => new ByteWriter().int(value)).toThrow('assertion failed')
  })

  it.each([
    ['a positive escape that needs none', max - 1, 2 ** 52 - 2],
    ['a negative escape that needs none', max, 2 ** 52 - 1],
    ['minus zero', max, 0]
  ])('refuses %s', (_, escape, value) => {
    expect(codeOf(() => new ByteReader(written(writer => writer.uint(escape).uint(value))).int())).toBe('CODEC_INVALID')
  })
})

describe('text and bytes', () => {
  it('read back, in the order written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.uint8Array(), fc.double(), (text, bytes, number) => {
        const reader = new ByteReader(written(writer => writer.string(text).bytes(bytes).float64(number).string(text)))
        expect(reader.string()).toBe(text)
        expect(reader.bytes()).toEqual(bytes)
        expect(reader.float64()).toBe(number)
        expect(reader.string()).toBe(text)
        reader.finish('the fields')
      })
    )
  })

  it('keeps a byte order mark', () => {
    const text = '\uFEFFfirst floor'
    expect(new ByteReader(written(writer => writer.string(text))).string()).toBe(text)
  })

  it.each([0, 1, 47, 48, 63, 64, 65, 127, 128, 16_384])('text of %d characters has one form, short way or long', length => {
    const text = 'x'.repeat(length)
    expect(written(writer => writer.string(text))).toEqual(written(writer => writer.bytes(new TextEncoder().encode(text))))
    expect(new ByteReader(written(writer => writer.string(text))).string()).toBe(text)
  })

  it('writes the rest of a string as it would write that alone', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 80 }),
        fc.string({ unit: 'grapheme', maxLength: 80 }),
        (before, rest) => {
          expect(written(writer => writer.string(before + rest, before.length))).toEqual(written(writer => writer.string(rest)))
        }
      )
    )
  })

  it('refuses what is not UTF-8', () => {
    expect(codeOf(() => new ByteReader(Uint8Array.of(2, 0xc3, 0x28)).string())).toBe('CODEC_INVALID')
  })

  it('refuses a length above the limit given, before it looks at the bytes', () => {
    const bytes = written(writer => writer.uint(9).raw(new Uint8Array(9)))
    expect(codeOf(() => new ByteReader(bytes).bytes(8))).toBe('CODEC_OVERFLOW')
    expect(codeOf(() => new ByteReader(bytes).string(8))).toBe('CODEC_OVERFLOW')
    expect(new ByteReader(bytes).bytes(9)).toHaveLength(9)
  })
})

describe('a reader of hostile bytes', () => {
  it.each(Object.entries(readers))('%s throws a SelvedgeError only, and never reads past the end', (_, read) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(20), fc.nat(20), (bytes, head, tail) => {
        // The bytes around the window are there to be read by mistake.
        const padded = new Uint8Array(head + bytes.length + tail).fill(1)
        padded.set(bytes, head)
        const outcome = (reader: ByteReader): unknown => {
          try {
            return [read(reader), reader.remaining]
          } catch (error) {
            expect(error).toSatisfy(isSelvedgeError)
            return (error as Error).message
          }
        }
        const windowed = new ByteReader(padded, head, head + bytes.length)
        const alone = new ByteReader(bytes)
        expect(outcome(windowed)).toEqual(outcome(alone))
        expect(windowed.remaining).toBeGreaterThanOrEqual(0)
      })
    )
  })

  it.each(Object.entries(readers))('%s refuses an empty input', (_, read) => {
    expect(codeOf(() => read(new ByteReader(new Uint8Array(0))))).toMatch(/^CODEC_(TRUNCATED|OVERFLOW)$/)
  })

  it('believes no count that the rest of the input cannot hold', () => {
    const bytes = written(writer => writer.uint(4).raw(new Uint8Array(7)))
    expect(codeOf(() => new ByteReader(bytes).count('things', 2))).toBe('CODEC_OVERFLOW')
    expect(new ByteReader(bytes).count('things')).toBe(4)
    const exact = written(writer => writer.uint(2).raw(new Uint8Array(6)))
    expect(new ByteReader(exact).count('things', 3)).toBe(2)
  })

  it('says what was too large', () => {
    expect(() => new ByteReader(Uint8Array.of(101)).uintUpTo(100, 'the number of spaces')).toThrow(
      'the number of spaces is 101, the limit is 100'
    )
  })

  it('refuses stray bytes at the end', () => {
    expect(codeOf(() => new ByteReader(Uint8Array.of(1)).finish('a frame'))).toBe('CODEC_INVALID')
  })

  it('does not accept a window outside of the buffer', () => {
    expect(() => new ByteReader(new Uint8Array(4), 0, 5)).toThrow('assertion failed')
    expect(() => new ByteReader(new Uint8Array(4), 3, 2)).toThrow('assertion failed')
  })

  it('gives plain bytes whose slice is a copy, also when it reads a Buffer', () => {
    const network = Buffer.from([2, 7, 8])
    const kept = new ByteReader(network).bytes().slice()
    network.fill(0)
    expect(kept).toEqual(Uint8Array.of(7, 8))
  })
})

describe('a writer', () => {
  it('grows from any capacity, and is empty after clear', () => {
    const writer = new ByteWriter(0).raw(new Uint8Array(1000).fill(5)).byte(1)
    expect(writer.size).toBe(1001)
    expect(writer.peek()).toEqual(writer.finish())
    writer.clear()
    expect(writer.finish()).toEqual(new Uint8Array(0))
  })

  it('finishes with a copy', () => {
    const writer = new ByteWriter().byte(1)
    const first = writer.finish()
    writer.clear()
    writer.byte(2)
    expect(first).toEqual(Uint8Array.of(1))
  })
})
