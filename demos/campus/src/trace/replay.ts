/**
 * Plays rows in time, faster or slower than they were measured. Due times follow the clock, not one another, so that a slow
 * consumer does not make the whole replay drift: rows that are late are given at once, one after the other.
 */
import { assert, type Clock } from '@selvedge/core'
import type { TraceRow } from './trace-rows.js'

export interface ReplayOptions {
  readonly clock: Clock
  /** Measured time per real time: 60 plays an hour in a minute. Above 0. */
  readonly speed: number
  /** A longer gap between rows (measured time) is played as this; default one hour. Exports join seasons years apart. */
  readonly gapMaxMs?: number
  /** Ends the replay; it then resolves. */
  readonly signal?: AbortSignal
  /** Takes a row. The next is played once it is done. */
  readonly play: (row: TraceRow) => void | Promise<void>
}

/** Resolves with the rows played, at the end of the trace or when told to stop. Rejects as reading or `play` does. */
export async function replayTrace(rows: AsyncIterable<TraceRow>, options: ReplayOptions): Promise<number> {
  const { clock, speed, gapMaxMs = 3_600_000, signal, play } = options
  assert(speed > 0 && gapMaxMs >= 0, 'a replay needs a speed above 0 and a gap of 0 or more')
  const startMs = clock.monotonicMs()
  let played = 0
  let playedMs = 0
  let beforeMs: number | undefined
  for await (const row of rows) {
    playedMs += Math.min(gapMaxMs, row.atMs - (beforeMs ?? row.atMs))
    beforeMs = row.atMs
    await until(startMs + playedMs / speed, clock, signal)
    if (signal?.aborted) break
    await play(row)
    played++
  }
  return played
}

function until(dueMs: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  const delayMs = dueMs - clock.monotonicMs()
  if (delayMs <= 0 || signal?.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const timer = clock.setTimer(delayMs, done)
    signal?.addEventListener('abort', done, { once: true })
    function done(): void {
      timer.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
  })
}
