import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ManualClock } from './clock.js'
import { hlcFromMs, hlcToMs } from './hlc.js'
import { TrustedClock } from './trusted-clock.js'

const start = Date.UTC(2026, 0, 1)
const hourMs = 3_600_000
const skewMs = 300_000

function setUp(): { clock: ManualClock; trusted: TrustedClock; sessions: object[] } {
  const clock = new ManualClock(start)
  return { clock, trusted: new TrustedClock(clock, skewMs), sessions: Array.from({ length: 5 }, () => ({})) }
}

describe('I5 trusted now', () => {
  it('is the wall clock of a replica alone, and of one with a single peer', () => {
    const { clock, trusted, sessions } = setUp()
    expect(trusted.nowMs()).toBe(start)
    trusted.heard(sessions[0]!, start + hourMs)
    clock.advance(10)
    expect(trusted.nowMs()).toBe(start + 10)
    expect(trusted.offsetOf(sessions[0]!)).toBe(hourMs)
  })

  it('is the median of three with two peers, whoever of the three is wrong', () => {
    for (const wrong of [0, 1, 2])
      for (const byMs of [hourMs, -hourMs]) {
        const { clock, trusted, sessions } = setUp()
        const at = (who: number): number => start + (who === wrong ? byMs : who)
        clock.jumpWall(at(2) - start)
        trusted.heard(sessions[0]!, at(0))
        trusted.heard(sessions[1]!, at(1))
        clock.advance(5000)
        expect(Math.abs(trusted.nowMs() - start - 5000)).toBeLessThanOrEqual(2)
      }
  })

  it('lies between the clocks of a majority: a minority cannot move it out', () => {
    const near = fc.integer({ min: -1000, max: 1000 })
    const far = fc.integer({ min: -10 * hourMs, max: 10 * hourMs })
    fc.assert(
      fc.property(fc.array(near, { minLength: 2, maxLength: 6 }), fc.array(far, { maxLength: 6 }), (sound, wrong) => {
        const { trusted } = setUp()
        // One's own clock is a sound one: it makes the majority.
        for (const offset of [...wrong.slice(0, sound.length), ...sound]) trusted.heard({}, start + offset)
        expect(Math.abs(trusted.nowMs() - start)).toBeLessThanOrEqual(1000)
      })
    )
  })

  it('follows the latest word of each session and forgets it with the session', () => {
    const { trusted, sessions } = setUp()
    trusted.heard(sessions[0]!, start + hourMs)
    trusted.heard(sessions[0]!, start + 2 * hourMs)
    trusted.heard(sessions[1]!, start + 3 * hourMs)
    expect(trusted.peers).toBe(2)
    expect(trusted.nowMs()).toBe(start + 2 * hourMs)
    expect(trusted.ownOffsetMs).toBe(-2 * hourMs)
    trusted.forget(sessions[1]!)
    trusted.forget(sessions[1]!)
    expect(trusted.peers).toBe(1)
    expect(trusted.nowMs()).toBe(start)
    expect(trusted.offsetOf(sessions[1]!)).toBeUndefined()
  })

  it('does not jump with the wall clock while peers tell it', () => {
    const { clock, trusted, sessions } = setUp()
    trusted.heard(sessions[0]!, start)
    trusted.heard(sessions[1]!, start)
    clock.jumpWall(-50 * hourMs)
    clock.advance(1000)
    expect(trusted.nowMs()).toBe(start + 1000)
    expect(trusted.ownOffsetMs).toBe(-50 * hourMs)
  })

  it('does not fall behind the ceiling when the wall clock did', () => {
    const { clock, trusted } = setUp()
    trusted.raiseCeiling(start)
    trusted.raiseCeiling(start - hourMs)
    clock.jumpWall(-start)
    expect(clock.wallMs()).toBe(0)
    expect(trusted.nowMs()).toBe(start)
    clock.advance(5000)
    expect(trusted.nowMs(), 'time goes on from the ceiling').toBe(start + 5000)
  })

  it('sees that the wall clock fell behind while it is read often, and that it came back', () => {
    const { clock, trusted } = setUp()
    trusted.raiseCeiling(start)
    for (let ms = 1; ms <= 25; ms++) {
      clock.advance(1)
      expect(trusted.nowMs()).toBe(start + ms)
    }
    clock.jumpWall(-1000)
    for (let ms = 26; ms <= 50; ms++) {
      clock.advance(1)
      expect(trusted.nowMs()).toBe(start + ms)
    }
    clock.jumpWall(5000)
    expect(trusted.nowMs()).toBe(start + 4050)
    trusted.raiseCeiling(start + hourMs)
    expect(trusted.nowMs(), 'a ceiling raised meanwhile').toBe(start + hourMs)
  })

  it('discards a ceiling beyond median and skew, whichever came first, and keeps one within', () => {
    for (const beyondMs of [skewMs, skewMs + 1])
      for (const ceilingFirst of [true, false]) {
        const { trusted, sessions } = setUp()
        if (ceilingFirst) trusted.raiseCeiling(start + beyondMs)
        trusted.heard(sessions[0]!, start)
        trusted.heard(sessions[1]!, start)
        if (!ceilingFirst) trusted.raiseCeiling(start + beyondMs)
        trusted.forget(sessions[0]!)
        expect(trusted.nowMs()).toBe(beyondMs > skewMs ? start : start + beyondMs)
      }
  })

  it('I5: tells what nobody disputes: one peer, or the last one, is enough to doubt a clock that is ahead', () => {
    const { clock, trusted, sessions } = setUp()
    const [one, two] = sessions
    expect(trusted.undisputedMs()).toBe(start)
    trusted.heard(one!, start)
    clock.jumpWall(5 * hourMs)
    expect([trusted.nowMs(), trusted.undisputedMs()]).toEqual([start + 5 * hourMs, start])
    trusted.forget(one!)
    clock.advance(1_000)
    expect(trusted.undisputedMs()).toBe(start + 1_000)
    // A peer that is ahead is no reason to hurry, and two make a median.
    trusted.heard(one!, start + 9 * hourMs)
    expect(trusted.undisputedMs()).toBe(start + 5 * hourMs + 1_000)
    trusted.heard(two!, start)
    expect(trusted.undisputedMs()).toBe(trusted.nowMs())
  })

  it('I5: tells what nobody disputes: of a clock that was ahead at start, how far time had come on disk', () => {
    const { clock, trusted, sessions } = setUp()
    trusted.startFrom(start - 1_000)
    clock.advance(500)
    expect([trusted.nowMs(), trusted.undisputedMs()]).toEqual([start + 500, start - 500])
    // What is stored from now on is no proof.
    trusted.raiseCeiling(start + 400)
    expect(trusted.undisputedMs()).toBe(start - 500)
    trusted.heard(sessions[0]!, start + 500)
    expect(trusted.undisputedMs()).toBe(start + 500)
  })

  it('I5: a relay whose clock was far ahead does nothing for good by it, and leaves its ceiling when it is repaired', () => {
    const clock = new ManualClock(start)
    const trusted = new TrustedClock(clock, skewMs, false)
    const sites = Array.from({ length: 5 }, () => ({}))
    const hear = (): void =>
      sites.forEach((site, i) => trusted.heard(site, clock.monotonicMs() + start + (i === 0 ? -9 * hourMs : i)))
    hear()
    // One site in the past is no reason to wait.
    expect(trusted.undisputedMs()).toBe(start)
    clock.jumpWall(5 * hourMs)
    trusted.raiseCeiling(clock.wallMs())
    hear()
    expect(trusted.nowMs()).toBe(start + 5 * hourMs)
    expect(trusted.undisputedMs()).toBeLessThan(start + skewMs)
    clock.jumpWall(-5 * hourMs)
    expect(trusted.nowMs()).toBe(start + 5 * hourMs)
    hear()
    expect([trusted.nowMs(), trusted.undisputedMs()]).toEqual([start, start])
    // A clock that fell back by itself is still held up.
    trusted.raiseCeiling(start)
    clock.jumpWall(-9 * hourMs)
    hear()
    expect(trusted.nowMs()).toBe(start)
  })

  it('I5: a relay that starts with a clock far ahead of its disk does nothing for good until it hears that its clock is right', () => {
    const clock = new ManualClock(start + 5 * hourMs)
    const trusted = new TrustedClock(clock, skewMs, false)
    trusted.startFrom(start)
    expect(trusted.nowMs()).toBe(start + 5 * hourMs)
    expect([trusted.undisputedMs(), trusted.isDoubted]).toEqual([start, true])
    trusted.heard({}, start + 5 * hourMs)
    expect([trusted.undisputedMs(), trusted.isDoubted]).toEqual([start + 5 * hourMs, false])
  })

  it('I5: goes on as it did where two clocks say one time and two another, and does nothing for good that is due by one of them only', () => {
    const clock = new ManualClock(start)
    const trusted = new TrustedClock(clock, skewMs)
    const peers = [{}, {}, {}]
    const hear = (...hours: number[]): void =>
      hours.forEach((hour, i) => trusted.heard(peers[i]!, start + hour * hourMs + clock.monotonicMs() - before))
    const before = clock.monotonicMs()
    hear(0, 0, 9)
    expect([trusted.nowMs(), trusted.undisputedMs()]).toEqual([start, start])
    clock.jumpWall(9 * hourMs)
    hear(0, 0, 9)
    expect([trusted.nowMs(), trusted.undisputedMs()]).toEqual([start, start])
    // All but one say nine hours later: that is the time, and it stays so when half of them change their minds.
    hear(0, 9, 9)
    expect([trusted.nowMs(), trusted.undisputedMs()]).toEqual([start + 9 * hourMs, start + 9 * hourMs])
    hear(0, 0, 9)
    expect([trusted.nowMs(), trusted.undisputedMs(), trusted.isDoubted]).toEqual([start + 9 * hourMs, start, true])
  })

  it('I5: takes clocks of before 1970 and of a far future for ones at the end of what can be stamped', () => {
    for (const wallMs of [-2e12, 9e12]) {
      const clock = new ManualClock(wallMs)
      const trusted = new TrustedClock(clock, skewMs)
      const stampable = (): void => {
        for (const ms of [trusted.nowMs(), trusted.undisputedMs()]) {
          expect(hlcToMs(hlcFromMs(ms + skewMs))).toBe(ms + skewMs)
          expect(() => hlcFromMs(ms - 400 * 24 * hourMs)).not.toThrow()
        }
      }
      stampable()
      trusted.startFrom(wallMs)
      stampable()
      for (const session of [{}, {}, {}]) trusted.heard(session, wallMs)
      stampable()
    }
  })

  it('passes over what is not a time', () => {
    const { trusted, sessions } = setUp()
    for (const wallMs of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      trusted.heard(sessions[0]!, wallMs)
      trusted.heard(sessions[1]!, wallMs)
      trusted.raiseCeiling(wallMs)
    }
    expect(trusted.peers).toBe(0)
    expect(trusted.nowMs()).toBe(start)
  })
})

describe('TrustedClock of a relay', () => {
  it('I5: does not follow the clocks of its many sites, and still tells how far off they are', () => {
    const clock = new ManualClock()
    const trusted = new TrustedClock(clock, 300_000, false)
    for (const session of [{}, {}, {}]) trusted.heard(session, clock.wallMs() + 3_600_000)
    const session = {}
    trusted.heard(session, clock.wallMs() - 60_000)
    expect(trusted.nowMs()).toBe(clock.wallMs())
    expect(trusted.offsetOf(session)).toBe(-60_000)
  })
})
