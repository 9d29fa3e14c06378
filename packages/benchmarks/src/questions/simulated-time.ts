/**
 * How much faster than time does the simulator run the real runtime? Sites and a relay with a write every ten seconds and all usual
 * checks: simulated time by processor time of one core, which is wall time on a machine that does nothing else.
 */
import { drawPlan, runPlan, type AnyScenario } from '@selvedge/simulator'
import { figure, row, type Bench, type Row } from '../row.js'
import { sample } from '../sample.js'
import { campus } from '../simulation/campus.js'

const rounds = 3

export async function run(bench: Bench): Promise<Row[]> {
  const lasts = bench.quick ? '10m' : '1h'
  const few = campus({ sites: 1, nodes: 5, lasts })
  const many = campus({ sites: 4, nodes: 5, lasts: '10m' })
  const conditions = 'a write every 10 s somewhere, all usual checks, no faults; processor time of one core'
  return [
    row(
      bench,
      {
        title: 'simulated time, five nodes and a relay',
        ours: figure('simulator', 's a second', sample(await speeds(bench, few))),
        beside: [],
        conditions,
        note:
          'The profile is flat. A second of five nodes is 36 events: 16 frames between nodes, of which 8 are beats, 11 timers, 6 turns. A ' +
          'third of the time are sessions, a fifth the simulated network and its timers, a tenth the checks, a twentieth garbage ' +
          'collection, which is counted on whichever core it runs. A process goes on getting faster for its first hours of simulated time.'
      },
      { atLeast: 1_500, unit: 's a second' }
    ),
    row(
      bench,
      {
        title: 'simulated time, twenty nodes and a relay',
        ours: figure('simulator', 's a second', sample(await speeds(bench, many))),
        beside: [],
        conditions
      },
      { atLeast: 200, unit: 's a second' }
    )
  ]
}

/**
 * The first round warms up and is not counted. Garbage is collected when it is due, as in a run of many seeds: collected by force before
 * each round, it takes compiled code with it, and every round is half as fast.
 */
async function speeds(bench: Bench, scenario: AnyScenario): Promise<number[]> {
  const found: number[] = []
  for (let round = 0; round <= (bench.quick ? 1 : rounds); round++) {
    bench.progress(`${scenario.name}, seed ${round + 1}`)
    const plan = drawPlan(scenario, round + 1)
    const from = process.cpuUsage()
    const { finding, simulatedMs } = await runPlan(scenario, plan)
    const { user, system } = process.cpuUsage(from)
    if (finding) throw new Error(`seed ${round + 1}: ${finding.sentence}`)
    if (round > 0) found.push((simulatedMs * 1_000) / (user + system))
  }
  return found
}
