import { describe, expect, it } from 'vitest'
import { interleaved, quantile, sample } from './sample.js'

describe('a sample', () => {
  it('has the median and the spread of its values', () => {
    expect(sample([5, 1, 3])).toEqual({ values: [5, 1, 3], median: 3, min: 1, max: 5 })
    expect(sample([4, 1, 2, 3]).median).toBe(2.5)
  })

  it('needs a value', () => {
    expect(() => sample([])).toThrow('needs a value')
  })
})

describe('a quantile', () => {
  it('lies between its neighbours in proportion, and leaves its input as it was', () => {
    const values = [30, 10, 20]
    expect([0, 0.25, 0.5, 0.99, 1].map(q => quantile(values, q))).toEqual([10, 15, 20, 29.8, 30])
    expect(values).toEqual([30, 10, 20])
  })
})

describe('interleaved measurements', () => {
  it('takes turns, changes who goes first, and does not count the first round', async () => {
    const calls: string[] = []
    const count = (name: string) => (): Promise<number> => Promise.resolve(calls.push(name))
    const measured = await interleaved(2, { a: count('a'), b: count('b') })
    expect(calls.join('')).toBe('abbaab')
    expect(measured.a.values).toEqual([4, 5])
    expect(measured.b.values).toEqual([3, 6])
  })
})
