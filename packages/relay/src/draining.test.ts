import { describe, expect, it } from 'vitest'
import { seededRandom } from '@selvedge/core'
import { drainReason } from './draining.js'

describe('the reason that ends a session', () => {
  const timesOf = (sessions: number, perSecond?: number): number[] => {
    const random = seededRandom(5)
    return Array.from({ length: 500 }, () => drainReason(random, sessions, perSecond).retryAfterMs ?? 0).sort((a, b) => a - b)
  }

  it.each([
    [1, undefined, 2_500],
    [10_000, undefined, 200_500],
    [1_000, 10, 100_500]
  ])('%i sites come back as thinly as the ramp of %s a second takes them', (sessions, perSecond, latestMs) => {
    const times = timesOf(sessions, perSecond)
    expect(times[0]).toBeGreaterThanOrEqual(500)
    expect(times.at(-1)).toBeLessThanOrEqual(latestMs)
    // Spread over the whole time: as many in its first half as in its second, about.
    const middle = (500 + latestMs) / 2
    expect(Math.abs(times.filter(time => time < middle).length - 250)).toBeLessThan(60)
  })
})
