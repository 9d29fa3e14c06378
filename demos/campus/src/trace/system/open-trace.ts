/**
 * Trend exports on disk: any CSV with a heading and a column of dates. Read as a stream, so that a year of minutes takes no more
 * memory than a day. Delimiter (`,` `;` tab `|`), byte order mark and UTF-16 are found out from the file's beginning.
 *
 * @example
 * const trace = openTrace('export.csv')
 * for await (const { atMs, values } of trace) …
 * trace.report.undatedRows // what was passed over
 */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { SelvedgeError } from '@selvedge/core'
import { parse } from 'csv-parse'
import { traceErrors } from '../errors.js'
import type { CsvRecord } from '../trace-layout.js'
import { emptyReport, traceRows, type TraceReport, type TraceRow } from '../trace-rows.js'

/** Rows of one export. Each iteration reads the file anew; `report` is that of the latest. */
export interface Trace extends AsyncIterable<TraceRow> {
  readonly report: TraceReport
}

const sniffedBytes = 64 * 1024
const recordBytesMax = 1024 * 1024

/**
 * Nothing is read before the first row is asked for; errors come from there.
 * @throws SelvedgeError `TRACE_UNREADABLE`, `TRACE_EMPTY`, `TRACE_NO_DATE`
 */
export function openTrace(path: string): Trace {
  let report = emptyReport()
  return {
    get report() {
      return report
    },
    async *[Symbol.asyncIterator]() {
      report = emptyReport()
      const form = await sniff(path)
      yield* traceRows(readRecords(path, form), path, form.delimiter !== ',', report)
    }
  }
}

interface FileForm {
  readonly delimiter: string
  readonly encoding: 'utf8' | 'utf16le'
}

async function sniff(path: string): Promise<FileForm> {
  try {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(sniffedBytes), 0, sniffedBytes, 0)
      const encoding = buffer[0] === 0xff && buffer[1] === 0xfe ? 'utf16le' : 'utf8'
      return { encoding, delimiter: delimiterOf(buffer.toString(encoding, 0, bytesRead)) }
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

// The heading tells: data of a decimal-comma country has as many commas as delimiters. On a draw the rarer sign in text wins.
function delimiterOf(text: string): string {
  for (const line of text.split(/\r\n|\r|\n/)) {
    const bare = line.replace(/"[^"]*"/g, '')
    let best = { delimiter: ',', count: 0 }
    for (const delimiter of [';', '\t', '|', ',']) {
      const count = bare.split(delimiter).length - 1
      if (count > best.count) best = { delimiter, count }
    }
    if (best.count > 0) return best.delimiter
  }
  return ','
}

async function* readRecords(path: string, { delimiter, encoding }: FileForm): AsyncGenerator<CsvRecord> {
  const file = createReadStream(path)
  const parser = parse({
    delimiter,
    encoding,
    bom: true,
    info: true,
    trim: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: recordBytesMax
  })
  file.on('error', error => parser.destroy(error))
  file.pipe(parser)
  try {
    for await (const item of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>)
      yield { cells: item.record, line: item.info.lines }
  } catch (cause) {
    throw unreadable(path, cause)
  } finally {
    file.destroy()
    parser.destroy()
  }
}

function unreadable(path: string, cause: unknown): SelvedgeError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new SelvedgeError(traceErrors.unreadable, `${path} can't be read as CSV: ${why}`, { cause, details: { path } })
}
