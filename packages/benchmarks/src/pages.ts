/** What `--readme` writes: the table in the README, the engines in the comparison, and the chart; all of it or nothing. */
import { chart, type ChartText } from './chart.js'
import { enginesTable, resultsTable, withTable, type RunConditions } from './results-table.js'
import type { Row } from './row.js'

export interface Pages {
  readonly readme: string
  readonly comparison: string
}

const chartText: ChartText = {
  title: 'Bytes a point in a full copy, as points are overwritten',
  place: at => `after ${at} overwrite${at === 1 ? '' : 's'} of each point`,
  footnote: '2,000 points; what brings an empty replica up to date, each message deflated. npm run bench -- overwrites'
}

/** @throws Error when a page lacks its marks, or the question of the engines gave no rows */
export function pagesWith(pages: Pages, rows: readonly Row[], conditions: RunConditions): Pages & { readonly chart: string } {
  const engines = enginesTable(rows, 'overwrites', conditions)
  const drawn = chart(rows, 'full copy', chartText)
  if (engines === undefined || drawn === undefined) throw new Error('the question overwrites gave no rows to draw')
  return {
    readme: withTable(pages.readme, resultsTable(rows, conditions)),
    comparison: withTable(pages.comparison, engines),
    chart: drawn
  }
}
