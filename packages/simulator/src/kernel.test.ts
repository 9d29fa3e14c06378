import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '@selvedge/core'
import { EventQueue, type QueuedEvent } from './event-queue.js'
import { Kernel } from './kernel.js'
import { MachineTime, SimulatedClock } from './simulated-clock.js'

describe('the event queue', () => {
  it('gives events by time, then by the order of asking, without those that were cancelled', () => {
    const plan = fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 300 })
    fc.assert(
      fc.property(plan, drafts => {
        const queue = new EventQueue()
        const events = drafts.map(([atMs], i) => queue.add(atMs, 'a', String(i), () => undefined))
        for (const [i, [, cancelled]] of drafts.entries()) if (cancelled) queue.cancel(events[i]!)
        const expected = events.filter((_, i) => !drafts[i]![1]).sort((a, b) => a.atMs - b.atMs || a.order - b.order)
        expect(queue.size).toBe(expected.length)
        const taken = []
        for (let next = queue.takeUntil(20); next; next = queue.takeUntil(20)) {
          taken.push(next)
          queue.cancel(next)
        }
        expect(taken).toEqual(expected)
        expect(queue.size).toBe(0)
      })
    )
  })

  it('gives what is asked for at the present instant after what was asked for before, and takes nothing that is due later', () => {
    const step = fc.oneof(
      fc.record({ delay: fc.nat(3), cancels: fc.boolean() }),
      fc.record({ passes: fc.nat(2), cancels: fc.constant(false) })
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 2_000 }), steps => {
        const queue = new EventQueue()
        let model: QueuedEvent[] = []
        let nowMs = 0
        const takeAll = (untilMs: number): void => {
          for (let next = queue.takeUntil(untilMs); next; next = queue.takeUntil(untilMs)) {
            const due = model.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs || a.order - b.order)
            expect(next).toBe(due[0])
            model = model.filter(event => event !== next)
          }
          expect(model.every(({ atMs }) => atMs > untilMs)).toBe(true)
        }
        for (const given of steps) {
          if ('passes' in given) {
            takeAll(nowMs + given.passes)
            nowMs += given.passes
            continue
          }
          const add =
            given.delay > 0
              ? queue.add(nowMs + given.delay, 'a', '', () => undefined)
              : queue.addNow(nowMs, 'a', '', () => undefined)
          model.push(add)
          if (given.cancels) {
            const victim = model.splice(Math.floor(model.length / 2), 1)[0]!
            queue.cancel(victim)
          }
          expect(queue.size).toBe(model.length)
        }
        takeAll(nowMs + 3)
        expect(queue.size).toBe(0)
      })
    )
  })
})

describe('the kernel', () => {
  it('runs one event at a time, with all that follows from it, before the next', async () => {
    const kernel = new Kernel()
    const told: string[] = []
    const chain = async (name: string): Promise<void> => {
      for (let step = 0; step < 5; step++) {
        await Promise.resolve()
        told.push(`${name}${step} at ${kernel.nowMs}`)
      }
    }
    kernel.after(10, 'b', 'second', () => void chain('b'))
    kernel.after(5, 'a', 'first', () => void chain('a'))
    kernel.after(10, 'c', 'third', () => void chain('c'))
    await kernel.runUntil(100)
    const steps = (name: string, at: number): string[] => [0, 1, 2, 3, 4].map(step => `${name}${step} at ${at}`)
    expect(told).toEqual([...steps('a', 5), ...steps('b', 10), ...steps('c', 10)])
    expect([kernel.nowMs, kernel.pending, kernel.trace.events]).toEqual([100, 0, 3])
  })

  it('stops when what is waited for has come, or at its time', async () => {
    const kernel = new Kernel()
    let ticks = 0
    const tick = (): void => void kernel.after(7, 'a', 'tick', () => (ticks++, tick()))
    tick()
    expect(await kernel.runUntilMet(() => ticks === 3, 1_000)).toBe(true)
    expect(kernel.nowMs).toBe(21)
    expect(await kernel.runUntilMet(() => false, 30)).toBe(false)
    expect([kernel.nowMs, ticks]).toEqual([30, 4])
  })

  it('sees what comes of what its caller began, without an event', async () => {
    const kernel = new Kernel()
    let met = false
    void Promise.resolve().then(() => (met = true))
    expect(await kernel.runUntilMet(() => met, 1_000)).toBe(true)
    expect(kernel.nowMs).toBe(0)
  })

  it('traces a run: the same seed gives the same hash, another gives another', async () => {
    const run = async (seed: number): Promise<string> => {
      const kernel = new Kernel()
      const random = seededRandom(seed)
      const act = (): void =>
        void (kernel.nowMs < 1_000 && kernel.after(random.float() * 10, `n${random.uint32() % 3}`, 'act', act))
      for (let i = 0; i < 3; i++) act()
      await kernel.runUntil(2_000)
      return kernel.trace.hash
    }
    const [one, again, two] = [await run(1), await run(1), await run(2)]
    expect(one).toBe(again)
    expect(one).not.toBe(two)
  })
})

describe('a simulated clock', () => {
  it('is off, drifts and jumps as it is told; its timers go by its own pace, and end with it', async () => {
    const kernel = new Kernel()
    const time = new MachineTime(kernel, Date.UTC(2026, 0, 1), { skewMs: -5_000, driftPpm: 1_000 })
    const clock = new SimulatedClock(kernel, 'a', time)
    const told: number[] = []
    clock.setTimer(1_001, () => told.push(kernel.nowMs))
    clock.setTimer(500, () => told.push(-1)).cancel()
    await kernel.runUntil(10_000)
    expect(told.map(Math.round)).toEqual([1_000])
    expect(clock.monotonicMs()).toBeCloseTo(10_010)
    expect(clock.wallMs()).toBeCloseTo(Date.UTC(2026, 0, 1) + 5_010)
    expect(time.errorMs).toBeCloseTo(-4_990)
    time.jump(-86_400_000)
    expect(clock.wallMs()).toBeCloseTo(Date.UTC(2025, 11, 31) + 5_010)
    time.setDrift(-500_000)
    expect(clock.monotonicMs()).toBeCloseTo(10_010)
    clock.setTimer(5_000, () => told.push(kernel.nowMs))
    await kernel.runUntil(20_000)
    expect([clock.monotonicMs(), told.at(-1)].map(ms => Math.round(ms!))).toEqual([15_010, 20_000])
    clock.setTimer(5, () => told.push(0))
    clock.stop()
    clock.soon(() => told.push(1))
    await kernel.runUntil(30_000)
    expect([told.length, kernel.pending]).toEqual([2, 0])
  })
})
