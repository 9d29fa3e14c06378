/**
 * The live screen as lines of text: a pure function of what there is to show and of the terminal's size. Exactly `rows` lines, none
 * wider than `columns`: a table of the buildings, the latest events, the keys. Where room is short, events give way first, then the
 * end of the table; the keys always stay.
 */
import { cloudEqual, siteEqual, type EventView, type NodeView, type ScreenState, type SiteView } from './screen-state.js'
import { fit, printable, textWidth, truncate } from './text-width.js'

export interface ScreenSize {
  readonly columns: number
  readonly rows: number
  /** Whether to use ANSI colours; default false. */
  readonly colour?: boolean
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'inverse'

interface Span {
  readonly text: string
  readonly style?: Style | undefined
}

type Line = readonly Span[]

const styles: Record<Style, number> = { bold: 1, dim: 2, inverse: 7, red: 31, green: 32, yellow: 33, cyan: 36 }
const hashLength = 8

export function renderScreen(state: ScreenState, { columns, rows, colour = false }: ScreenSize): string[] {
  const table = [titleLine(state), headingLine(), ...state.sites.flatMap((site, i) => siteLines(site, i, i === state.selected))]
  const legend = legendLine(state, columns)
  const room = Math.max(0, rows - 1)
  const shownTable = table.slice(0, room)
  const logRows = room - shownTable.length
  const log =
    logRows > 1
      ? [separator('events', columns), ...eventLines(state.events, logRows - 1)]
      : Array.from({ length: logRows }, () => [])
  if (rows < 1) return []
  return [...shownTable, ...log, legend].map(line => paint(line, columns, colour))
}

function titleLine({ elapsedMs, relay, sites }: ScreenState): Line {
  const processes = sites.flatMap(({ nodes }) => nodes.map(({ state }) => state))
  const up = processes.filter(state => state === 'up').length + (relay === 'up' ? 1 : 0)
  return [
    { text: ' Selvedge campus ', style: 'inverse' },
    { text: `  ${duration(elapsedMs)}   ${up} of ${processes.length + 1} processes up   relay ` },
    { text: relay, style: relay === 'up' ? 'green' : 'red' }
  ]
}

interface Column {
  readonly heading: string
  readonly width: number
  readonly align: 'left' | 'right'
  readonly cell: (node: NodeView, site: SiteView) => Span
}

const unknown: Span = { text: '-', style: 'dim' }

const table: readonly Column[] = [
  { heading: 'node', width: 12, align: 'left', cell: ({ name }) => ({ text: printable(name) }) },
  {
    heading: 'state',
    width: 9,
    align: 'left',
    cell: ({ state }) => ({ text: state, style: state === 'up' ? 'green' : state === 'killed' ? 'red' : 'yellow' })
  },
  {
    heading: 'trunk',
    width: 6,
    align: 'left',
    cell: ({ trunk }) => ({ text: trunk, style: trunk === 'held' ? 'cyan' : trunk === 'cut' ? 'red' : 'dim' })
  },
  { heading: 'peers', width: 5, align: 'right', cell: live(({ peers }) => ({ text: count(peers) })) },
  { heading: 'writes/s', width: 9, align: 'right', cell: live(({ writesPerSecond }) => ({ text: count(writesPerSecond) })) },
  {
    heading: 'backlog',
    width: 9,
    align: 'right',
    cell: live(({ backlog }) => ({ text: count(backlog), style: backlog > 0 ? 'yellow' : undefined }))
  },
  {
    heading: 'lag ms',
    width: 8,
    align: 'right',
    cell: live(({ lagMs }) => (lagMs === undefined ? unknown : { text: milliseconds(lagMs) }))
  },
  {
    heading: '  hash',
    width: 11,
    align: 'left',
    cell: live(({ hash }) => (hash === undefined ? { text: '  -', style: 'dim' } : { text: `  ${shortHash(hash)}` }))
  },
  {
    heading: 'cloud',
    width: 7,
    align: 'left',
    // A building that was compared equal as a whole is so node by node, whatever hashes were read a moment apart.
    cell: live(({ hash }, site) =>
      equality(
        hash === undefined || site.cloudHash === undefined
          ? undefined
          : hash === site.cloudHash || (siteEqual(site) === true && cloudEqual(site) === true)
      )
    )
  }
]

// What a process that is not up was last heard to say means nothing.
function live(cell: Column['cell']): Column['cell'] {
  return (node, site) => (node.state === 'up' ? cell(node, site) : { text: '' })
}

function headingLine(): Line {
  return [{ text: `   ${table.map(({ heading, width, align }) => fit(heading, width, align)).join(' ')}`, style: 'dim' }]
}

function siteLines(site: SiteView, index: number, selected: boolean): Line[] {
  const head: Line = [
    { text: selected ? ' ▸ ' : '   ', style: 'cyan' },
    { text: `${index + 1} building ${printable(site.name)}`, style: 'bold' },
    { text: '   trunk ' },
    site.trunkCut ? { text: 'CUT', style: 'red' } : { text: 'whole', style: 'green' },
    ...(site.split ? [{ text: '   ' }, { text: 'SPLIT', style: 'red' } as const] : []),
    { text: '   site ' },
    equality(siteEqual(site)),
    { text: '   cloud ' },
    equality(cloudEqual(site)),
    ...(site.cloudHash === undefined ? [] : [{ text: `  ${shortHash(site.cloudHash)}`, style: 'dim' } as const])
  ]
  const nodes = site.nodes.map((node): Line => {
    const cells = table.flatMap(({ width, align, cell }, i): Span[] => {
      const { text, style } = cell(node, site)
      return [{ text: i === 0 ? '   ' : ' ' }, { text: fit(text, width, align), style }]
    })
    return cells
  })
  return [head, ...nodes]
}

function equality(equal: boolean | undefined): Span {
  if (equal === undefined) return unknown
  return equal ? { text: 'equal', style: 'green' } : { text: 'differs', style: 'yellow' }
}

function separator(title: string, columns: number): Line {
  return [{ text: `── ${title} ${'─'.repeat(Math.max(0, columns - title.length - 4))}`, style: 'dim' }]
}

function eventLines(events: readonly EventView[], rows: number): Line[] {
  const shown = rows > 0 ? events.slice(-rows) : []
  const lines = shown.map(({ atMs, text, tone }): Line => [
    { text: ` ${duration(atMs)}  `, style: 'dim' },
    { text: printable(text), style: tone === 'good' ? 'green' : tone === 'bad' ? 'red' : undefined }
  ])
  return [...lines, ...Array.from({ length: rows - lines.length }, (): Line => [])]
}

const keys: readonly (readonly [key: string, long: string, short: string])[] = [
  ['c', 'cut/restore trunk', 'trunk'],
  ['k', 'kill -9 a node', 'kill'],
  ['r', 'restart it', 'restart'],
  ['s', 'split/heal building', 'split'],
  ['q', 'quit', 'quit']
]

function legendLine({ sites }: ScreenState, columns: number): Line {
  const select = Array.from({ length: Math.min(9, Math.max(1, sites.length)) }, (_, i) => i + 1).join('/')
  const build = (length: 1 | 2): Line =>
    [[select, 'building', 'building'] as const, ...keys].flatMap((entry, i) => [
      { text: i === 0 ? '' : '  ' },
      { text: entry[0], style: 'inverse' },
      { text: ` ${entry[length]}` }
    ])
  const long = build(1)
  return long.reduce((sum, { text }) => sum + textWidth(text), 0) <= columns ? long : build(2)
}

function paint(line: Line, columns: number, colour: boolean): string {
  let out = ''
  let left = columns
  for (const { text, style } of line) {
    if (left <= 0) break
    const cut = truncate(text, left)
    left -= textWidth(cut)
    out += colour && style && cut !== '' ? `\u001b[${styles[style]}m${cut}\u001b[0m` : cut
    if (cut !== text) break
  }
  // Blanks at the end show nothing, unless they carry a colour.
  return colour ? out : out.trimEnd()
}

function shortHash(hash: string): string {
  return printable(hash).slice(0, hashLength)
}

/** Up to 9,999 as it is; above in thousands or millions. */
function count(value: number): string {
  if (value < 10_000) return String(Math.round(value))
  return value < 999_500 ? `${Math.round(value / 1000)}k` : `${(value / 1_000_000).toFixed(1)}M`
}

function milliseconds(value: number): string {
  return value < 10 ? value.toFixed(1) : count(value)
}

/** `h:mm:ss`. */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}
