/** What a mutant's process does: runs a scenario's seeds as it is asked for them, and tells what came of each. */
import { usualChecks } from '../../checks/index.js'
import { drawPlan } from '../../plan/draw-plan.js'
import { runPlan } from '../../plan/run-plan.js'
import { Scenario, type AnyScenario } from '../../plan/scenario.js'
import { mutationScenario } from '../mutation-scenario.js'
import type { SeedRun } from '../hunt.js'
import type { MutantTask } from './mutant-process.js'

const task = JSON.parse(process.argv[2]!) as MutantTask
const given =
  task.scenario === undefined ? mutationScenario : ((await import(task.scenario)) as { readonly default: AnyScenario }).default
const scenario = without(given, task.without)

process.on('message', (seed: number) => void run(seed).then(tell))

async function run(seed: number): Promise<SeedRun> {
  const { finding } = await runPlan(scenario, drawPlan(scenario, seed))
  return {
    seed,
    kill: finding && { seed, check: finding.check, fingerprint: finding.fingerprint, sentence: finding.sentence }
  }
}

function without({ definition }: AnyScenario, names: readonly string[]): AnyScenario {
  if (names.length === 0) return { name: definition.name, definition }
  const make = (): ReturnType<typeof usualChecks> => usualChecks().filter(({ name }) => !names.includes(name))
  const checks = make().map((_, i) => () => make()[i]!)
  return new Scenario({ ...definition, checks })
}

function tell(run: SeedRun): void {
  process.send!(run)
}
