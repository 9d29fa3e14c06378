/** Tables for a terminal: columns as wide as what is in them, nothing drawn around. */
import type { Style } from './style.js'
import { width } from './text.js'

export interface Column<Row> {
  readonly title: string
  readonly right?: boolean
  /** Left out when no row has anything in it. */
  readonly optional?: boolean
  readonly value: (row: Row) => string
  readonly style?: (row: Row) => keyof Style
}

/** Lines, each ending in a newline; `none` when there are no rows. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], style: Style, none: string): string {
  if (rows.length === 0) return `${style.dim(none)}\n`
  const cells = columns.map(column => rows.map(row => column.value(row)))
  const shown = columns.flatMap((column, i) =>
    column.optional && cells[i]!.every(cell => cell === '') ? [] : [{ column, cells: cells[i]! }]
  )
  const widths = shown.map(({ column, cells: texts }) => Math.max(width(column.title), ...texts.map(width)))
  const line = (parts: readonly string[]): string => `${parts.join('  ').trimEnd()}\n`
  const title = line(shown.map(({ column }, i) => style.dim(padded(column.title, widths[i]!, column.right))))
  const body = rows.map((row, r) =>
    line(
      shown.map(({ column, cells: texts }, i) =>
        style[column.style?.(row) ?? 'plain'](padded(texts[r]!, widths[i]!, column.right))
      )
    )
  )
  return title + body.join('')
}

/** `name  value` lines; a value of '' is left out. */
export function list(items: readonly (readonly [string, string])[], style: Style): string {
  const shown = items.filter(([, value]) => value !== '')
  const wide = Math.max(0, ...shown.map(([name]) => width(name)))
  return shown.map(([name, value]) => `${style.dim(padded(name, wide))}  ${value}\n`).join('')
}

function padded(text: string, wide: number, right = false): string {
  const space = ' '.repeat(Math.max(0, wide - width(text)))
  return right ? space + text : text + space
}
