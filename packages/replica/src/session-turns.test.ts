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

  it('look at sessions of one interval together, at sixteen at most, and leave no timer behind', () => {
    const clock = new ManualClock()
    const turns = new SessionTurns(clock)
    const looks = new Map<string, number>()
    const look = (name: string) => () => void looks.set(name, (looks.get(name) ?? 0) + 1)
    const mesh = Array.from({ length: 17 }, (_, i) => turns.every(250, look(`mesh ${i}`)))
    const trunk = turns.every(1_000, look('trunk'))
    expect(clock.timers).toBe(3)
    clock.advance(1_000)
    expect([looks.get('mesh 0'), looks.get('mesh 16'), looks.get('trunk')]).toEqual([4, 4, 1])
    for (const each of mesh.slice(1)) each.cancel()
    expect(clock.timers).toBe(2)
    clock.advance(500)
    expect([looks.get('mesh 0'), looks.get('mesh 1')]).toEqual([6, 4])
    mesh[0]!.cancel()
    trunk.cancel()
    expect(clock.timers).toBe(0)
  })
})
