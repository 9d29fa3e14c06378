import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { draftArbitrary, entryOfDraft, type Draft } from '../testing/entry-arbitraries.js'
import { contents, entryAs, entryFor, peerView, tableKit, writerKey } from '../testing/table-kit.js'
import { isNewer, type Register } from './register.js'
import type { RegisterTable } from './register-table.js'

const b = writerKey('b')
const later = writerKey('b', 1)
const c = writerKey('c')
const skewMs = 300_000

function tableOf(drafts: readonly Draft[]): RegisterTable {
  const { table } = tableKit()
  for (const draft of drafts) table.merge(entryOfDraft(table, draft), 1)
  return table
}

/** Merges everything that `from` holds, in its own order. */
function absorb(into: RegisterTable, from: RegisterTable): RegisterTable {
  for (const register of [...from.shadows.values(), ...from.all()]) into.merge(entryAs(into, register), 1)
  return into
}

describe('REG-1 the winner', () => {
  const { table } = tableKit()
  const entry = (writer: string, atMs: number, seq = 1, value: number | undefined = 1) =>
    entryFor(table, { writer, atMs, seq, value })

  it('is the later time, then the later writer, then the later dot, then the tombstone of one dot', () => {
    expect(isNewer(entry(b, 2), entry(c, 1))).toBe(true)
    expect(isNewer(entry(c, 1), entry(b, 1))).toBe(true)
    expect(isNewer(entry(later, 1), entry(b, 1, 9))).toBe(true)
    expect(isNewer(entry(b, 1, 2), entry(b, 1, 1))).toBe(true)
    expect(isNewer({ ...entry(b, 1), value: undefined }, entry(b, 1))).toBe(true)
  })

  it('is not newer than itself', () => {
    expect(isNewer(entry(b, 1), entry(b, 1))).toBe(false)
    expect(isNewer({ ...entry(b, 1), value: undefined }, { ...entry(b, 1), value: undefined })).toBe(false)
  })
})

describe('REG-2 merge', () => {
  it('says what became of an entry', () => {
    const { table } = tableKit()
    const write = (options: Parameters<typeof entryFor>[1]) => table.merge(entryFor(table, options), 1)
    expect(write({ writer: b, seq: 1, atMs: 10 })).toBe('applied')
    expect(write({ writer: b, seq: 1, atMs: 10 })).toBe('duplicate')
    expect(write({ writer: c, seq: 1, atMs: 9 })).toBe('lost')
    expect(write({ writer: c, seq: 2, atMs: skewMs + 2 })).toBe('shadowed')
    expect(write({ writer: c, seq: 2, atMs: skewMs + 2 })).toBe('duplicate')
    expect(write({ writer: c, seq: 1, atMs: skewMs + 1 })).toBe('lost')
    expect(table.get('p')?.writer.key).toBe(b)
  })

  it('REG-13 answers with the winner when the sender covers it, register or shadow', () => {
    const { table } = tableKit()
    table.merge(entryFor(table, { path: 'r', writer: b, seq: 5, atMs: 10, value: undefined }), 1)
    table.merge(entryFor(table, { path: 's', writer: b, seq: 6, atMs: skewMs + 10 }), 1)
    const stale = entryFor(table, { path: 'r', writer: c, seq: 1, atMs: 5 })
    const staleShadow = entryFor(table, { path: 's', writer: c, seq: 2, atMs: skewMs + 5 })
    expect(table.merge(stale, 1, peerView(table, { [b]: 4 }))).toBe('lost')
    expect(table.merge(stale, 1, peerView(table, { [b]: 6 }))).toBe('rebut')
    expect(table.merge(staleShadow, 1, peerView(table, { [b]: 6 }))).toBe('rebut')
    expect(table.winnerOver(stale)?.value).toBeUndefined()
    expect(table.winnerOver(staleShadow)?.shadow).toBe(true)
    expect(table.winnerOver(entryFor(table, { path: 'new' }))).toBeUndefined()
  })

  it('REG-15 tells of two different writes that meet, and not of one that comes twice', () => {
    const { table } = tableKit()
    const met: [Register['value'], unknown][] = []
    const contest = (mine: Register, entry: { value: unknown }) => void met.push([mine.value, entry.value])
    table.merge(entryFor(table, { writer: b, atMs: 2, value: 'old' }), 1, undefined, contest)
    table.merge(entryFor(table, { writer: b, atMs: 2, value: 'old' }), 1, undefined, contest)
    table.merge(entryFor(table, { writer: c, atMs: 3, value: 'new' }), 1, undefined, contest)
    table.merge(entryFor(table, { writer: c, seq: 2, atMs: 1, value: 'late' }), 1, undefined, contest)
    expect(met).toEqual([
      ['old', 'new'],
      ['new', 'late']
    ])
  })

  it('follows the stamps that it obeys, so that the next write here is later than all of them', () => {
    const { table } = tableKit()
    const entry = entryFor(table, { writer: b, atMs: skewMs, value: 'ahead' })
    table.merge(entry, 1)
    table.set('p', 'mine')
    expect(table.get('p')?.value).toBe('mine')
    expect(table.get('p')!.time).toBeGreaterThan(entry.time)
  })

  it('gives the same whatever the order, and however often an entry comes', () => {
    const drafts = fc.array(draftArbitrary(), { maxLength: 24 })
    fc.assert(
      fc.property(drafts, fc.infiniteStream(fc.nat()), (list, stream) => {
        const shuffled = [...list, ...list.filter((_, i) => i % 3 === 0)].map(draft => ({
          draft,
          at: stream.next().value as number
        }))
        shuffled.sort((x, y) => x.at - y.at)
        const one = tableOf(list)
        const other = tableOf(shuffled.map(({ draft }) => draft))
        expect(contents(other)).toEqual(contents(one))
        expect(other.hash()).toEqual(one.hash())
      }),
      { numRuns: 1_000 }
    )
  })

  it('gives the same however replicas merge one another', () => {
    const drafts = fc.array(draftArbitrary(), { maxLength: 12 })
    fc.assert(
      fc.property(drafts, drafts, drafts, (x, y, z) => {
        const left = absorb(absorb(tableOf(x), tableOf(y)), tableOf(z))
        const right = absorb(tableOf(x), absorb(tableOf(y), tableOf(z)))
        const back = absorb(tableOf(z), absorb(tableOf(y), tableOf(x)))
        expect(contents(right)).toEqual(contents(left))
        expect(contents(back)).toEqual(contents(left))
        expect(right.hash()).toEqual(left.hash())
        expect(contents(absorb(left, right))).toEqual(contents(right))
      }),
      { numRuns: 500 }
    )
  })
})
