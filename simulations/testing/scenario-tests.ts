/** Tests of scenarios, in two files, so that two workers share the longest. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { AnyScenario } from '@selvedge/simulator'
import { simTest } from '@selvedge/simulator/vitest'

const seeds = 50
/** No further seed of a scenario is begun after this. */
const time = '1s'
const directory = join(import.meta.dirname, '..')
const longest = ['campus-trunk-cut.ts', 'everything.ts', 'reconnect-herd.ts', 'year-of-overwrites.ts']

export async function testScenarios(which: 'longest' | 'others'): Promise<void> {
  const files = readdirSync(directory).filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  for (const file of files) {
    if (longest.includes(file) !== (which === 'longest')) continue
    const { default: scenario } = (await import(/* @vite-ignore */ join(directory, file))) as { default: AnyScenario }
    simTest(scenario.name, scenario, { seeds, time })
  }
}
