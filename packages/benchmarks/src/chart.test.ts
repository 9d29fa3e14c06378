import { describe, expect, it } from 'vitest'
import { chart } from './chart.js'
import { figure, type Row } from './row.js'
import { sample } from './sample.js'

const text = { title: 'Bytes & more', place: (at: number) => `after ${at}`, footnote: 'of <these> points' }
const row = (at: number, ours: number, beside: Record<string, number>): Row => ({
  question: 'overwrites',
  title: `copy ${at}`,
  ours: figure('selvedge', 'B/point', sample([ours])),
  beside: Object.entries(beside).map(([name, value]) => figure(name, 'B/point', sample([value]))),
  ratio: 1,
  target: '',
  reached: true,
  conditions: '',
  series: { name: 'copy', at }
})
const rows = [
  row(50, 8, { grows: 400, flat: 12, once: 3 }),
  row(1, 7, { grows: 10, flat: 12, first: 5 }),
  row(10, 8, { grows: 100, flat: 12 })
]

/** The rectangles of one class, by their width. */
const widths = (svg: string, name: string): number[] =>
  [...svg.matchAll(new RegExp(`<rect class="${name}" x="148" y="\\d+" width="([\\d.]+)"`, 'g'))].map(match => Number(match[1]))

describe('the chart', () => {
  const svg = chart(rows, 'copy', text)!

  it('has a bar an engine, the least first, of values in the order of the series', () => {
    const values = [...svg.matchAll(/<text class="(?:name|value)[^>]*>([^<]+)</g)].map(match => match[1])
    expect(values).toEqual(['Selvedge', '7.0 → 8.0 → 8.0 B', 'flat', '12 → 12 → 12 B', 'grows', '10 → 100 → 400 B'])
  })

  it('draws lengths in proportion', () => {
    const [[flat, grows], [ours]] = [widths(svg, 'p2'), widths(svg, 'o2')]
    expect(flat! / grows!).toBeCloseTo(12 / 400, 2)
    expect(ours! / grows!).toBeCloseTo(8 / 400, 2)
    expect(widths(svg, 'p0')[1]! / grows!).toBeCloseTo(10 / 400, 2)
  })

  it('puts the short bars over the long ones', () => {
    expect([...svg.matchAll(/<rect class="o(\d)"/g)].map(match => match[1])).toEqual(['2', '1', '0'])
  })

  it('leaves out an engine that was not measured at every place', () => {
    expect(svg).not.toMatch(/once|first/)
  })

  it('is well-formed and says in words what it shows', () => {
    expect(svg).toContain('Bytes &amp; more')
    expect(svg).toContain('of &lt;these&gt; points')
    expect(svg).toMatch(/aria-label="[^"]*grows 10, 100, 400"/)
    expect(svg.match(/<text/g)!.length).toBe(svg.match(/<\/text>/g)!.length)
  })

  it('is none without rows of its series', () => {
    expect(chart(rows, 'another', text)).toBeUndefined()
  })
})
