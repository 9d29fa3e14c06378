/**
 * What a trend export's columns are, found from its first rows: which row is the heading (titles may stand above it), whether rows
 * have a leading row index that the heading does not name, which column is the date.
 */
import { SelvedgeError } from '@selvedge/core'
import { dateOrderOf, parseTraceDate, type DateOrder } from './dates.js'
import { traceErrors } from './errors.js'
import { pathsOfHeadings } from './headings.js'

/** One row of a CSV file, as its parser gives it. */
export interface CsvRecord {
  readonly cells: readonly string[]
  /** Line of the file on which it ends, from 1. */
  readonly line: number
}

export interface TraceColumn {
  /** As it stands in the file, without blanks around it. */
  readonly heading: string
  readonly path: string
  /** Its place in a row's cells, from 0. */
  readonly cell: number
}

export interface TraceLayout {
  readonly columns: readonly TraceColumn[]
  readonly dateCell: number
  readonly dateOrder: DateOrder
  /** Records before this one, of those looked at, are no data. */
  readonly firstData: number
  /** Cells that a whole row has. */
  readonly cells: number
}

/** Rows that are looked at to find the date's column and the heading. */
const headRowsMax = 25

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const commaNumber = /^[+-]?\d*,\d+$/
const groupedNumber = /^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/

/** The number in a cell; undefined for anything else, `NaN` included. `decimalComma`: `21,5` is 21.5. */
export function parseCell(text: string, decimalComma: boolean): number | undefined {
  const plain = number.test(text)
    ? text
    : decimalComma && commaNumber.test(text)
      ? text.replace(',', '.')
      : !decimalComma && groupedNumber.test(text)
        ? text.replaceAll(',', '')
        : undefined
  const value = plain === undefined ? Number.NaN : Number(plain)
  return Number.isFinite(value) ? value : undefined
}

/**
 * @throws SelvedgeError `TRACE_EMPTY` when there is no row, or a heading alone; `TRACE_NO_DATE` when no early row has a date
 */
export function findLayout(records: readonly CsvRecord[], name: string): TraceLayout {
  const head = records.slice(0, headRowsMax)
  const dated = head.findIndex(({ cells }) => cells.some(isDate))
  if (dated < 0) {
    const rows = head.filter(({ cells }) => cells.some(cell => parseCell(cell, true) !== undefined))
    if (rows.length === 0) throw new SelvedgeError(traceErrors.empty, `${name} has no row of data`, { details: { name } })
    throw new SelvedgeError(
      traceErrors.noDate,
      `${name} has no column of dates: line ${rows[0]!.line} is ${shown(rows[0]!.cells)}`,
      {
        details: { name, line: rows[0]!.line }
      }
    )
  }
  const row = records[dated]!.cells
  const headingAt = head.slice(0, dated).findIndex(({ cells }) => isHeading(cells))
  const headings = headingAt < 0 ? row.map(() => '') : head[headingAt]!.cells.map(cell => cell.trim())
  // The office of many a statistics program: the row's number stands before the first column that has a heading.
  const shift = row.length === headings.length + 1 && /^\d+$/.test(row[0]!) ? 1 : 0
  const dateCell = row.findIndex(isDate)
  const columns = pathsOfHeadings(headings)
    .map((path, i) => ({ heading: headings[i]!, path, cell: i + shift }))
    .filter(({ heading, cell }) => cell !== dateCell && (heading !== '' || cell > dateCell || headingAt < 0))
  const dates = records.slice(dated).flatMap(({ cells }) => cells[dateCell] ?? [])
  return { columns, dateCell, dateOrder: dateOrderOf(dates), firstData: headingAt + 1, cells: headings.length + shift }
}

function isDate(cell: string): boolean {
  return parseTraceDate(cell, 'month-first') !== undefined || parseTraceDate(cell, 'day-first') !== undefined
}

// Two names or more, and hardly a number: so a row with a broken date is data all the same.
function isHeading(cells: readonly string[]): boolean {
  const filled = cells.filter(cell => cell !== '')
  const numbers = filled.filter(cell => parseCell(cell, true) !== undefined).length
  return filled.length >= 2 && numbers * 2 < filled.length
}

function shown(cells: readonly string[]): string {
  return JSON.stringify(cells.join(' | ').slice(0, 80))
}
