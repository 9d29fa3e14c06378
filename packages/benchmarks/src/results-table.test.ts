import { describe, expect, it } from 'vitest'
import { enginesTable, resultsTable, withTable } from './results-table.js'
import { figure, type Row } from './row.js'
import { sample } from './sample.js'

const conditions = { date: '2026-01-01', node: '20.0.0', cpu: 'A CPU', cores: 2, memoryGiB: 24, platform: 'linux x64' }
const row = (more: Partial<Row> = {}): Row => ({
  question: 'writes',
  title: 'register writes',
  ours: figure('selvedge', '/s', sample([1_000_000, 1_234_567, 2_000_000])),
  beside: [figure('Map', '/s', sample([2_469_134])), figure('Y.Map', '/s', sample([98_765]))],
  ratio: 0.49999,
  target: '≥ 0.5× the Map',
  reached: false,
  conditions: 'all of them',
  ...more
})

describe('the table of results', () => {
  it('shows medians with their spread, the ratio, the target, and whether it was reached', () => {
    expect(resultsTable([row()], conditions).split('\n')).toEqual([
      'Medians of rounds (least–most) in one run; A CPU, 2 cores, 24 GiB, linux x64, Node 20.0.0, 2026-01-01.',
      '',
      '| question | Selvedge | beside it, in the same run | ratio | to reach | reached |',
      '|---|---|---|---|---|---|',
      '| register writes | 1.23 M/s (1.00 M–2.00 M) | Map: 2.47 M/s; Y.Map: 99 k/s | 0.5× | ≥ 0.5× the Map | **no** |',
      ''
    ])
  })

  it('tells notes below, and what stands alone by a dash', () => {
    const table = resultsTable([row({ beside: [], ratio: null, reached: true, note: 'mind the gap' })], conditions)
    expect(table).toContain('| – | – | ≥ 0.5× the Map | yes |')
    expect(table.trimEnd().endsWith('\n\n- **register writes**: mind the gap')).toBe(true)
  })

  it.each([
    [0.01234, 'ms', '0.0123 ms'],
    [12.345, 'ms', '12.3 ms'],
    [1234.5, 'B', '1,235 B'],
    [12_345, 'B', '12 k B'],
    [9.99e6, '/s', '9.99 M/s'],
    [-250, 'B', '-250 B']
  ])('writes %d %s as %s', (value, unit, text) => {
    expect(resultsTable([row({ ours: figure('selvedge', unit, sample([value])) })], conditions)).toContain(`| ${text} |`)
  })

  it('keeps a bar in a title from ending its cell', () => {
    expect(resultsTable([row({ title: 'a|b' })], conditions)).toContain('| a\\|b |')
  })
})

describe('the table of engines', () => {
  it('has a line an engine and a column a row, and a dash for what was not measured', () => {
    const second = row({ title: 'bytes', ours: figure('selvedge', 'B', sample([7])), beside: [figure('Map', 'B', sample([9]))] })
    const lines = enginesTable([row(), second, row({ question: 'another' })], 'writes', conditions)!.split('\n')
    expect(lines.slice(0, 5)).toEqual([
      '| | register writes | bytes |',
      '|---|---|---|',
      '| selvedge | 1.23 M/s | 7 B |',
      '| Map | 2.47 M/s | 9 B |',
      '| Y.Map | 99 k/s | – |'
    ])
    expect(lines).toContain('- register writes; bytes: all of them.')
  })

  it('is none when the question was not asked', () => {
    expect(enginesTable([row()], 'another', conditions)).toBeUndefined()
  })
})

describe('the marks of a page', () => {
  const begin = '<!-- npm run bench -- --readme: begin -->'
  const end = '<!-- npm run bench -- --readme: end -->'

  it('hold the table, which is replaced and nothing else', () => {
    const page = `before\n${begin}\nold\n${end}\nafter\n`
    const written = withTable(page, 'new\n')
    expect(written).toBe(`before\n${begin}\nnew\n${end}\nafter\n`)
    expect(withTable(written, 'new\n')).toBe(written)
  })

  it.each(['no marks', begin, `${end}\n${begin}`])('must be there, in order: %j', page => {
    expect(() => withTable(page, 'new')).toThrow('lacks the marks')
  })
})
