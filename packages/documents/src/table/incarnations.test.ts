import { describe, expect, it } from 'vitest'
import { nodeId } from '@selvedge/core'
import { contents, entryAs, entryFor, peerView, tableKit, vectorOf, writerKey } from '../testing/table-kit.js'
import type { RegisterTable } from './register-table.js'

/** A table of the same node that holds and covers what `table` did: a restored backup, or a clone. */
function restored(table: RegisterTable, seed: number): RegisterTable {
  const other = tableKit('a', 300_000, seed).table
  for (const register of table.all()) other.merge(entryAs(other, register), 1)
  other.seal(table.vector())
  return other
}

describe('REG-6 no equivocation', () => {
  it('takes an incarnation at the first write, and a new one each life', () => {
    const kit = tableKit()
    expect(kit.table.ownWriterKey).toBeUndefined()
    const first = kit.table.set('p', 1).writer
    expect(kit.table.ownWriterKey).toBe(first)
    const again = restored(kit.table, 2)
    const second = again.set('p', 2)
    expect(second.writer > first).toBe(true)
    expect(second.seq).toBe(1)
    expect(again.vector().seqs.get(first)).toBe(1)
  })

  it('gets its own writes back after a restored backup, and covers them only once they are sealed to it', () => {
    const kit = tableKit()
    const peer = tableKit('b', 300_000, 5).table
    kit.table.set('p', 1)
    const backup = restored(kit.table, 2)
    kit.table.set('p', 2)
    kit.table.set('q', 1)
    for (const register of kit.table.all()) peer.merge(entryAs(peer, register), 1)
    peer.seal(kit.table.vector())
    const own = kit.table.ownWriterKey!
    const owed = peer.owedTo(peerView(peer, Object.fromEntries(backup.vector().seqs)))
    expect(owed.map(register => register.seq)).toEqual([2, 3])
    for (const register of owed) backup.merge(entryAs(backup, register), 1)
    expect(backup.vector().seqs.get(own)).toBe(1)
    backup.seal(peer.vector())
    expect(backup.vector().seqs.get(own)).toBe(3)
    expect(contents(backup)).toEqual(contents(peer))
  })

  for (const by of ['an entry', 'a seal'] as const)
    it(`raises an alarm and gives everything new dots when ${by} claims more than it wrote`, () => {
      const kit = tableKit()
      const { table } = kit
      table.set('p', 1)
      table.set('q', 2)
      table.delete('r')
      const own = table.ownWriterKey!
      const hash = table.hash()
      const times = [...table.all()].map(register => register.time)
      if (by === 'an entry') table.merge(entryFor(table, { path: 'clone', writer: own, seq: 7, atMs: 0 }), 1)
      else table.seal(vectorOf({ [own]: 7 }))
      expect(kit.alarms).toEqual([{ kind: 'equivocation', writer: own, claimedSeq: 7, ownSeq: 3 }])
      expect(table.ownWriterKey! > own).toBe(true)
      const mine = [...table.all()].filter(register => register.path !== 'clone')
      expect(mine.map(register => [register.writer.key, register.seq])).toEqual([1, 2, 3].map(seq => [table.ownWriterKey, seq]))
      expect(mine.map(register => register.time)).toEqual(times)
      if (by === 'a seal') {
        expect(table.hash()).toEqual(hash)
        expect(table.vector().seqs.get(own)).toBe(7)
      }
      expect(table.set('p', 3).seq).toBe(4)
    })

  it('lets the new dot of a write stay wherever both dots meet', () => {
    const kit = tableKit()
    const { table } = kit
    table.set('p', 1)
    const before = entryAs(table, table.peek('p')!)
    table.renewIncarnation()
    const after = entryAs(table, table.peek('p')!)
    for (const order of [
      [before, after],
      [after, before]
    ]) {
      const other = tableKit('o').table
      for (const register of order) other.merge(entryAs(other, register), 1)
      expect(other.peek('p')?.writer.key).toBe(table.ownWriterKey)
    }
  })

  it('writes anew what went ahead of a seal that a killed writer never sent, and nothing that is covered or not its own', () => {
    const kit = tableKit()
    const peer = tableKit('b', 300_000, 5).table
    kit.table.set('stored', 1)
    const killed = restored(kit.table, 2)
    kit.table.set('lost', 1)
    kit.table.set('ahead', 2)
    kit.table.delete('gone')
    const old = kit.table.ownWriterKey!
    for (const register of kit.table.all()) if (register.path !== 'lost') peer.merge(entryAs(peer, register), 1)
    peer.seal(vectorOf({ [old]: 1 }))
    peer.set('foreign', 1)
    for (const register of peer.all()) killed.merge(entryAs(killed, register), 1)
    killed.seal(vectorOf({ [old]: 1 }))
    const hash = peer.hash()
    expect(peer.adoptStrays()).toBe(0)
    expect(killed.adoptStrays()).toBe(2)
    expect(killed.adoptStrays()).toBe(0)
    const own = killed.ownWriterKey!
    expect(own > old).toBe(true)
    const written = [...killed.all()].map(({ path, writer, seq }) => [path, writer.key, seq])
    expect(written).toContainEqual(['stored', old, 1])
    expect(written).toContainEqual(['ahead', own, 1])
    expect(written).toContainEqual(['gone', own, 2])
    for (const register of killed.all()) peer.merge(entryAs(peer, register), 1)
    peer.seal(killed.vector())
    expect(peer.hash()).toEqual(hash)
    expect(peer.have().filter(({ writer }) => writer.node === killed.node)).toEqual([])
    expect([...killed.vector().seqs]).toEqual([
      [old, 1],
      [own, 2]
    ])
  })

  it('gives shadows new dots too, and nothing when it never wrote', () => {
    const kit = tableKit()
    kit.table.renewIncarnation()
    expect(kit.table.ownWriterKey).toBeUndefined()
    kit.clock.jumpWall(3_600_000)
    kit.table.set('p', 1)
    kit.clock.jumpWall(-3_600_000)
    kit.table.advance()
    kit.table.set('q', 1)
    const before = kit.table.ownWriterKey
    kit.table.seal(vectorOf({ [before!]: 9 }))
    expect(kit.table.peek('q')?.writer.key).toBe(kit.table.ownWriterKey)
    expect(kit.table.shadows.get('p')?.writer.key).not.toBe(before)
  })
})

