import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ManualClock, type Clock } from './clock.js'
import { systemClock } from './system/system-clock.js'

describe('ManualClock', () => {
  it('runs what falls due in order of time and then of setting, at its time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 30 }), fc.nat(60), (delays, byMs) => {
        const clock = new ManualClock()
        const ran: { delay: number; i: number; at: number }[] = []
        delays.forEach((delay, i) => clock.setTimer(delay, () => ran.push({ delay, i, at: clock.monotonicMs() })))
        clock.advance(byMs)
        const due = delays.map((delay, i) => ({ delay, i, at: delay })).filter(({ delay }) => delay <= byMs)
        expect(ran).toEqual(due.sort((a, b) => a.delay - b.delay || a.i - b.i))
        expect(clock.timers).toBe(delays.length - due.length)
        expect(clock.monotonicMs()).toBe(byMs)
      })
    )
  })

  it('moves both clocks on together, and the wall clock alone by a jump', () => {
    const clock = new ManualClock(1000)
    clock.advance(50)
    clock.jumpWall(-2000)
    clock.advance(5)
    expect(clock.monotonicMs()).toBe(55)
    expect(clock.wallMs()).toBe(1000 + 55 - 2000)
  })

  it('runs timers that a timer sets, when they fall due on the way', () => {
    const clock = new ManualClock()
    const at: number[] = []
    const every = (): void => {
      at.push(clock.monotonicMs())
      clock.setTimer(10, every)
    }
    clock.setTimer(10, every)
    clock.advance(35)
    expect(at).toEqual([10, 20, 30])
  })

  it('runs soon after the call that asked, and before what is not due', () => {
    const clock = new ManualClock()
    const ran: string[] = []
    clock.setTimer(1, () => ran.push('timer'))
    clock.soon(() => ran.push('soon'))
    expect(ran).toEqual([])
    clock.advance(0)
    expect(ran).toEqual(['soon'])
    clock.advance(1)
    expect(ran).toEqual(['soon', 'timer'])
  })

  it('cancels, also from within another timer, and any number of times', () => {
    const clock = new ManualClock()
    const ran: string[] = []
    const second = clock.setTimer(5, () => ran.push('second'))
    clock.setTimer(5, () => ran.push('third'))
    const first = clock.setTimer(4, () => second.cancel())
    clock.advance(10)
    first.cancel()
    second.cancel()
    expect(ran).toEqual(['third'])
    expect(clock.timers).toBe(0)
  })

  it('never goes back, also when a timer advances it', () => {
    const clock = new ManualClock(0)
    clock.setTimer(10, () => clock.advance(100))
    clock.advance(20)
    expect([clock.monotonicMs(), clock.wallMs()]).toEqual([110, 110])
    expect(() => clock.advance(-1)).toThrow('assertion failed')
  })

  it('ends an advance that would never end', () => {
    const clock = new ManualClock()
    const again = (): void => void clock.soon(again)
    again()
    expect(() => clock.advance(1)).toThrow('without delay')
  })
})

describe('systemClock', () => {
  const order = (clock: Clock): Promise<string[]> =>
    new Promise(resolve => {
      const ran: string[] = []
      clock.setTimer(40, () => resolve([...ran, 'late']))
      const cancelled = clock.setTimer(0, () => ran.push('cancelled'))
      const cancelledSoon = clock.soon(() => ran.push('cancelled'))
      clock.soon(() => ran.push('soon'))
      cancelled.cancel()
      cancelled.cancel()
      cancelledSoon.cancel()
      ran.push('now')
    })

  it('runs soon before later, and nothing that was cancelled', async () => {
    expect(await order(systemClock)).toEqual(['now', 'soon', 'late'])
  })

  it('does not run at once what is due in a month', async () => {
    let ran = false
    const timer = systemClock.setTimer(40 * 86_400_000, () => (ran = true))
    await new Promise<void>(resolve => systemClock.setTimer(10, resolve))
    timer.cancel()
    expect(ran).toBe(false)
  })

  it('tells the time', () => {
    expect(systemClock.wallMs()).toBeGreaterThan(Date.UTC(2026, 0, 1))
    const before = systemClock.monotonicMs()
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(before)
  })
})
