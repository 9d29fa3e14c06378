/**
 * The README's chart, drawn from the rows of a series: a bar an engine, its values at each place of the series one inside the other,
 * so that what grows is seen at once. An SVG of its own colours on its own card: readable on a light and on a dark page.
 */
import type { Figure, Row } from './row.js'

export interface ChartText {
  readonly title: string
  /** What one unit of `at` is called: `after 10 overwrites`. */
  readonly place: (at: number) => string
  readonly footnote: string
}

const width = 780
const left = 148
const right = 212
const top = 84
const barHeight = 20
const barGap = 11

/** Undefined when no row belongs to the series. */
export function chart(rows: readonly Row[], series: string, text: ChartText): string | undefined {
  const places = rows.filter(row => row.series?.name === series).toSorted((a, b) => a.series!.at - b.series!.at)
  if (places.length === 0) return undefined
  const unit = places[0]!.ours.unit
  const bars = barsOf(places)
  const longest = Math.max(...bars.flatMap(({ values }) => values))
  const x = (value: number): number => (value / longest) * (width - left - right)
  const height = top + bars.length * (barHeight + barGap) + 34
  const body = bars.map(({ name, values, ours }, i) => {
    const y = top + i * (barHeight + barGap)
    const end = left + x(Math.max(...values))
    const inner = values
      .map((value, place) => ({ value, place }))
      .toReversed()
      .map(
        ({ value, place }) =>
          `<rect class="${ours ? 'o' : 'p'}${shade(place, values.length)}" ${box(left, y, x(value), barHeight)}/>`
      )
    return [
      `<text class="${ours ? 'name ours' : 'name'}" x="${left - 10}" y="${y + 15}">${escaped(name)}</text>`,
      ...inner,
      `<text class="${ours ? 'value ours' : 'value'}" x="${round(end + 8)}" y="${y + 15}">${values.map(shown).join(' → ')} B</text>`
    ].join('\n')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(described(text, bars, unit))}">
<style>
text { font: 13px ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #424a53 }
.card { fill: #ffffff; stroke: #d1d9e0 } .title { font-size: 16px; font-weight: 600; fill: #1f2328 } .name { text-anchor: end }
.ours { font-weight: 600; fill: #1f2328 } .value { font-variant-numeric: tabular-nums } .note { font-size: 11.5px; fill: #59636e }
.o0 { fill: #1a7f37 } .o1 { fill: #4ac26b } .o2 { fill: #aceebb } .p0 { fill: #57606a } .p1 { fill: #8c959f } .p2 { fill: #d0d7de }
@media (prefers-color-scheme: dark) {
text { fill: #b7bdc8 } .card { fill: #0d1117; stroke: #3d444d } .title, .ours { fill: #f0f6fc } .note { fill: #9198a1 }
.o0 { fill: #56d364 } .o1 { fill: #2ea043 } .o2 { fill: #196c2e } .p0 { fill: #b1bac4 } .p1 { fill: #768390 } .p2 { fill: #424a53 } }
</style>
<rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
<text class="title" x="20" y="30">${escaped(text.title)}</text>
${legend(places, text)}
${body.join('\n')}
<text class="note" x="20" y="${height - 14}">${escaped(text.footnote)}</text>
</svg>
`
}

interface Bar {
  readonly name: string
  readonly ours: boolean
  readonly values: readonly number[]
}

/** One bar an engine that was measured at every place, the shortest first. */
function barsOf(places: readonly Row[]): Bar[] {
  const at = (row: Row, name: string): Figure | undefined => [row.ours, ...row.beside].find(figure => figure.name === name)
  const names = [places[0]!.ours, ...places[0]!.beside].map(({ name }) => name)
  return names
    .map(name => ({ name, ours: name === places[0]!.ours.name, values: places.flatMap(row => at(row, name)?.value ?? []) }))
    .filter(({ values }) => values.length === places.length)
    .toSorted((a, b) => a.values.at(-1)! - b.values.at(-1)!)
    .map(bar => ({ ...bar, name: bar.ours ? 'Selvedge' : bar.name }))
}

function legend(places: readonly Row[], text: ChartText): string {
  let x = 20
  return places
    .map((row, i) => {
      const label = text.place(row.series!.at)
      const entry = `<rect class="p${shade(i, places.length)}" ${box(x, 50, 12, 12)}/><text class="note" x="${x + 18}" y="60">${escaped(label)}</text>`
      x += 40 + label.length * 6
      return entry
    })
    .join('\n')
}

/** Dark for what comes first, light for what is added last. */
function shade(place: number, places: number): number {
  return places === 1 ? 0 : Math.round((place * 2) / (places - 1))
}

function box(x: number, y: number, width: number, height: number): string {
  return `x="${round(x)}" y="${y}" width="${round(Math.max(width, 1))}" height="${height}" rx="2"`
}

function described({ title }: ChartText, bars: readonly Bar[], unit: string): string {
  const last = bars.map(({ name, values }) => `${name} ${values.map(shown).join(', ')}`)
  return `${title} (${unit}): ${last.join('; ')}`
}

function shown(value: number): string {
  return value < 9.95 ? value.toFixed(1) : String(Math.round(value))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