describe('REG-7 the closed floor', () => {
  it('covers every incarnation made at or before it, and goes along with the vector', () => {
    const { table } = tableKit()
    const old = table.writer(writerKey('b', 0))
    const young = table.writer(writerKey('b', 5))
    table.merge(entryFor(table, { writer: old.key, seq: 3 }), 1)
    table.seal(vectorOf({ [old.key]: 3, [young.key]: 2 }))
    const version = table.vectorVersion
    table.close(nodeId('b'), old.createdAt)
    expect(table.vectorVersion).toBeGreaterThan(version)
    expect([table.covers(old, 999), table.covers(young, 2), table.covers(young, 3)]).toEqual([true, true, false])
    expect(table.vector().seqs).toEqual(new Map([[young.key, 2]]))
    expect(table.vector().closed).toEqual(new Map([['b', old.createdAt]]))
    expect(table.have()).toEqual([])
    const other = tableKit('o').table
    other.seal(table.vector())
    expect(other.covers(other.writer(old.key), 1)).toBe(true)
    table.close(nodeId('b'), old.createdAt - 1)
    expect(table.vector().closed.get(nodeId('b'))).toBe(old.createdAt)
  })

  it('gives a replica that finds its own incarnation closed new dots, above the floor even when its clock is below', () => {
    const kit = tableKit()
    const { table } = kit
    table.set('p', 1)
    const own = table.ownWriterKey!
    const farMs = 90 * 86_400_000
    const far = table.writer(writerKey('a', farMs)).createdAt
    table.seal({ seqs: new Map(), closed: new Map([[nodeId('a'), far]]) })
    expect(kit.alarms).toEqual([{ kind: 'incarnation-closed', writer: own }])
    const renewed = table.writer(table.ownWriterKey!)
    expect(renewed.createdAt).toBeGreaterThan(far)
    expect(table.isClosed(renewed)).toBe(false)
    expect(table.vector().seqs.get(renewed.key)).toBe(1)
    expect(table.set('p', 2).shadowed).toBe(false)
  })
})
