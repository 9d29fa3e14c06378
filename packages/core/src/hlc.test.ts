import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SelvedgeError } from './errors.js'
import { Hlc, hlcFromHex, hlcFromMs, hlcToHex, hlcToMs, isHlcTime } from './hlc.js'

const start = Date.UTC(2026, 5, 1)
const max = Number.MAX_SAFE_INTEGER

describe('hybrid times', () => {
  it('tell the milliseconds they were made from, from 1951 to 2089', () => {
    const ms = fc.integer({ min: Date.UTC(1951, 0, 1), max: Date.UTC(2089, 0, 1) })
    fc.assert(
      fc.property(ms, ms, fc.nat(4095), (a, b, counter) => {
        expect(hlcToMs(hlcFromMs(a))).toBe(a)
        expect(hlcToMs(hlcFromMs(a) + counter)).toBe(a)
        expect(Math.sign(hlcFromMs(a) - hlcFromMs(b))).toBe(Math.sign(a - b))
      })
    )
  })

  it('come from fractional milliseconds too, since trusted now may be a median', () => {
    expect(hlcFromMs(start + 0.9)).toBe(hlcFromMs(start))
    expect(isHlcTime(hlcFromMs(Date.UTC(1960, 0, 1) - 0.5))).toBe(true)
  })

  it.each([Date.UTC(1950, 0, 1), Date.UTC(2090, 0, 1), Number.NaN, Number.POSITIVE_INFINITY, -max])('refuse %d ms', wallMs => {
    expect(() => hlcFromMs(wallMs)).toThrow(expect.objectContaining({ code: 'HLC_OVERFLOW' }))
  })

  it('are safe integers and nothing else', () => {
    for (const time of [0, max, -max]) expect(isHlcTime(time)).toBe(true)
    for (const time of [max + 1, -max - 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) expect(isHlcTime(time)).toBe(false)
  })

  it('as hexadecimal read back and sort as the times do', () => {
    const time = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(max, -max, 0, -1, 1))
    fc.assert(
      fc.property(time, time, (a, b) => {
        expect(hlcToHex(a)).toMatch(/^[0-9a-f]{14}$/)
        expect(hlcFromHex(hlcToHex(a))).toBe(a)
        expect(hlcToHex(a) < hlcToHex(b)).toBe(a < b)
      })
    )
  })

  it.each([
    '',
    '0x00000000000001',
    '20000000000000 ',
    '2000000000000',
    '200000000000000',
    '2000000000000G',
    'ffffffffffffff',
    '00000000000000'
  ])('are not read from %j', hex => {
    expect(() => hlcFromHex(hex)).toThrow(expect.objectContaining({ code: 'CODEC_INVALID' }))
  })

  it('are read from any text or refused with a SelvedgeError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f]{14}$/)), text => {
        try {
          expect(hlcToHex(hlcFromHex(text))).toBe(text)
        } catch (error) {
          expect(error).toBeInstanceOf(SelvedgeError)
        }
      })
    )
  })
})

describe('Hlc', () => {
  it('rises strictly whatever the wall clock does and whatever it observes', () => {
    const step = fc.oneof(
      fc.record({ wallMs: fc.integer({ min: start - 10_000, max: start + 10_000 }) }),
      fc.record({ heard: fc.integer({ min: hlcFromMs(start - 10_000), max: hlcFromMs(start + 10_000) }) })
    )
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), steps => {
        let now = start
        const hlc = new Hlc(() => now)
        let last = Number.NEGATIVE_INFINITY
        for (const each of steps) {
          if ('wallMs' in each) now = each.wallMs
          else hlc.observe(each.heard)
          const floor = Math.max(last, 'heard' in each ? each.heard : last)
          const time = hlc.tick()
          expect(time).toBeGreaterThan(floor)
          expect(time).toBeGreaterThanOrEqual(hlcFromMs(now))
          expect(hlc.last).toBe(time)
          last = time
        }
      })
    )
  })

  it('stays with the wall clock while that moves', () => {
    let now = start
    const hlc = new Hlc(() => now)
    hlc.tick()
    now += 1
    expect(hlc.tick()).toBe(hlcFromMs(now))
  })

  it('carries more than 4096 events of one millisecond into the next', () => {
    const hlc = new Hlc(() => start)
    for (let i = 0; i < 4096; i++) hlc.tick()
    expect(hlcToMs(hlc.last)).toBe(start)
    expect(hlcToMs(hlc.tick())).toBe(start + 1)
  })

  it('does not follow what is behind it', () => {
    const hlc = new Hlc(() => start)
    const time = hlc.tick()
    hlc.observe(time - 5)
    hlc.observe(Number.NaN)
    expect(hlc.last).toBe(time)
  })

  it('goes back only by reset', () => {
    let now = Date.UTC(2080, 0, 1)
    const hlc = new Hlc(() => now)
    hlc.tick()
    now = start
    expect(hlcToMs(hlc.tick())).toBe(Date.UTC(2080, 0, 1))
    hlc.reset(hlcFromMs(start) - 1)
    expect(hlc.tick()).toBe(hlcFromMs(start))
  })

  it('starts behind any time it is given, or at that which was stored', () => {
    expect(new Hlc(() => start).last).toBeLessThan(hlcFromMs(Date.UTC(1951, 0, 1)))
    expect(new Hlc(() => start, hlcFromMs(start) + 7).tick()).toBe(hlcFromMs(start) + 8)
  })

  it('fails at the end of its range, and is as before when it did', () => {
    const hlc = new Hlc(() => start, max)
    expect(() => hlc.tick()).toThrow(expect.objectContaining({ code: 'HLC_OVERFLOW' }))
    expect(hlc.last).toBe(max)
    let now = Number.NaN
    const astray = new Hlc(() => now)
    expect(() => astray.tick()).toThrow(expect.objectContaining({ code: 'HLC_OVERFLOW' }))
    now = start
    expect(astray.tick()).toBe(hlcFromMs(start))
  })
})
