import { ManualClock } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { replayTrace } from './replay.js'
import type { TraceRow } from './trace-rows.js'

const rows = (...atMs: number[]): TraceRow[] => atMs.map((at, i) => ({ atMs: at, values: [{ path: 'trace/a', value: i }] }))

async function* stream(all: readonly TraceRow[]): AsyncGenerator<TraceRow> {
  yield* all
}

// Lets promises that are ready run before time goes on.
const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

async function advance(clock: ManualClock, byMs: number): Promise<void> {
  await settle()
  clock.advance(byMs)
  await settle()
}

describe('replayTrace', () => {
  it('plays each row when it is due, at the speed asked for', async () => {
    const clock = new ManualClock()
    const played: [number, number][] = []
    const done = replayTrace(stream(rows(0, 60_000, 120_000, 240_000)), {
      clock,
      speed: 60,
      play: row => void played.push([clock.monotonicMs(), row.atMs])
    })
    for (let i = 0; i < 50; i++) await advance(clock, 100)
    expect(await done).toBe(4)
    expect(played).toEqual([
      [0, 0],
      [1_000, 60_000],
      [2_000, 120_000],
      [4_000, 240_000]
    ])
  })

  it('shortens gaps', async () => {
    const clock = new ManualClock()
    const played: number[] = []
    const done = replayTrace(stream(rows(0, 10 * 3_600_000, 10 * 3_600_000 + 1_000)), {
      clock,
      speed: 1,
      gapMaxMs: 5_000,
      play: () => void played.push(clock.monotonicMs())
    })
    for (let i = 0; i < 10; i++) await advance(clock, 1_000)
    await done
    expect(played).toEqual([0, 5_000, 6_000])
  })

  it('catches up after a slow consumer instead of drifting', async () => {
    const clock = new ManualClock()
    const played: number[] = []
    const done = replayTrace(stream(rows(0, 1_000, 2_000, 3_000, 4_000)), {
      clock,
      speed: 1,
      play(row) {
        played.push(clock.monotonicMs())
        return row.atMs === 1_000 ? new Promise(resolve => clock.setTimer(2_500, resolve)) : undefined
      }
    })
    for (let i = 0; i < 60; i++) await advance(clock, 100)
    await done
    expect(played).toEqual([0, 1_000, 3_500, 3_500, 4_000])
  })

  it('stops when told, also while it waits, and leaves no timer', async () => {
    const clock = new ManualClock()
    const stop = new AbortController()
    let closed = false
    const source = (async function* (): AsyncGenerator<TraceRow> {
      try {
        yield* rows(0, 3_600_000)
      } finally {
        closed = true
      }
    })()
    const done = replayTrace(source, { clock, speed: 1, signal: stop.signal, play: () => undefined })
    await settle()
    expect(clock.timers).toBe(1)
    stop.abort()
    expect(await done).toBe(1)
    expect(clock.timers).toBe(0)
    expect(closed).toBe(true)
    expect(await replayTrace(stream(rows(0)), { clock, speed: 1, signal: stop.signal, play: () => undefined })).toBe(0)
  })

  it('fails as its consumer fails', async () => {
    const failed = replayTrace(stream(rows(0)), {
      clock: new ManualClock(),
      speed: 1,
      play: () => Promise.reject(new Error('full'))
    })
    await expect(failed).rejects.toThrow('full')
  })
})
