/**
 * How long until a node that is started anew can read all its points? A data directory written by the real runtime is opened in a
 * fresh process: every record verified, every register, vector and hash in place. Beside it: a bare Level database with the same
 * writes, opened and iterated from front to back, each value decoded into a Map: no checks, no writers' lists, nothing to sync from.
 */
import { join } from 'node:path'
import { startChild, type Child } from '../child.js'
import { directoryBytes, fileSystem, withDirectory } from '../data-directory.js'
import { figure, row, type Bench, type Row } from '../row.js'
import { interleaved } from '../sample.js'
import type { Opened, ReopenRequest } from './reopen-child.js'

const timesMax = 1.5

/** Shown when few points take longer; as a profile and marks between the steps of `openSite` tell it. */
const profiled =
  'of openSite with 10,000 points 3/5 goes to reading 15,000 stored forms into the table, 7 µs each, since a fresh process has compiled ' +
  'hardly anything of it; 1/5 to opening Level, checking its files and verifying every record; 1/14 to the control socket (finding out ' +
  'that the one of the process before is dead, and listening), 1/20 to key and roster, the rest to the other two spaces. None is ' +
  'waiting, and hardly any is loading of modules. Less would take compiled code that outlasts the process (a snapshot of Node), or fewer checks.'

async function inChild<T>(fn: (child: Child) => Promise<T>): Promise<T> {
  const child = startChild(new URL('./reopen-child.js', import.meta.url))
  try {
    return await fn(child)
  } finally {
    await child.end()
  }
}

export async function run(bench: Bench): Promise<Row[]> {
  const rows: Row[] = []
  for (const points of bench.quick ? [10_000] : [10_000, 1_000_000])
    rows.push(...(await withDirectory(at => reopen(bench, at, points))))
  return rows
}

async function reopen(bench: Bench, directory: string, points: number): Promise<Row[]> {
  const shown = points.toLocaleString('en')
  bench.progress(`${shown} points are written`)
  const site = { path: join(directory, 'site'), points }
  const killed = { path: join(directory, 'killed'), points }
  const level = { path: join(directory, 'level'), points }
  await inChild(child => child.ask('makeSite', { ...site, close: true }))
  await inChild(child => child.ask('makeSite', { ...killed, close: false }))
  await inChild(child => child.ask('makeLevel', level))
  const peaks: number[] = []
  const open = (name: string, request: ReopenRequest) => (): Promise<number> => {
    bench.progress(`${shown} points are opened: ${name}`)
    return inChild(async child => {
      const { ms, peakRssBytes } = await child.ask<Opened>(name, request)
      if (name === 'openSite') peaks.push(peakRssBytes)
      return ms
    })
  }
  const measured = await interleaved(bench.quick ? 2 : points > 100_000 ? 4 : 9, {
    site: open('openSite', site),
    level: open('openLevel', level),
    space: open('openSpace', site),
    killed: open('openSite', killed)
  })
  const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
  return [
    row(
      bench,
      {
        title: `reopen with ${shown} points`,
        ours: figure('openSite', 'ms', measured.site),
        beside: [
          figure('bare Level, iterated and decoded', 'ms', measured.level),
          figure('ours, store and space alone', 'ms', measured.space),
          figure('ours, after kill -9', 'ms', measured.killed)
        ],
        conditions:
          `${await fileSystem()}; each point written once and half of them again; files in the page cache; ${mib(await directoryBytes(site.path))} on disk, ` +
          `Level ${mib(await directoryBytes(level.path))}; peak RSS of ours ${mib(Math.max(...peaks))}`,
        ...(measured.site.median > timesMax * measured.level.median ? { note: profiled } : {})
      },
      { atMost: timesMax, times: 'Level' }
    )
  ]
}
