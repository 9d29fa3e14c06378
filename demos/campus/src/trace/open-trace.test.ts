import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTrace, slugify, type Trace, type TraceRow } from './index.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selvedge-trace-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let files = 0
async function traceOf(content: string | Uint8Array): Promise<Trace> {
  const path = join(folder, `${files++}.csv`)
  await writeFile(path, content)
  return openTrace(path)
}

async function rowsOf(trace: Trace): Promise<TraceRow[]> {
  const rows: TraceRow[] = []
  for await (const row of trace) rows.push(row)
  return rows
}

/** Rows as `[minutes, { name: value }]`. */
async function read(content: string | Uint8Array): Promise<{ rows: [number, Record<string, number>][]; trace: Trace }> {
  const trace = await traceOf(content)
  const rows = await rowsOf(trace)
  return {
    trace,
    rows: rows.map(({ atMs, values }) => [
      atMs / 60_000,
      Object.fromEntries(values.map(({ path, value }) => [path.replace('trace/', ''), value]))
    ])
  }
}

async function failure(trace: Trace): Promise<unknown> {
  return rowsOf(trace).then(
    () => 'read to its end',
    (error: unknown) => error
  )
}

describe('openTrace reads', () => {
  it('headings with stray blanks and local dates', async () => {
    const { rows, trace } = await read(
      'Datetime,AHU: Supply Air Temperature ,AHU: Exhaust Air Damper Control Signal  \r\n8/28/2007 0:00,75.92,0\r\n8/28/2007 0:01,75.71,0.25\r\n'
    )
    expect(rows).toEqual([
      [0, { 'ahu-supply-air-temperature': 75.92, 'ahu-exhaust-air-damper-control-signal': 0 }],
      [1, { 'ahu-supply-air-temperature': 75.71, 'ahu-exhaust-air-damper-control-signal': 0.25 }]
    ])
    expect(trace.report).toMatchObject({ rows: 2, values: 4, emptyCells: 0, otherCells: 0, problems: [] })
    expect(trace.report.columns[0]).toEqual({
      heading: 'AHU: Supply Air Temperature',
      path: 'trace/ahu-supply-air-temperature',
      cell: 1
    })
  })

  it('rows with a leading index that the heading does not name', async () => {
    const { rows } = await read(
      '"date","Temperature","CO2"\n"1","2015-02-04 17:51:00",23.18,721.25\n"2","2015-02-04 17:51:59",23.15,714\n'
    )
    expect(rows[0]).toEqual([0, { temperature: 23.18, co2: 721.25 }])
    expect(rows[1]?.[0]).toBeCloseTo(59 / 60)
  })

  it('an index under an empty heading, and a delimiter at the end of rows', async () => {
    const { rows } = await read(',time,a\n0,2020-01-01 00:00,5\n1,2020-01-01 00:01,6\n')
    expect(rows[1]).toEqual([1, { a: 6 }])
    const trailing = await read('time,a\n2020-01-01 00:00,5,\n2020-01-01 00:01,6,\n')
    expect(trailing.rows[1]).toEqual([1, { a: 6 }])
  })

  it('semicolons, decimal commas and a byte order mark', async () => {
    const { rows } = await read(
      '\ufeffDatum;Außenluft °C;Druck, Zuluft;Anteil\n28.08.2007 00:00;21,5;1.4;-0,25\n28.08.2007 00:15;21;,5;3\n'
    )
    expect(rows).toEqual([
      [0, { 'aussenluft-c': 21.5, 'druck-zuluft': 1.4, anteil: -0.25 }],
      [15, { 'aussenluft-c': 21, 'druck-zuluft': 0.5, anteil: 3 }]
    ])
  })

  it('tabs in UTF-16', async () => {
    const text = '\ufeffTime\tRéseau kW\n2020-01-01 00:00\t4,5\n'
    const { rows } = await read(Buffer.from(text, 'utf16le'))
    expect(rows).toEqual([[0, { 'reseau-kw': 4.5 }]])
  })

  it('titles above the heading', async () => {
    const { rows } = await read('Trend export,,\nBuilding: North\n\nTimestamp,Fan,Valve\n28-Aug-2007 1:00:00 PM EDT,1,40\n')
    expect(rows).toEqual([[0, { fan: 1, valve: 40 }]])
  })

  it('a date that is not in the first column', async () => {
    const { rows } = await read('a,date,b\n1,2020-01-01,2\n3,2020-01-02,4\n')
    expect(rows[1]).toEqual([1440, { a: 3, b: 4 }])
  })

  it('a file without a heading, and two columns of one name', async () => {
    expect((await read('2020-01-01 00:00,5,6\n')).rows).toEqual([[0, { 'column-2': 5, 'column-3': 6 }]])
    expect((await read('t,a,A ,°\n2020-01-01 00:00,5,6,7\n')).rows).toEqual([[0, { a: 5, 'a-2': 6, 'column-4': 7 }]])
  })

  it('days before months where the dates show it', async () => {
    const { rows } = await read('t,a\n11/3/2017 23:59,1\n12/3/2017 0:00,2\n')
    expect(rows.map(([minutes]) => minutes)).toEqual([0, 1])
  })

  it('numbers in all their forms, and passes over and counts what is none', async () => {
    const { rows, trace } = await read(
      't,a,b,c,d,e,f,g\n2020-01-01 00:00,#VALUE!,,NaN,Infinity,off,"1,234.5",8.05E-05\n2020-01-01 00:01,1,2\n2020-01-01 00:02,1,2,3,4,5,6,7,8,9\n'
    )
    expect(rows).toEqual([
      [0, { f: 1234.5, g: 8.05e-5 }],
      [1, { a: 1, b: 2 }],
      [2, { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7 }]
    ])
    expect(trace.report).toMatchObject({ rows: 3, values: 11, emptyCells: 1 + 5, otherCells: 4 + 2 })
  })

  it('on after dates that can not be read, and tells their lines', async () => {
    const { rows, trace } = await read('t,a\n31/31/2020,1\n2020-01-01 00:00,2\n\nnever,3\n2020-01-01 00:01,4\n,5\n')
    expect(rows).toEqual([
      [0, { a: 2 }],
      [1, { a: 4 }]
    ])
    expect(trace.report).toMatchObject({
      undatedRows: 3,
      problems: [
        { line: 2, reason: '"31/31/2020" is no date' },
        { line: 5, reason: '"never" is no date' },
        { line: 7, reason: '"" is no date' }
      ]
    })
  })

  it('on forward when dates go back', async () => {
    const { rows, trace } = await read('t,a\n11/4/2018 1:58,1\n11/4/2018 1:59,2\n11/4/2018 1:00,3\n11/4/2018 1:01,4\n')
    expect(rows.map(([minutes]) => minutes)).toEqual([0, 1, 2, 3])
    expect(trace.report.backwards).toBe(1)
  })

  it('more rows than it looks ahead, in order and each once, and again from the start', async () => {
    const lines = Array.from(
      { length: 7_000 },
      (_, i) =>
        `2020-01-${String(1 + Math.floor(i / 1440)).padStart(2, '0')} ${Math.floor((i % 1440) / 60)}:${String(i % 60).padStart(2, '0')},${i}`
    )
    const trace = await traceOf(`t,a\n${lines.join('\n')}\n`)
    const expected = Array.from({ length: 7_000 }, (_, i) => [i * 60_000, i])
    expect((await rowsOf(trace)).map(({ atMs, values }) => [atMs, values[0]?.value])).toEqual(expected)
    expect((await rowsOf(trace)).length).toBe(7_000)
    expect(trace.report.rows).toBe(7_000)
    let taken = 0
    for await (const row of trace) {
      taken += row.values.length
      if (taken === 10) break // closes the file
    }
    expect(trace.report.rows).toBe(10)
  })

  it('keeps the first hundred problems', async () => {
    const { trace } = await read(`t,a\n2020-01-01,1\n${'x,1\n'.repeat(500)}`)
    expect(trace.report.undatedRows).toBe(500)
    expect(trace.report.problems.length).toBe(100)
  })
})

