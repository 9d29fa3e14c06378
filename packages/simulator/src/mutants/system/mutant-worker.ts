/** What a mutant's process does: runs a scenario's seeds as it is asked for them, and tells what came of each. */
import { usualChecks } from '../../checks/index.js'
import { drawPlan } from '../../plan/draw-plan.js'
import { runPlan } from '../../plan/run-plan.js'
import { Scenario, type AnyScenario } from '../../plan/scenario.js'
import { themeOf } from '../themes.js'
import type { MutantTask, SeedAnswer } from './mutant-process.js'

/** A seed that takes longer than this hangs. */
const seedWithinMs = 30_000

const task = JSON.parse(process.argv[2]!) as MutantTask
const given =
  task.scenario === undefined ? undefined : ((await import(task.scenario)) as { readonly default: AnyScenario }).default

process.on('message', (seed: number) => void run(seed).then(answer => process.send!(answer)))

async function run(seed: number): Promise<SeedAnswer> {
  const scenario = without(given ?? themeOf(seed), task.without)
  const { finding } = await within(seed, runPlan(scenario, drawPlan(scenario, seed)))
  if (!finding) return {}
  const { check, fingerprint, sentence } = finding
  return { kill: { seed, check, fingerprint, sentence } }
}

/** By the processor's time, of which a busy machine gives little. */
async function within<T>(seed: number, work: Promise<T>): Promise<T> {
  const from = process.cpuUsage()
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(from)
    if (user + system < seedWithinMs * 1_000) return
    clearInterval(timer)
    const sentence = `Seed ${seed} takes longer than ${seedWithinMs / 1_000} s.`
    process.send!({ kill: { seed, check: 'hang', fingerprint: 'hang', sentence } } satisfies SeedAnswer)
  }, 1_000)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}

function without({ definition }: AnyScenario, names: readonly string[]): AnyScenario {
  if (names.length === 0) return { name: definition.name, definition }
  const make = (): ReturnType<typeof usualChecks> => usualChecks().filter(({ name }) => !names.includes(name))
  const checks = make().map((_, i) => () => make()[i]!)
  return new Scenario({ ...definition, checks })
}
