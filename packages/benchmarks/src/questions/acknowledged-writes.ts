/**
 * How many writes a second does a node acknowledge as fsynced, with 1,000 in flight? Each of 1,000 tasks sets a point of the public
 * API and awaits `durable('local')` before its next. Beside it: a Level database that puts the same paths and values with `sync:
 * true` in batches of 100, as many batches in flight as suit it best. A second row: one task alone, beside one put at a time.
 */
import { encodeValue } from '@selvedge/core'
import type { Site } from '@selvedge/site'
import { Level } from 'level'
import { join } from 'node:path'
import { fileSystem, withDirectory } from '../data-directory.js'
import { openLoneSite } from '../lone-site.js'
import { figure, row, type Bench, type Row } from '../row.js'
import { interleaved } from '../sample.js'

const pointCount = 10_000
const inFlight = 1_000
const batchPuts = 100
const paths = Array.from({ length: pointCount }, (_, i) => `ahu/${i % 100}/sensor-${Math.floor(i / 100)}/value`)
const valueOf = (i: number): number => (i % 9_973) / 10

type Database = Level<string, Uint8Array>

/** Runs `tasks` at once, each doing `once` again and again until `durationMs` have passed; gives what they did a second. */
async function rate(tasks: number, durationMs: number, once: () => Promise<number>): Promise<number> {
  let done = 0
  const start = performance.now()
  const end = start + durationMs
  await Promise.all(
    Array.from({ length: tasks }, async () => {
      while (performance.now() < end) {
        const count = await once()
        done += count
      }
    })
  )
  return done / ((performance.now() - start) / 1e3)
}

function ours(site: Site, tasks: number, durationMs: number): Promise<number> {
  let i = 0
  return rate(tasks, durationMs, async () => {
    const at = i++
    await site.points.set(paths[(at * 7_919) % pointCount]!, valueOf(at)).durable('local')
    return 1
  })
}

function level(database: Database, batches: number, puts: number, durationMs: number): Promise<number> {
  let i = 0
  return rate(batches, durationMs, async () => {
    const operations = Array.from({ length: puts }, () => {
      const at = i++
      return { type: 'put' as const, key: paths[(at * 7_919) % pointCount]!, value: encodeValue(valueOf(at)) }
    })
    await database.batch(operations, { sync: true })
    return puts
  })
}

/** How many batches in flight give Level its best. */
async function bestBatches(database: Database, durationMs: number): Promise<number> {
  let best = { batches: 1, rate: 0 }
  for (let round = 0; round < 2; round++)
    for (const batches of [1, 2, 4, 10, 20, 40]) {
      const measured = await level(database, batches, batchPuts, durationMs)
      if (round > 0 && measured > best.rate) best = { batches, rate: measured }
    }
  return best.batches
}

export function run(bench: Bench): Promise<Row[]> {
  return withDirectory(async directory => {
    const database: Database = new Level(join(directory, 'level'), { valueEncoding: 'view' })
    const site = await openLoneSite(join(directory, 'site'))
    try {
      return await measure(bench, site, database)
    } finally {
      await site.close()
      await database.close()
    }
  })
}

async function measure(bench: Bench, site: Site, database: Database): Promise<Row[]> {
  const durationMs = bench.quick ? 200 : 1_500
  const rounds = bench.quick ? 2 : 9
  bench.progress('looking for what suits Level best')
  const batches = await bestBatches(database, durationMs / 4)
  bench.progress(`${inFlight} in flight`)
  const many = await interleaved(rounds, {
    ours: () => ours(site, inFlight, durationMs),
    level: () => level(database, batches, batchPuts, durationMs)
  })
  bench.progress('one in flight')
  const one = await interleaved(rounds, {
    ours: () => ours(site, 1, durationMs / 2),
    level: () => level(database, 1, 1, durationMs / 2)
  })
  const disk = `${await fileSystem()}; 10,000 points, a number each; node with a store and no peers`
  const manyRow = row(
    bench,
    {
      title: 'acknowledged fsynced writes, 1,000 in flight',
      ours: figure('selvedge', '/s', many.ours),
      beside: [figure('Level, sync, batches of 100', '/s', many.level)],
      conditions: `${disk}; Level at its best of 1, 2, 4, 10, 20 and 40 batches in flight: ${batches}`
    },
    { atLeast: 1.5, times: 'Level' }
  )
  return [
    manyRow.reached ? manyRow : { ...manyRow, note },
    row(
      bench,
      {
        title: 'acknowledged fsynced writes, one after the other',
        ours: figure('selvedge', '/s', one.ours),
        beside: [figure('Level, sync, one put', '/s', one.level)],
        conditions: disk
      },
      { atLeast: 0.5, times: 'Level' }
    )
  ]
}

/** What the profile shows, for the row of many in flight when it is not reached. */
const note =
  'All 1,000 tasks are acknowledged by one flush, write again in one turn, and wait for the next: a node that has the disk for itself ' +
  'computes for most of the time; where others sync too, it waits for the disk for a third of it and more, while Level fills one ' +
  'batch as it syncs another. A write takes about half the CPU of a put in a batch (4.4 µs to 8 µs on a busy machine). Of it the ' +
  'log record takes 20 % (paths half of that), the tasks themselves 14 % and 640 of 900 bytes of garbage, the collector 10 %, the ' +
  'look-up of the path 8 %, the rest of the write in memory 9 %, the hand-over to Level 9 %. Flushing while the other half of ' +
  'the tasks writes would hide the shorter of the two; where a sync takes longer than 1,000 writes compute it would halve what a ' +
  'sync stores, so it would have to follow the measured time of a sync.'
