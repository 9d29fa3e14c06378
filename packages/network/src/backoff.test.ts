import { expect, test } from 'vitest'
import { seededRandom, type Random } from '@selvedge/core'
import { AdmissionRamp } from './admission-ramp.js'
import { Backoff } from './backoff.js'

const highest: Random = { ...seededRandom(1), float: () => 0.999_999 }

test('ceilings double from the first to the last, and start anew after a reset', () => {
  const backoff = new Backoff({ random: highest, minMs: 200, maxMs: 1_000 })
  expect([1, 2, 3, 4, 5].map(() => Math.ceil(backoff.next()))).toEqual([200, 400, 800, 1_000, 1_000])
  backoff.reset()
  expect(Math.ceil(backoff.next())).toBe(200)
  for (let i = 0; i < 2_000; i++) backoff.next()
  expect(Math.ceil(backoff.next())).toBe(1_000)
})

test('waits are spread over the whole range', () => {
  const random = seededRandom(5)
  const waits = Array.from({ length: 200 }, () => new Backoff({ random, minMs: 1_000 }).next())
  expect(Math.min(...waits)).toBeLessThan(50)
  expect(Math.max(...waits)).toBeGreaterThan(950)
})

test('never returns before the other end asked for, and bounds what it may ask', () => {
  const backoff = new Backoff({ random: seededRandom(3), minMs: 100, maxMs: 100 })
  for (let i = 0; i < 50; i++) {
    const waitMs = backoff.next(5_000)
    expect(waitMs).toBeGreaterThanOrEqual(5_000)
    expect(waitMs).toBeLessThanOrEqual(5_100)
  }
  expect(backoff.next(1e12)).toBeLessThanOrEqual(600_100)
  expect(backoff.next(-5)).toBeLessThanOrEqual(100)
})

test('the admission ramp lets a burst in, then so many a second, and spaces out those it turns away', () => {
  const ramp = new AdmissionRamp({ perSecond: 10, burst: 3 }, 0)
  expect([1, 2, 3].map(() => ramp.take(0).admitted)).toEqual([true, true, true])
  expect([1, 2, 3].map(() => ramp.take(0))).toEqual([100, 200, 300].map(retryAfterMs => ({ admitted: false, retryAfterMs })))
  expect(ramp.take(100)).toEqual({ admitted: true })
  expect(ramp.take(100).admitted).toBe(false)
  expect([1, 2, 3, 4].map(() => ramp.take(60_000).admitted)).toEqual([true, true, true, false])
})

test('no more than the rate gets in over a long time, and no wait is longer than a minute', () => {
  const ramp = new AdmissionRamp({ perSecond: 20, burst: 5 }, 0)
  let admitted = 0
  let longestMs = 0
  for (let atMs = 0; atMs < 10_000; atMs += 1) {
    const answer = ramp.take(atMs)
    if (answer.admitted) admitted++
    else longestMs = Math.max(longestMs, answer.retryAfterMs)
  }
  expect(admitted).toBeLessThanOrEqual(205)
  expect(admitted).toBeGreaterThanOrEqual(200)
  expect(longestMs).toBeLessThanOrEqual(60_000)
})
