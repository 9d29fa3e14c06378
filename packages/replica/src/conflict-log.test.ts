import { expect, it } from 'vitest'
import { hlcFromMs, ManualClock, nodeId, seededRandom, TrustedClock } from '@selvedge/core'
import { RegisterTable } from '@selvedge/documents'
import type { CatchUpReport, Conflict } from '@selvedge/session'
import { ConflictLog } from './conflict-log.js'
import { readHeals, recordHeal } from './heal-reports.js'

const clock = new ManualClock(Date.UTC(2026, 0, 1))

function tableOf(node: string, seed: number): RegisterTable {
  return new RegisterTable({ node: nodeId(node), trusted: new TrustedClock(clock, 300_000), random: seededRandom(seed) })
}

function conflictAt(path: string): Conflict {
  const side = { value: path, time: hlcFromMs(clock.wallMs()), writer: `other~${path}`, seq: 1, quality: 0 }
  return { path, slot: '', loser: side, winner: { ...side, seq: 2 } }
}

const catchUp: CatchUpReport = {
  peer: nodeId('there'),
  role: 'node',
  startedAtMs: 0,
  durationMs: 1,
  registersReceived: 0,
  registersApplied: 0,
  registersSent: 0,
  conflicts: 1,
  newestConflicts: [],
  documents: [],
  returned: [],
  dropped: 0
}

it('goes on behind what peers give back, when the disk is older than what it recorded', () => {
  const before = tableOf('here', 1)
  const recorded = new ConflictLog(before)
  recorded.record(conflictAt('a'))
  recorded.record(conflictAt('b'))

  // The machine starts with an old copy of its disk, which knows of no conflict, and a peer gives back what it has.
  const after = tableOf('here', 2)
  const log = new ConflictLog(after)
  for (const { path, slot, time, writer, seq, value, quality, expiresAtMs, batch } of before.all())
    after.merge({ path, slot, time, writer: after.writer(writer.key), seq, value, quality, expiresAtMs, batch }, 1)
  clock.advance(1_000)
  log.record(conflictAt('c'))

  expect(log.count).toBe(3)
  expect(
    log
      .newest()
      .map(({ path }) => path)
      .sort()
  ).toEqual(['a', 'b', 'c'])
})

it('names what a clock far ahead recorded, and records beside it once that is right', () => {
  const own = new ManualClock(clock.wallMs())
  const table = new RegisterTable({ node: nodeId('here'), trusted: new TrustedClock(own, 300_000), random: seededRandom(3) })
  const log = new ConflictLog(table)
  own.jumpWall(400 * 86_400_000)
  log.record(conflictAt('ahead'))
  recordHeal(table, catchUp, undefined)
  own.jumpWall(-400 * 86_400_000)
  table.advance()
  log.record(conflictAt('right'))
  recordHeal(table, catchUp, undefined)

  expect(table.shadows.size).toBeGreaterThan(0)
  expect(log.newest().map(({ path }) => path)).toEqual(['ahead', 'right'])
  expect(readHeals(table)).toHaveLength(2)
})
