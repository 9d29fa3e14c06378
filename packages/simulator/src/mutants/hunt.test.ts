import { expect, it } from 'vitest'
import { hunt, type SeedRun } from './hunt.js'
import type { Mutant } from './mutant.js'
import { scoreOf } from './score.js'

const mutant = (name: string): Mutant => ({ name, what: '', module: '', from: '', to: '', killedBy: '' })

/** Dies at a seed, of a check. */
function dying(deaths: Readonly<Record<string, readonly [number, string]>>) {
  let most = 0
  let now = 0
  const asked: string[] = []
  const run = async function* ({ name }: Mutant, firstSeed: number, seeds: number): AsyncGenerator<SeedRun> {
    most = Math.max(most, ++now)
    try {
      for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
        await Promise.resolve()
        asked.push(`${name} ${seed}`)
        const death = deaths[name]
        yield { seed, kill: death?.[0] === seed ? { seed, check: death[1], fingerprint: '', sentence: '' } : undefined }
      }
    } finally {
      now--
    }
  }
  return { run, asked, most: () => most, now: () => now }
}

it('runs each mutant up to the seed that kills it, a few at a time', async () => {
  const { run, asked, most, now } = dying({ a: [3, 'x'], b: [1, 'y'], d: [2, 'x'] })
  const outcomes = await hunt({ mutants: ['a', 'b', 'c', 'd'].map(mutant), seeds: 4, jobs: 2, run })
  expect(outcomes.map(({ mutant: { name }, seeds, kill }) => [name, seeds, kill?.check])).toEqual([
    ['a', 3, 'x'],
    ['b', 1, 'y'],
    ['c', 4, undefined],
    ['d', 2, 'x']
  ])
  expect(asked).not.toContain('a 4')
  expect(most()).toBe(2)
  expect(now()).toBe(0)
  expect(scoreOf(outcomes)).toEqual({
    killed: 3,
    total: 4,
    share: 0.75,
    medianSeeds: 2,
    byCheck: new Map([
      ['x', ['a', 'd']],
      ['y', ['b']]
    ]),
    survivors: ['c']
  })
})
