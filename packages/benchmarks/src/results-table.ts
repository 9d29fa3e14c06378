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

function machine({ cpu, cores, memoryGiB, platform, node, date }: RunConditions): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${platform}, Node ${node}, ${date}.`
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
    `Medians of rounds (least–most) in one run; ${machine(conditions)}`,
    '',
    '| question | Selvedge | beside it, in the same run | ratio | to reach | reached |',
    '|---|---|---|---|---|---|',
    ...lines.map(line => `| ${line} |`),
    ...(notes.length ? ['', ...notes] : []),
    ''
  ].join('\n')
}

/** The rows of one question turned round: a line an engine, a column a row, for readers who choose among engines. */
export function enginesTable(rows: readonly Row[], question: string, conditions: RunConditions): string | undefined {
  const asked = rows.filter(row => row.question === question)
  if (asked.length === 0) return undefined
  const names = [...new Set(asked.flatMap(row => [row.ours, ...row.beside].map(({ name }) => name)))]
  const cell = (row: Row, name: string): string => {
    const measured = [row.ours, ...row.beside].find(figure => figure.name === name)
    return measured ? shown({ ...measured, rounds: 1 }) : '–'
  }
  return [
    `| | ${asked.map(({ title }) => title).join(' | ')} |`,
    `|---|${asked.map(() => '---').join('|')}|`,
    ...names.map(name => `| ${name} | ${asked.map(row => cell(row, name)).join(' | ')} |`),
    '',
    ...byConditions(asked).map(([told, titles]) => `- ${titles.join('; ')}: ${told}.`),
    `- ${machine(conditions)}`,
    ''
  ].join('\n')
}

function byConditions(rows: readonly Row[]): [string, string[]][] {
  const titles = new Map<string, string[]>()
  for (const row of rows) titles.set(row.conditions, [...(titles.get(row.conditions) ?? []), row.title])
  return [...titles]
}

const begin = '<!-- npm run bench -- --readme: begin -->'
const end = '<!-- npm run bench -- --readme: end -->'

/** A page with what stands between its two marks replaced. */
export function withTable(page: string, table: string): string {
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the page lacks the marks ${begin} and ${end}`)
  return `${page.slice(0, from + begin.length)}\n${table.trimEnd()}\n${page.slice(to)}`
}
