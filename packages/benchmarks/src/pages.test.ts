import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { pagesWith } from './pages.js'
import { figure, type Row } from './row.js'
import { sample } from './sample.js'

const conditions = { date: '2026-01-01', node: '20.0.0', cpu: 'A CPU', cores: 2, memoryGiB: 24, platform: 'linux x64' }
const row: Row = {
  question: 'overwrites',
  title: 'a full copy',
  ours: figure('selvedge', 'B/point', sample([8])),
  beside: [figure('peer', 'B/point', sample([9]))],
  ratio: 8 / 9,
  target: '≤ 1× the peer',
  reached: true,
  conditions: 'all of them',
  series: { name: 'full copy', at: 1 }
}
const page = async (path: string): Promise<string> => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8')

describe('the pages that --readme writes', () => {
  it('have their marks in this repository, and change between them alone', async () => {
    const pages = { readme: await page('README.md'), comparison: await page('packages/COMPARISON.md') }
    const written = pagesWith(pages, [row], conditions)
    expect(written.readme).toContain('| a full copy | 8 B/point | peer: 9 B/point | 0.889× | ≤ 1× the peer | yes |')
    expect(written.comparison).toContain('| peer | 9 B/point |')
    expect(written.chart).toContain('after 1 overwrite of each point')
    const outside = (text: string): string => text.replace(/(readme: begin -->)[^]*(<!-- npm run bench)/, '$1$2')
    expect(outside(written.readme)).toBe(outside(pages.readme))
    expect(outside(written.comparison)).toBe(outside(pages.comparison))
  })

  it('are none when there is nothing to draw, or nowhere to put it', () => {
    const marked = '<!-- npm run bench -- --readme: begin -->\n<!-- npm run bench -- --readme: end -->'
    expect(() => pagesWith({ readme: marked, comparison: marked }, [{ ...row, question: 'another' }], conditions)).toThrow(
      'no rows'
    )
    expect(() => pagesWith({ readme: marked, comparison: '' }, [row], conditions)).toThrow('lacks the marks')
  })
})
