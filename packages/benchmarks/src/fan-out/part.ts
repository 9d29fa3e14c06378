/**
 * What every process of the fan-out question does alike, whatever carries the updates: the writer paces its writes, a receiver notes
 * when each arrives. A value is the machine's monotonic time of its write in milliseconds, so that it tells its own latency.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { answering } from '../child.js'

export const pointCount = 10_000
export const paths: readonly string[] = Array.from(
  { length: pointCount },
  (_, i) => `ahu/${i % 100}/sensor-${Math.floor(i / 100)}/value`
)
const indexOf = new Map(paths.map((path, i) => [path, i]))

// `performance.now()` counts from each process's own start; the clock beneath it is the same for all processes of a machine.
const offsetMs = clockOffsetMs()

// Between two readings the process may be interrupted: the pair that took least time is the truest.
function clockOffsetMs(): number {
  let best = { tookMs: Number.POSITIVE_INFINITY, offsetMs: 0 }
  for (let i = 0; i < 1_000; i++) {
    const before = performance.now()
    const machine = Number(process.hrtime.bigint()) / 1e6
    const after = performance.now()
    if (after - before < best.tookMs) best = { tookMs: after - before, offsetMs: machine - (before + after) / 2 }
  }
  return best.offsetMs
}

/** Milliseconds by a clock that all processes of this machine share. */
export function machineMs(): number {
  return offsetMs + performance.now()
}

export interface Load {
  readonly ratePerSecond: number
  readonly durationMs: number
}

export interface Written {
  readonly updates: number
  readonly elapsedMs: number
}

export interface Received {
  /** Milliseconds from each write to its arrival. */
  readonly latencies: Float32Array
  readonly cpuMicros: number
}

const latenciesMax = 2_000_000
const latencies = new Float32Array(latenciesMax)
let received = 0
let cpu = process.cpuUsage()
const lastOf = new Float64Array(pointCount)

/** A receiver got the value of a path. */
export function arrived(path: string, value: number): void {
  if (received < latenciesMax) latencies[received] = machineMs() - value
  received++
  lastOf[indexOf.get(path)!] = value
}

/** The functions that the parent calls in every process of the question, besides those given. */
export function takePart(more: Readonly<Record<string, (argument: never) => unknown>>): void {
  answering({
    ...more,
    begin: () => {
      received = 0
      cpu = process.cpuUsage()
    },
    end: (): Received => {
      const { user, system } = process.cpuUsage(cpu)
      return { latencies: latencies.slice(0, Math.min(received, latenciesMax)), cpuMicros: user + system }
    },
    last: () => lastOf
  })
}

/**
 * Writes random points at a steady rate: below 1,000/s each in a turn of its own, above that what is due in turns of about a
 * millisecond. A writer that can't keep up writes fewer.
 */
export async function writeLoad(load: Load, write: (path: string, value: number) => void): Promise<Written> {
  const { ratePerSecond, durationMs } = load
  const start = machineMs()
  const end = start + durationMs
  const perTurnMax = Math.ceil(ratePerSecond / 1_000)
  let updates = 0
  for (let now = start; now < end; now = machineMs()) {
    const due = Math.floor(((now - start) / 1_000) * ratePerSecond) + 1
    for (let left = Math.min(due - updates, perTurnMax); left > 0; left--) {
      const index = Math.floor(Math.random() * pointCount)
      const at = machineMs()
      lastOf[index] = at
      write(paths[index]!, at)
      updates++
    }
    const nextAt = start + (updates / ratePerSecond) * 1_000
    if (nextAt > machineMs()) await sleep(nextAt - machineMs())
    else await nextTurn()
  }
  return { updates, elapsedMs: machineMs() - start }
}
