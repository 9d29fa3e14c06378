import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { compareRuns } from './system/compare-runs.js'
import { tracedRun } from './traced-run.js'

// The processes run what is built.
const built = new URL('../../dist/determinism/system/compare-runs.js', import.meta.url)

describe('a seed', () => {
  it('gives the same events in two processes', { timeout: 300_000 }, async () => {
    expect(existsSync(built), 'npm run build comes first').toBe(true)
    const module = (await import(built.href)) as { compareRuns: typeof compareRuns }
    const { equal, seeds, different } = await module.compareRuns(1, 3)
    expect(different).toEqual([])
    expect([equal, seeds]).toEqual([3, 3])
  })

  it('gives other events than another seed, and the same again in this process', async () => {
    const [one, again, other] = [await tracedRun(1), await tracedRun(1), await tracedRun(2)]
    expect(one).toEqual(again)
    expect(one.hash).not.toBe(other.hash)
  })
})
