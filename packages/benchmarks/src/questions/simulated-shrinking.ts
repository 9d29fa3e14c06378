/**
 * How small does a failure get, and how soon? Mutants of the runtime, each in a process of its own: the first seed that fails is made
 * small, at most 60 s long. As many mutants as fit into the time, spread over all of them.
 */
import { startChild } from '../child.js'
import { mutants } from '@selvedge/simulator'
import { figure, row, type Bench, type Row } from '../row.js'
import { sample } from '../sample.js'
import type { Smaller } from '../simulation/shrink-process.js'

/** No further mutant is begun after this. */
const budgetMs = 240_000
/** Seeds that a mutant may live through: each scenario of the family twice. */
const seeds = 28
/** Of so many mutants one is taken first, then the next of each. */
const stride = 7

export async function run(bench: Bench): Promise<Row[]> {
  const spread = mutants.map((mutant, i) => ({ mutant, turn: (i % stride) * mutants.length + i })).sort((a, b) => a.turn - b.turn)
  const found: Smaller[] = []
  let [cpuMs, tried] = [0, 0]
  for (const { mutant } of spread) {
    if (found.length >= (bench.quick ? 1 : 2) && (bench.quick || cpuMs >= budgetMs)) break
    bench.progress(`${mutant.name}, after ${found.length} others`)
    const child = startChild(new URL('../simulation/shrink-process.js', import.meta.url), {
      execArgv: ['--import', import.meta.resolve('@selvedge/simulator/mutant')],
      env: { SELVEDGE_MUTANT: mutant.name }
    })
    try {
      const small = await child.ask<Smaller>('shrink', { seeds: bench.quick ? 3 : seeds })
      tried++
      cpuMs += small.cpuMs
      if (small.events !== undefined) found.push(small)
    } finally {
      await child.end()
    }
  }
  const conditions = `${found.length} of ${mutants.length} mutants, the first failing seed of ${seeds} (${tried - found.length} had none), at most 60 s each`
  return [
    row(
      bench,
      {
        title: 'shrinking: events left',
        ours: figure('simulator', 'events', sample(found.map(({ events }) => events!))),
        beside: [],
        conditions
      },
      { atMost: 10, unit: 'events' }
    ),
    row(
      bench,
      {
        title: 'shrinking: time',
        ours: figure('simulator', 's', sample(found.map(({ shrinkCpuMs }) => shrinkCpuMs / 1_000))),
        beside: [],
        conditions: `${conditions}; processor time`
      },
      { atMost: 60, unit: 's' }
    )
  ]
}