describe('openTrace fails with', () => {
  it.each([
    ['', 'TRACE_EMPTY'],
    ['\n\n', 'TRACE_EMPTY'],
    ['Datetime,Temperature\n', 'TRACE_EMPTY'],
    ['name,value\nfan,5\nvalve,6\n', 'TRACE_NO_DATE'],
    ['a,b\n1,2\n', 'TRACE_NO_DATE'],
    ['t,a\n2020-01-01,"1\n2020', 'TRACE_UNREADABLE'],
    [`t,a\n2020-01-01,${'9'.repeat(2 * 1024 * 1024)}\n`, 'TRACE_UNREADABLE']
  ])('%j: %s', async (content, code) => {
    expect(await failure(await traceOf(content))).toMatchObject({ code })
  })

  it('TRACE_UNREADABLE for no file and for a folder', async () => {
    expect(await failure(openTrace(join(folder, 'missing.csv')))).toMatchObject({
      code: 'TRACE_UNREADABLE',
      cause: { code: 'ENOENT' }
    })
    expect(await failure(openTrace(folder))).toMatchObject({ code: 'TRACE_UNREADABLE' })
  })

  it('TRACE_UNREADABLE or no data, never a hang or a crash, for random bytes', async () => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7919 + (i >> 3) * 104729) & 0xff)
    expect(await failure(await traceOf(bytes))).toMatchObject({ code: expect.stringMatching(/^TRACE_/) as string })
  })
})

describe('slugify', () => {
  it.each([
    ['AHU: Supply Air Temperature ', 'ahu-supply-air-temperature'],
    ['  CO2 (ppm) ', 'co2-ppm'],
    ['Zürich – Réseau', 'zurich-reseau'],
    ['室温', ''],
    ['--', ''],
    [`${'a'.repeat(99)} b`, 'a'.repeat(99)]
  ])('%j: %j', (heading, slug) => {
    expect(slugify(heading)).toBe(slug)
  })
})
