/** Rows as people read them: a Markdown table for the README, and the same text for the terminal. */
import type { Figure, Row } from './row.js'

export interface RunConditions {
  readonly date: string
  readonly node: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly platform: string
}

function amount(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e6) return `${(value / 1e6).toPrecision(3)} M`
  if (size >= 1e4) return `${Math.round(value / 1e3)} k`
  if (size >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

function shown({ value, unit, min, max, rounds }: Figure): string {
  const gap = unit.startsWith('/') ? '' : ' '
  const spread = rounds > 1 && min !== max ? ` (${amount(min)}–${amount(max)})` : ''
  return `${amount(value)}${gap}${unit}${spread}`
}

function besides(row: Row): string {
  return row.beside.map(figure => `${figure.name}: ${shown(figure)}`).join('; ') || '–'
}

export function resultsTable(rows: readonly Row[], conditions: RunConditions): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  const lines = rows.map(row =>
    [
      row.title,
      shown(row.ours),
      besides(row),
      row.ratio === null ? '–' : `${Number(row.ratio.toPrecision(3))}×`,
      row.target,
      row.reached ? 'yes' : '**no**'
    ]
      .map(cell)
      .join(' | ')
  )
  const notes = rows.filter(({ note }) => note !== undefined).map(row => `- **${row.title}**: ${row.note}`)
  return [
    `Medians of rounds (least–most) in one run; ${conditions.cpu}, ${conditions.cores} cores, ${conditions.memoryGiB} GiB, ${conditions.platform}, Node ${conditions.node}, ${conditions.date}.`,
    '',
    '| question | Selvedge | beside it, in the same run | ratio | to reach | reached |',
    '|---|---|---|---|---|---|',
    ...lines.map(line => `| ${line} |`),
    ...(notes.length ? ['', ...notes] : []),
    ''
  ].join('\n')
}

const begin = '<!-- npm run bench -- --readme: begin -->'
const end = '<!-- npm run bench -- --readme: end -->'

/** The README with the table between its two marks replaced. */
export function withTable(readme: string, table: string): string {
  const from = readme.indexOf(begin)
  const to = readme.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the README lacks the marks ${begin} and ${end}`)
  return `${readme.slice(0, from + begin.length)}\n${table.trimEnd()}\n${readme.slice(to)}`
}
