/** The rules by which an exile and a merge are judged see what breaks them. */
import { describe, expect, it } from 'vitest'
import { reportProblems } from './cuts.js'
import { growthProblems, type ExileRow } from './exile.js'
import type { Heal } from './process/protocol.js'

const row: ExileRow = {
  days: 1,
  writes: 1_000,
  heapMiB: 20,
  logMiB: 2,
  diskMiB: 20,
  backlog: 10_000,
  registers: 10_000,
  merge: { bytes: 200_000, bytesPerPoint: 20, ms: 5, conflicts: 1 }
}

describe('an exile', () => {
  it('of thirty times the writes may not keep or send notably more', () => {
    expect(growthProblems([row, { ...row, days: 30, heapMiB: 25, logMiB: 3.9, diskMiB: 50, backlog: 10_400 }])).toEqual([])
    const growing: Partial<ExileRow>[] = [
      { heapMiB: 30 },
      { logMiB: 4.1 },
      { diskMiB: 60 },
      { backlog: 20_000 },
      { merge: { ...row.merge!, bytes: 900_000 } },
      { merge: { ...row.merge!, bytesPerPoint: 90 } }
    ]
    for (const change of growing) expect(growthProblems([row, { ...row, days: 30, ...change }])).toHaveLength(1)
  })
})

describe('a heal report', () => {
  const heal: Heal = {
    by: 'n1',
    peerRole: 'relay',
    atMs: 1,
    registersReceived: 10,
    registersApplied: 8,
    registersSent: 5,
    conflicts: 1,
    loserPaths: ['s/1']
  }

  it('must be there after a merge, and be plausible', () => {
    expect(reportProblems([heal], true, { registers: 100 })).toEqual([])
    expect(reportProblems([], false, { registers: 100 })).toEqual([])
    expect(reportProblems([], true, { registers: 100 })).toEqual(['the merge left no heal report'])
    const strange: Partial<Heal>[] = [
      { registersApplied: 11 },
      { registersReceived: 500 },
      { loserPaths: ['p/n1/1'] },
      { registersReceived: 0, registersApplied: 0, registersSent: 0, conflicts: 0, loserPaths: [] }
    ]
    for (const change of strange) expect(reportProblems([{ ...heal, ...change }], true, { registers: 100 })).toHaveLength(1)
  })
})
