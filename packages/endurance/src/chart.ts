/** A small writer of line charts as SVG: one panel a quantity, one line a process; readable on a light and on a dark page. */

export interface Line {
  readonly name: string
  /** In the order of x; x is in minutes. */
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export interface Panel {
  readonly title: string
  readonly unit: string
  readonly lines: readonly Line[]
  /** Small print under the title, such as a verdict. */
  readonly note?: string
}

export interface ChartOptions {
  readonly title: string
  readonly subtitle: string
}

const columns = 2
const panelWidth = 520
const panelHeight = 230
const gap = 28
const head = 92
/** Room around the lines, in a panel. */
const plot = { left: 62, top: 44, right: 14, bottom: 34 }
// Told apart also by those who see few colours, on white and on near-black.
const colours = ['#2f7ed8', '#d9730d', '#2a9d5c', '#b04fc4', '#8a8d91']

export function lineChart(panels: readonly Panel[], { title, subtitle }: ChartOptions): string {
  const rows = Math.ceil(panels.length / columns)
  const width = columns * panelWidth + (columns + 1) * gap
  const height = head + rows * (panelHeight + gap)
  const names = [...new Set(panels.flatMap(({ lines }) => lines.map(({ name }) => name)))]
  const xMax = Math.max(...panels.flatMap(({ lines }) => lines.flatMap(({ points }) => points.map(({ x }) => x))), 1e-9)
  const colourOf = (name: string): string => colours[names.indexOf(name) % colours.length]!
  const legend = names
    .map((name, i) => {
      const x = gap + i * 96
      return `<line x1="${x}" x2="${x + 22}" y1="76" y2="76" stroke="${colourOf(name)}" stroke-width="3"/><text x="${x + 28}" y="80" class="small">${escaped(name)}</text>`
    })
    .join('')
  const body = panels.map((panel, i) => {
    const x = gap + (i % columns) * (panelWidth + gap)
    const y = head + Math.floor(i / columns) * (panelHeight + gap)
    return `<g transform="translate(${x} ${y})">${panelOf(panel, xMax, colourOf)}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
svg { --paper: #fff; --ink: #1f2328; --faint: #59636e; --rule: #d9dee3 }
@media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #e6edf3; --faint: #9198a1; --rule: #30363d } }
text { font: 13px system-ui, sans-serif; fill: var(--ink) }
.small { font-size: 12px; font-weight: 400; fill: var(--faint) }
.title { font-size: 18px; font-weight: 600 }
.name { font-size: 14px; font-weight: 600 }
.rule { stroke: var(--rule) }
polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round }
</style>
<rect width="100%" height="100%" fill="var(--paper)"/>
<text x="${gap}" y="34" class="title">${escaped(title)}</text>
<text x="${gap}" y="56" class="small">${escaped(subtitle)}</text>
${legend}
${body.join('\n')}
</svg>
`
}

function panelOf(panel: Panel, xMax: number, colourOf: (name: string) => string): string {
  const points = panel.lines.flatMap(line => line.points)
  const right = panelWidth - plot.right
  const bottom = panelHeight - plot.bottom
  const yTicks = ticks(Math.max(...points.map(({ y }) => y), 1e-9), 4)
  const xTicks = ticks(xMax, 6).filter(tick => tick <= xMax)
  const yMax = yTicks.at(-1)!
  const atX = (x: number): string => (plot.left + (x / xMax) * (right - plot.left)).toFixed(1)
  const atY = (y: number): string => (bottom - (y / yMax) * (bottom - plot.top)).toFixed(1)
  const grid = yTicks.map(
    tick =>
      `<line class="rule" x1="${plot.left}" x2="${right}" y1="${atY(tick)}" y2="${atY(tick)}"/><text class="small" x="${plot.left - 6}" y="${Number(atY(tick)) + 4}" text-anchor="end">${plain(tick)}</text>`
  )
  const times = xTicks.map(
    tick => `<text class="small" x="${atX(tick)}" y="${bottom + 18}" text-anchor="middle">${plain(tick)}</text>`
  )
  const lines = panel.lines
    .filter(line => line.points.length > 0)
    .map(
      ({ name, points: of }) =>
        `<polyline stroke="${colourOf(name)}" points="${of.map(({ x, y }) => `${atX(x)},${atY(y)}`).join(' ')}"><title>${escaped(name)}</title></polyline>`
    )
  return `<text class="name" x="0" y="14">${escaped(panel.title)} <tspan class="small">${escaped(panel.unit)}</tspan></text>
<text class="small" x="0" y="31">${escaped(panel.note ?? '')}</text>
${grid.join('')}
<line class="rule" x1="${plot.left}" x2="${plot.left}" y1="${plot.top}" y2="${bottom}"/>
${times.join('')}<text class="small" x="${right}" y="${bottom + 31}" text-anchor="end">minutes</text>
${lines.join('\n')}`
}

/** Round numbers from 0 on, the last of them at or above `max`. */
export function ticks(max: number, count: number): number[] {
  const rough = max / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map(factor => factor * power).find(candidate => candidate >= rough) ?? 10 * power
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, i) => i * step)
}

function plain(value: number): string {
  return value >= 10_000 ? `${Number((value / 1_000).toPrecision(4))}k` : String(Number(value.toPrecision(6)))
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, character => `&#${character.charCodeAt(0)};`)
}
