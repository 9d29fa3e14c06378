/** Registers of Selvedge's own that a member wrote by hand: nobody who reads them fails, and nothing of them spreads. */
import { expect, it } from 'vitest'
import { hlcFromMs, ManualClock, nodeId, seededRandom, TrustedClock, type Value } from '@selvedge/core'
import { RegisterTable } from '@selvedge/documents'
import { ConflictLog } from './conflict-log.js'
import { readHeals } from './heal-reports.js'

function tableWith(values: Readonly<Record<string, Value>>): RegisterTable {
  const table = new RegisterTable({
    node: nodeId('mallory'),
    trusted: new TrustedClock(new ManualClock(), 300_000),
    random: seededRandom(1)
  })
  for (const [path, value] of Object.entries(values)) table.set(path, value)
  return table
}

const side = { deleted: false, value: 1, time: hlcFromMs(Date.UTC(2026, 0, 1)), writer: 'a~1', seq: 1, quality: 0 }
const record = {
  path: 'p',
  slot: '',
  loser: side,
  winner: { ...side, seq: 2 },
  seenAtMs: 1,
  seenBy: 'a',
  valueLeftOut: false
}

it('a count of conflicts that is no number is none: the records speak for themselves', () => {
  const table = tableWith({ '@conflict/mallory/0': record, '@conflict/mallory': { toString: 1, valueOf: 1 } })
  expect(new ConflictLog(table).newest()).toHaveLength(1)
})

it('a conflict is read though the count is from before it: its own clock was wrong for a while', () => {
  const table = tableWith({
    '@conflict/mallory': 1,
    '@conflict/mallory/0': record,
    '@conflict/mallory/1': { ...record, loser: { ...side, seq: 2 } }
  })
  expect(new ConflictLog(table).newest()).toHaveLength(2)
})

it.each([
  { ...record, path: 'a//b' },
  { ...record, path: 'a\u0002' },
  { ...record, slot: '\u0001' },
  { ...record, slot: 'x'.repeat(200) },
  { ...record, loser: { ...side, time: 0.5 } }
])('a conflict that could not be restored is passed over (%#)', forged => {
  const table = tableWith({
    '@conflict/mallory': 2,
    '@conflict/mallory/0': forged,
    '@conflict/mallory/1': { ...record, slot: 's' }
  })
  expect(new ConflictLog(table).newest().map(({ slot }) => slot)).toEqual(['s'])
})

it.each(['by', 'peer', 'peerRole', 'documents', 'returned'])('a heal report with something else for %s is passed over', field => {
  const sound = {
    ...{ by: 'a', peer: 'b', peerRole: 'node', atMs: 1, durationMs: 1, apartMs: null, registersReceived: 1, registersApplied: 1 },
    ...{ registersSent: 1, conflicts: 0, documents: ['d'], returned: ['r'], dropped: 0 }
  }
  const table = tableWith({ '@heal/mallory/0': sound, '@heal/mallory/1': { ...sound, [field]: [1] } })
  expect(readHeals(table)).toHaveLength(1)
})
