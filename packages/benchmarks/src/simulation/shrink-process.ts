/** The runtime with a bug in it: looks for the first seed that fails, and makes it small. */
import { drawPlan, mutationScenarioOf, runPlan, shrink } from '@selvedge/simulator'
import { answering } from '../child.js'

export interface Smaller {
  /** Operations and faults that are left; undefined: no seed failed. */
  readonly events: number | undefined
  /** Of the shrinking alone. */
  readonly shrinkCpuMs: number
  readonly cpuMs: number
}

answering({
  shrink: async ({ seeds }: { readonly seeds: number }): Promise<Smaller> => {
    const spent = (): number => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1_000
    }
    const fromMs = spent()
    for (let seed = 1; seed <= seeds; seed++) {
      const scenario = mutationScenarioOf(seed)
      const plan = drawPlan(scenario, seed)
      const result = await runPlan(scenario, plan)
      if (!result.finding) continue
      const foundMs = spent()
      const { operations, faults } = (await shrink(scenario, plan, result, { within: '60s' })).plan
      const endMs = spent()
      return { events: operations.length + faults.length, shrinkCpuMs: endMs - foundMs, cpuMs: endMs - fromMs }
    }
    return { events: undefined, shrinkCpuMs: 0, cpuMs: spent() - fromMs }
  }
})
