import { describe, expect, it } from 'vitest'
import { lineChart, ticks } from './chart.js'

describe('ticks', () => {
  it.each([
    [1, 4, [0, 0.25, 0.5, 0.75, 1]],
    [87, 4, [0, 25, 50, 75, 100]],
    [3_000, 4, [0, 1_000, 2_000, 3_000]]
  ])('of %d are round and reach it', (max, count, expected) => {
    expect(ticks(max, count)).toEqual(expected)
  })
})

describe('lineChart', () => {
  const panel = {
    title: 'Heap <b>',
    unit: 'MiB',
    lines: [
      { name: 'n1', points: [0, 1, 2].map(x => ({ x, y: 10 * x })) },
      { name: 'relay', points: [] }
    ]
  }

  it('draws a line for each process that has points, within the picture, and escapes text', () => {
    const svg = lineChart([panel, panel], { title: 'a & b', subtitle: '' })
    expect(svg.match(/<polyline/g)).toHaveLength(2)
    expect(svg).toContain('a &#38; b')
    expect(svg).not.toContain('<b>')
    for (const [, x, y] of svg.matchAll(/([\d.]+),([\d.]+)/g)) {
      expect(Number(x)).toBeLessThanOrEqual(520)
      expect(Number(y)).toBeLessThanOrEqual(230)
    }
    expect(svg).not.toContain('NaN')
  })

  it('draws panels of nothing and of zeros', () => {
    const empty = { ...panel, lines: [] }
    const zeros = { ...panel, lines: [{ name: 'n1', points: [{ x: 0, y: 0 }] }] }
    expect(lineChart([empty, zeros], { title: '', subtitle: '' })).not.toMatch(/NaN|Infinity/)
  })
})
