import { expect, it } from 'vitest'
import { hunt, type HuntOptions } from './hunt.js'
import type { Mutant } from './mutant.js'
import { scoreOf } from './score.js'

const mutants = ['a', 'b', 'c', 'd'].map((name): Mutant => ({ name, what: '', module: '', from: '', to: '', killedBy: '' }))

/** Each dies at some seeds, of a check; without a mutant there may be such seeds too. */
function laboratory(deaths: Readonly<Record<string, Readonly<Record<number, string>>>>) {
  const asked: string[] = []
  const counts = { open: 0, most: 0 }
  const open: HuntOptions['open'] = (mutant, without) => {
    counts.most = Math.max(counts.most, ++counts.open)
    return {
      run: async seed => {
        await Promise.resolve()
        const name = mutant?.name ?? 'none'
        asked.push(`${name} ${seed}`)
        const check = deaths[name]?.[seed]
        return check === undefined || without.includes(check) ? undefined : { seed, check, fingerprint: '', sentence: '' }
      },
      close: () => void counts.open--
    }
  }
  return { open, asked, counts }
}

it('runs each mutant up to the seed that kills it, a few at a time', async () => {
  const { open, asked, counts } = laboratory({ a: { 3: 'x' }, b: { 1: 'y' }, d: { 2: 'x' } })
  const outcomes = await hunt({ mutants, seeds: 4, firstSeed: 1, jobs: 2, open })
  expect(outcomes.map(({ mutant: { name }, seeds, kill }) => [name, seeds, kill?.check])).toEqual([
    ['a', 3, 'x'],
    ['b', 1, 'y'],
    ['c', 4, undefined],
    ['d', 2, 'x']
  ])
  expect(asked).not.toContain('a 4')
  expect(counts.most).toBeLessThanOrEqual(4) // two mutants, and beside each the runtime as it is
  expect(counts.open).toBe(0)
  expect(scoreOf(outcomes)).toEqual({
    killed: 3,
    total: 4,
    share: 0.75,
    medianSeeds: 2,
    byCheck: new Map([
      ['x', ['a', 'd']],
      ['y', ['b']]
    ]),
    aloneByCheck: new Map(),
    survivors: ['c']
  })
})

it('does not count a seed that fails without the mutant too', async () => {
  const { open, asked } = laboratory({ a: { 2: 'x', 3: 'x' }, b: { 2: 'x' }, none: { 2: 'z' } })
  const outcomes = await hunt({ mutants: mutants.slice(0, 2), seeds: 3, firstSeed: 1, jobs: 1, open })
  expect(outcomes.map(({ seeds, kill }) => [seeds, kill?.seed])).toEqual([
    [3, 3],
    [3, undefined]
  ])
  expect(asked.filter(what => what === 'none 2')).toHaveLength(1)
})

it('begins no further seed when the time is over', async () => {
  const { open, asked, counts } = laboratory({})
  const outcomes = await hunt({ mutants, seeds: 9, firstSeed: 1, jobs: 1, open, isOver: () => asked.length >= 11 })
  expect(outcomes.map(({ mutant: { name }, seeds, kill }) => [name, seeds, kill])).toEqual([
    ['a', 9, undefined],
    ['b', 2, undefined]
  ])
  expect([asked.length, counts.open]).toEqual([11, 0])
})

it('tells which mutants only one check kills', async () => {
  const { open } = laboratory({ a: { 1: 'x', 3: 'y' }, b: { 1: 'x', 2: 'x' } })
  const outcomes = await hunt({ mutants: mutants.slice(0, 3), seeds: 3, firstSeed: 1, jobs: 1, open, alone: true })
  expect(outcomes.map(({ alone }) => alone)).toEqual([false, true, undefined])
  expect(scoreOf(outcomes).aloneByCheck).toEqual(new Map([['x', ['b']]]))
})
