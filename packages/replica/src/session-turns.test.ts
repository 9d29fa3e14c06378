import { describe, expect, it } from 'vitest'
import { ManualClock } from '@selvedge/core'
import { SessionTurns } from './session-turns.js'

describe('the turns of sessions', () => {
  it('are one for all that have something to send', () => {
    const clock = new ManualClock()
    const turns = new SessionTurns(clock)
    const sent: string[] = []
    for (const name of ['a', 'b', 'c'])
      turns.soon(() => {
        sent.push(name)
        // What one causes in its turn has the next.
        if (name === 'a') turns.soon(() => sent.push('a again'))
      })
    expect([sent, clock.timers]).toEqual([[], 1])
    clock.advance(0)
    expect(sent).toEqual(['a', 'b', 'c', 'a again'])
    expect(clock.timers).toBe(0)
  })

  it('look at sessions together, at sixteen at most, when the first of them is due, and leave no timer behind', () => {
    const clock = new ManualClock()
    const turns = new SessionTurns(clock)
    const looks = new Map<string, number>()
    const every = (name: string, intervalMs: number) =>
      turns.look(() => {
        looks.set(name, (looks.get(name) ?? 0) + 1)
        return clock.monotonicMs() + intervalMs
      })
    const first = every('first', 250)
    const mesh = Array.from({ length: 15 }, (_, i) => every(`mesh ${i}`, 1_000))
    const last = every('last', 1_000)
    clock.advance(0)
    expect([looks.get('first'), looks.get('last'), clock.timers]).toEqual([1, 1, 2])
    clock.advance(1_000)
    expect([looks.get('first'), looks.get('mesh 0'), looks.get('last')]).toEqual([5, 5, 2])
    first.cancel()
    clock.advance(250)
    expect(looks.get('mesh 0')).toBe(6)
    clock.advance(999)
    expect(looks.get('mesh 0')).toBe(6)
    mesh[0]!.sooner(clock.monotonicMs())
    clock.advance(0)
    expect(looks.get('mesh 0')).toBe(7)
    for (const each of mesh) each.cancel()
    expect(clock.timers).toBe(1)
    last.cancel()
    expect(clock.timers).toBe(0)
  })

  it('rest between looks, whatever is due', () => {
    const clock = new ManualClock()
    let looks = 0
    const look = new SessionTurns(clock).look(() => {
      looks++
      return Number.NEGATIVE_INFINITY
    })
    clock.advance(100)
    expect(looks).toBeLessThanOrEqual(101)
    look.cancel()
    expect(clock.timers).toBe(0)
  })
})
