/** A worker: runs seeds of a campus with all faults, and tells the processor time that they took. */
import { allKinds, drawPlan, runPlan } from '@selvedge/simulator'
import { answering } from '../child.js'
import { campus } from './campus.js'

const scenario = campus({ sites: 1, nodes: 5, lasts: '10m', faults: { kinds: allKinds } })

answering({
  run: async ({ first, count }: { readonly first: number; readonly count: number }): Promise<number> => {
    const from = process.cpuUsage()
    for (let seed = first; seed < first + count; seed++) await runPlan(scenario, drawPlan(scenario, seed))
    const { user, system } = process.cpuUsage(from)
    return (user + system) / 1_000
  }
})
