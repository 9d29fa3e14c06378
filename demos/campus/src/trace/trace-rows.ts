/**
 * From the records of a CSV file to rows of points. Nothing in a file stops the reading once its layout is known: what can't be
 * used is passed over and counted, a row without a date is reported with its line.
 */
import { parseTraceDate } from './dates.js'
import { findLayout, parseCell, type CsvRecord, type TraceColumn, type TraceLayout } from './trace-layout.js'

/** What a trend export says of one moment. */
export interface TraceRow {
  /** Milliseconds since its first row; never goes back. */
  readonly atMs: number
  readonly values: readonly { readonly path: string; readonly value: number }[]
}

export interface TraceProblem {
  /** Line of the file, from 1. */
  readonly line: number
  readonly reason: string
}

/** What was read so far. */
export interface TraceReport {
  columns: readonly TraceColumn[]
  rows: number
  values: number
  /** Cells passed over because they are empty or missing. */
  emptyCells: number
  /** Cells passed over because they hold no finite number. */
  otherCells: number
  /** Rows passed over because their date can't be read. */
  undatedRows: number
  /** Times that dates went back (a clock set back, files joined): from there they count on from the row before. */
  backwards: number
  /** The first {@link problemsMax} problems. */
  problems: TraceProblem[]
}

export const problemsMax = 100
/** Records read ahead to find out the order of day and month: two days of minutes. */
const lookAheadMax = 3_000

export function emptyReport(): TraceReport {
  return { columns: [], rows: 0, values: 0, emptyCells: 0, otherCells: 0, undatedRows: 0, backwards: 0, problems: [] }
}

/**
 * @param name how errors call the file
 * @param decimalComma whether `21,5` is a number: so where cells are not parted by commas
 * @throws SelvedgeError `TRACE_EMPTY`, `TRACE_NO_DATE`
 */
export async function* traceRows(
  records: AsyncIterable<CsvRecord>,
  name: string,
  decimalComma: boolean,
  report: TraceReport
): AsyncGenerator<TraceRow> {
  const ahead: CsvRecord[] = []
  let reader: RowReader | undefined
  const start = (): RowReader => {
    const layout = findLayout(ahead, name)
    report.columns = layout.columns
    return new RowReader(layout, decimalComma, report)
  }
  for await (const record of records) {
    if (!reader) {
      ahead.push(record)
      if (ahead.length < lookAheadMax) continue
      reader = start()
      yield* readAhead(reader, ahead)
      continue
    }
    const row = reader.read(record)
    if (row) yield row
  }
  if (!reader) yield* readAhead(start(), ahead)
}

function* readAhead(reader: RowReader, ahead: CsvRecord[]): Generator<TraceRow> {
  for (const record of ahead.splice(0).slice(reader.layout.firstData)) {
    const row = reader.read(record)
    if (row) yield row
  }
}

class RowReader {
  private lastMs: number | undefined
  private lastStepMs = 0
  private atMs = 0

  constructor(
    readonly layout: TraceLayout,
    private readonly decimalComma: boolean,
    private readonly report: TraceReport
  ) {}

  read({ cells, line }: CsvRecord): TraceRow | undefined {
    const { layout, report } = this
    const dateText = cells[layout.dateCell] ?? ''
    const date = parseTraceDate(dateText, layout.dateOrder)
    if (date === undefined) {
      report.undatedRows++
      if (report.problems.length < problemsMax)
        report.problems.push({ line, reason: `${JSON.stringify(dateText.slice(0, 40))} is no date` })
      return undefined
    }
    this.moveTo(date)
    const values: { path: string; value: number }[] = []
    for (const { path, cell } of layout.columns) {
      const text = cells[cell] ?? ''
      if (text === '') {
        report.emptyCells++
        continue
      }
      const value = parseCell(text, this.decimalComma)
      if (value === undefined) report.otherCells++
      else values.push({ path, value })
    }
    report.otherCells += Math.max(0, cells.length - layout.cells)
    report.rows++
    report.values += values.length
    return { atMs: this.atMs, values }
  }

  private moveTo(date: number): void {
    const stepMs = this.lastMs === undefined ? 0 : date - this.lastMs
    if (stepMs < 0) this.report.backwards++
    else this.lastStepMs = stepMs
    this.lastMs = date
    this.atMs += this.lastStepMs
  }
}
