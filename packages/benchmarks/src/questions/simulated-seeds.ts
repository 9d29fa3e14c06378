/**
 * How many seeds a minute do two workers run? Five nodes and a relay, ten simulated minutes, every kind of fault, all usual checks; each
 * worker is a process, and its seeds are counted by its own processor time.
 */
import { startChild } from '../child.js'
import { figure, row, type Bench, type Row } from '../row.js'
import { sample } from '../sample.js'

const workers = 2

export async function run(bench: Bench): Promise<Row[]> {
  const seeds = bench.quick ? 2 : 100
  const children = Array.from({ length: workers }, () => startChild(new URL('../simulation/seed-process.js', import.meta.url)))
  try {
    await Promise.all(children.map(child => child.ask('run', { first: 1, count: 1 })))
    bench.progress(`${seeds} seeds on each of ${workers} workers`)
    const perMinute = await Promise.all(
      children.map(async (child, i) => {
        const cpuMs = await child.ask<number>('run', { first: 2 + i * seeds, count: seeds })
        return (seeds * 60_000) / cpuMs
      })
    )
    const { median, min, max } = sample(perMinute)
    const both = sample([workers * min, workers * median, workers * max])
    return [
      row(
        bench,
        {
          title: 'seeds a minute, two workers',
          ours: { ...figure('simulator', 'seeds a minute', both), rounds: workers },
          beside: [],
          conditions: `five nodes and a relay, 10 simulated minutes, all faults; ${seeds} seeds a worker, by processor time`,
          note: 'Nearly all of it is the ten minutes themselves: see simulated time.'
        },
        { atLeast: 200, unit: 'seeds a minute' }
      )
    ]
  } finally {
    await Promise.all(children.map(child => child.end()))
  }
}
