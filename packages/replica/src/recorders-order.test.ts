/** Conflicts and heal reports of one instant are shown alike by every replica, in whatever order it came to know their recorders. */
import { expect, it } from 'vitest'
import { hlcFromMs, ManualClock, nodeId, seededRandom, TrustedClock, type Value } from '@selvedge/core'
import { RegisterTable } from '@selvedge/documents'
import { ConflictLog } from './conflict-log.js'
import { readHeals } from './heal-reports.js'

const atMs = Date.UTC(2026, 0, 1)

function newTable(node: string): RegisterTable {
  const trusted = new TrustedClock(new ManualClock(atMs), 300_000)
  return new RegisterTable({ node: nodeId(node), trusted, random: seededRandom(node.charCodeAt(0)) })
}

/** A replica that got the registers of the others, in the order given. */
function readerOf(...recorders: RegisterTable[]): RegisterTable {
  const reader = newTable('reader')
  for (const recorder of recorders)
    for (const { path, slot, value, time, writer, seq, quality, expiresAtMs, batch } of recorder.all())
      reader.merge({ path, slot, value, time, writer: reader.writer(writer.key), seq, quality, expiresAtMs, batch }, 1)
  return reader
}

const side = (seq: number): Record<string, Value> => ({
  deleted: false,
  value: seq,
  time: hlcFromMs(atMs),
  writer: 'a~1',
  seq,
  quality: 0
})

function recorderOf(node: string): RegisterTable {
  const table = newTable(node)
  for (const [i, seq] of [3, 1, 2].entries()) {
    const conflict = {
      path: `p/${seq}`,
      slot: '',
      loser: side(seq),
      winner: side(9),
      seenAtMs: atMs,
      seenBy: node,
      valueLeftOut: false
    }
    table.set(`@conflict/${node}/${i}`, conflict)
    const heal = { by: node, peer: 'relay', peerRole: 'relay', atMs, durationMs: i, apartMs: null, registersReceived: 1 }
    const counts = { registersApplied: 1, registersSent: 1, conflicts: 0, documents: [], returned: [], dropped: 0 }
    table.set(`@heal/${node}/${i}`, { ...heal, ...counts })
  }
  table.set(`@conflict/${node}`, 3)
  table.set(`@heal/${node}`, 3)
  return table
}

it('conflicts and heal reports of one instant are in one order, and of one recorder', () => {
  const [b, c] = [recorderOf('b'), recorderOf('c')]
  const [one, other] = [readerOf(b, c), readerOf(c, b)]
  const conflicts = [one, other].map(table => new ConflictLog(table).newest().map(({ seenBy, loser }) => [seenBy, loser.seq]))
  expect(conflicts[0]).toEqual([
    ['b', 3],
    ['b', 2],
    ['b', 1]
  ])
  expect(conflicts[1]).toEqual(conflicts[0])
  const heals = [one, other].map(table => readHeals(table).map(({ by, durationMs }) => [by, durationMs]))
  // Of one recorder the newest first.
  expect(heals[0]).toEqual([
    ['b', 2],
    ['b', 1],
    ['b', 0],
    ['c', 2],
    ['c', 1],
    ['c', 0]
  ])
  expect(heals[1]).toEqual(heals[0])
})
