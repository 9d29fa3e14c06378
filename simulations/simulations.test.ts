/** Every scenario, for some seeds; `selvedge sim run simulations` runs more of them. */
import { readdirSync } from 'node:fs'
import { drawPlan, runPlan, shrink, type AnyScenario } from '@selvedge/simulator'
import { simTest } from '@selvedge/simulator/vitest'
import { describe, expect, it } from 'vitest'
import forgetfulLights from './services/forgetful-lights.js'

const files = readdirSync(import.meta.dirname).filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))

for (const file of files) {
  const { default: scenario } = (await import(`./${file}`)) as { default: AnyScenario }
  simTest(scenario.name, scenario, { seeds: 50, time: '5s' })
}

describe('lights that forget people', () => {
  it('are caught, and the failure shrinks to somebody on each side of the cut', { timeout: 300_000 }, async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const plan = drawPlan(forgetfulLights, seed)
      const result = await runPlan(forgetfulLights, plan)
      if (!result.finding) continue
      const small = await shrink(forgetfulLights, plan, result, { within: '2m' })
      expect(small.result.finding?.check).toBe('everybody is counted')
      expect(small.plan.operations.length).toBeLessThanOrEqual(3)
      expect(small.plan.faults.map(({ kind }) => kind)).toEqual(['partition'])
      return
    }
    expect.unreachable('ten seeds did not catch it')
  })
})
