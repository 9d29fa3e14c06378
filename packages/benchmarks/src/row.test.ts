import { describe, expect, it } from 'vitest'
import { figure, row, type Bench, type Figure, type Target } from './row.js'
import { sample } from './sample.js'

const bench: Bench = { id: 'question', quick: false, progress() {} }
const of = (name: string, value: number): Figure => figure(name, '/s', sample([value]))

describe('a row', () => {
  it.each<[Target, number, string, boolean]>([
    [{ atLeast: 0.5, times: 'the Map' }, 50, '≥ 0.5× the Map', true],
    [{ atLeast: 0.5, times: 'the Map' }, 49, '≥ 0.5× the Map', false],
    [{ atMost: 1.5, times: 'bare streams' }, 150, '≤ 1.5× bare streams', true],
    [{ atMost: 1.5, times: 'bare streams' }, 151, '≤ 1.5× bare streams', false],
    [{ atLeast: 100_000, unit: 'updates/s' }, 100_000, '≥ 100,000 updates/s', true],
    [{ atMost: 24, unit: 'B' }, 25, '≤ 24 B', false]
  ])('against %j, measuring %d beside 100: %s, %s', (target, value, words, reached) => {
    const answer = row(
      bench,
      { title: 't', ours: of('selvedge', value), beside: [of('peer', 100), of('other', 1)], conditions: 'c' },
      target
    )
    expect(answer).toMatchObject({ question: 'question', ratio: value / 100, target: words, reached })
  })

  it('may stand alone against an amount, and not against a multiple', () => {
    const alone = { title: 't', ours: of('selvedge', 5), beside: [], conditions: 'c' }
    expect(row(bench, alone, { atMost: 6, unit: 'ms' })).toMatchObject({ ratio: null, reached: true })
    const nothing = { ...alone, beside: [of('peer', 0)] }
    expect(row(bench, nothing, { atMost: 6, unit: 'ms' })).toMatchObject({ ratio: null, reached: true })
    expect(() => row(bench, alone, { atMost: 6, times: 'nothing' })).toThrow('needs something beside it')
  })
})
