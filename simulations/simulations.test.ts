/** Every scenario but the longest, for some seeds, and every plan of `pinned/`; `selvedge sim run simulations` runs more seeds. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drawPlan, readPlan, runPlan, savePlan, shrink, type AnyScenario, type RunResult } from '@selvedge/simulator'
import { describe, expect, it } from 'vitest'
import forgetfulLights from './services/forgetful-lights.js'
import { testScenarios } from './testing/scenario-tests.js'

await testScenarios('others')

describe('a pinned plan', () => {
  const directory = join(import.meta.dirname, 'pinned')

  for (const file of readdirSync(directory).filter(name => name.endsWith('.json')))
    it(file, async () => {
      const { finding } = await runPinned(join(directory, file))
      expect(finding?.sentence).toBeUndefined()
    })
})

/** Runs a plan on the scenario whose file it names. */
async function runPinned(path: string): Promise<RunResult> {
  const { plan, scenarioFile } = readPlan(path)
  const exported = Object.values((await import(scenarioFile!)) as Record<string, AnyScenario>)
  const scenario = exported.find(({ name }) => name === plan.scenario)
  return runPlan(scenario!, plan)
}

describe('lights that forget people', () => {
  it('are caught, and the failure shrinks to somebody on each side of the cut, and fails again as a pinned plan', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const plan = drawPlan(forgetfulLights, seed)
      const result = await runPlan(forgetfulLights, plan)
      if (!result.finding) continue
      const small = await shrink(forgetfulLights, plan, result, { within: '2m' })
      expect(small.result.finding?.check).toBe('everybody is counted')
      expect(small.plan.operations.length).toBeLessThanOrEqual(3)
      expect(small.plan.faults.map(({ kind }) => kind)).toEqual(['partition'])
      const directory = mkdtempSync(join(tmpdir(), 'pinned-'))
      try {
        const path = savePlan(directory, small.plan, join(import.meta.dirname, 'services/forgetful-lights.ts'))
        expect((await runPinned(path)).finding?.sentence).toBe(small.result.finding?.sentence)
      } finally {
        rmSync(directory, { recursive: true })
      }
      return
    }
    expect.unreachable('ten seeds did not catch it')
  })
})
