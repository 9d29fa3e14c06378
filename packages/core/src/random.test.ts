import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { below, randomHex, seededRandom, type Random } from './random.js'
import { systemRandom } from './system/system-random.js'

const sources: [string, () => Random][] = [
  ['seededRandom', () => seededRandom(7)],
  ['systemRandom', () => systemRandom]
]

function draw(random: Random, count = 20): number[] {
  return Array.from({ length: count }, () => random.uint32())
}

describe.each(sources)('%s', (_, make) => {
  it('stays in its ranges', () => {
    const random = make()
    for (let i = 0; i < 2000; i++) {
      const int = random.uint32()
      expect(Number.isInteger(int) && int >= 0 && int <= 0xffff_ffff).toBe(true)
      const float = random.float()
      expect(float >= 0 && float < 1).toBe(true)
    }
  })

  it('uses the whole range evenly', () => {
    const buckets = new Array<number>(16).fill(0)
    const random = make()
    for (let i = 0; i < 16_000; i++) buckets[below(random, 16)]!++
    // 1000 expected in each, deviation 31: a sound source leaves these bounds once in a great many years.
    for (const count of buckets) expect(count).toSatisfy((n: number) => n > 700 && n < 1300)
  })

  it.each([0, 1, 65_536, 65_537, 200_000])('gives %d bytes that are not all alike', length => {
    const bytes = make().bytes(length)
    expect(bytes).toHaveLength(length)
    if (length > 1) expect(new Set(bytes).size).toBe(256)
    if (length > 100_000) expect(bytes.slice(-256).some(byte => byte !== 0)).toBe(true)
  })

  it('gives hexadecimal of the length asked for', () => {
    expect(randomHex(make(), 8)).toMatch(/^[0-9a-f]{16}$/)
    expect(randomHex(make(), 0)).toBe('')
  })
})

describe('below', () => {
  it('is below', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), fc.integer(), (bound, seed) => {
        const value = below(seededRandom(seed), bound)
        expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true)
      })
    )
  })

  it('is below for the highest draw of all', () => {
    const highest = { ...seededRandom(0), float: () => 0xffff_ffff / 0x1_0000_0000 }
    for (const bound of [1, 3, 2 ** 31, 2 ** 32]) expect(below(highest, bound)).toBeLessThan(bound)
  })
})

describe('a seeded stream', () => {
  it('is the same for the same seed, here as on every machine', () => {
    expect(draw(seededRandom(1), 3)).toEqual(pinned)
    fc.assert(
      fc.property(fc.integer(), seed => {
        expect(draw(seededRandom(seed))).toEqual(draw(seededRandom(seed)))
      })
    )
  })

  it('differs by seed and by label', () => {
    const root = seededRandom(42)
    const streams = [root, seededRandom(43), root.fork('mesh'), root.fork('disk'), root.fork('mesh').fork('disk'), root.fork('')]
    const drawn = streams.map(stream => draw(stream, 4).join())
    expect(new Set(drawn).size).toBe(streams.length)
  })

  it('forks alike whatever was drawn before, and a fork does not disturb its parent', () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), fc.nat(20), (seed, label, drawn) => {
        const random = seededRandom(seed)
        draw(random, drawn)
        draw(random.fork(label), 5)
        expect(draw(random.fork(label))).toEqual(draw(seededRandom(seed).fork(label)))
        const undisturbed = seededRandom(seed)
        draw(undisturbed, drawn)
        expect(draw(random)).toEqual(draw(undisturbed))
      })
    )
  })
})

// A replay of an old seed depends on these.
const pinned = [2693262067, 11749833, 2265367787]
