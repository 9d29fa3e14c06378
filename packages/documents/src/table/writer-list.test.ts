import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSelvedgeError, nodeId, seededRandom } from '@selvedge/core'
import { hlcAt, writerKey } from '../testing/table-kit.js'
import { DueQueue } from './due-queue.js'
import { Register, WriterLog } from './register.js'
import { checkWriterKey, isWriterKey, makeWriterKey } from './writer-key.js'

function register(log: WriterLog, seq: number): Register {
  return new Register(`p/${seq}`, '', { value: 1, time: seq, writer: log, seq, quality: 0, expiresAtMs: 0, batch: 0 })
}

function seqsOf(log: WriterLog): number[] {
  const seqs: number[] = []
  for (let at = log.newest; at; at = at.older) {
    if (at.older) expect(at.older.newer).toBe(at)
    else expect(at.seq).toBe(Math.min(at.seq, ...seqs))
    seqs.push(at.seq)
  }
  expect(log.newest?.newer).toBeUndefined()
  return seqs.reverse()
}

describe('REG-4 a writer list', () => {
  it('is sorted by seq whatever the order of arrivals and leavings', () => {
    // Runs upwards from anywhere, as a resumed session sends them, single stragglers, and removals, of the hint too.
    const step = fc.oneof(
      fc.record({ from: fc.integer({ min: 1, max: 400 }), count: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ remove: fc.nat(1_000) })
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const log = new WriterLog(writerKey('b'))
        const held = new Map<number, Register>()
        for (const action of steps) {
          if ('remove' in action) {
            const gone = [...held.values()][action.remove % Math.max(1, held.size)]
            if (!gone) continue
            log.remove(gone)
            held.delete(gone.seq)
          } else
            for (let seq = action.from; seq < action.from + action.count; seq++) {
              if (held.has(seq)) continue
              held.set(seq, register(log, seq))
              log.insert(held.get(seq)!)
            }
          expect(seqsOf(log)).toEqual([...held.keys()].sort((a, b) => a - b))
        }
      }),
      { numRuns: 500 }
    )
  })

  it('takes a run of arrivals in the middle in steps of one, not by a walk from the tail', () => {
    const log = new WriterLog(writerKey('b'))
    let reads = 0
    const counted = (seq: number): Register => {
      const made = register(log, seq)
      Object.defineProperty(made, 'seq', { get: () => (reads++, seq) })
      return made
    }
    for (let seq = 10_001; seq <= 20_000; seq++) log.insert(counted(seq))
    reads = 0
    for (let seq = 1; seq <= 10_000; seq++) log.insert(counted(seq))
    expect(reads).toBeLessThan(10_000 * 12)
    expect(seqsOf(log)).toHaveLength(20_000)
  })
})

describe('REG-6 writer keys', () => {
  it('sort by node, then by creation, and are refused when they are not what a table makes', () => {
    const made = makeWriterKey(nodeId('b'), hlcAt(0), seededRandom(1))
    expect(checkWriterKey(made)).toBe(made)
    expect(writerKey('b', 0) < writerKey('b', 1)).toBe(true)
    for (const bad of [
      '',
      'b',
      '~',
      `~${'1'.repeat(22)}`,
      'b~1',
      `b/c~${'1'.repeat(22)}`,
      `b~${'0'.repeat(22)}`,
      `b~${'f'.repeat(22)}`,
      `${made}0`,
      `${made}\n`
    ]) {
      expect(isWriterKey(bad), JSON.stringify(bad)).toBe(false)
      expect(() => checkWriterKey(bad)).toThrow(expect.objectContaining({ code: 'ID_INVALID' }))
    }
  })

  it('that pass the check are read by a writer log, whatever they are', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{1,64}~[0-9a-f]{22}$/), key => {
        if (!isWriterKey(key)) return
        const log = new WriterLog(key)
        expect(nodeId(log.node)).toBe(key.slice(0, key.indexOf('~')))
        expect(Number.isSafeInteger(log.createdAt)).toBe(true)
      })
    )
    expect(() => checkWriterKey('no key')).toThrow(expect.toSatisfy(isSelvedgeError))
  })
})

describe('REG-10 the due queue', () => {
  it('gives what is due in order, whatever the order of pushing', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100), { maxLength: 60 }), fc.nat(100), (dues, nowMs) => {
        const queue = new DueQueue<number>()
        dues.forEach((dueMs, i) => queue.push(dueMs, i))
        const order = [...dues].sort((a, b) => a - b)
        expect(queue.peekMs()).toBe(order[0])
        const popped: number[] = []
        for (let next = queue.popDue(nowMs); next; next = queue.popDue(nowMs)) {
          expect(dues[next.item]).toBe(next.dueMs)
          popped.push(next.dueMs)
        }
        expect(popped).toEqual(order.filter(dueMs => dueMs <= nowMs))
        expect(queue.size).toBe(dues.length - popped.length)
        queue.retain((_, dueMs) => dueMs % 2 === 0)
        expect(queue.peekMs()).toBe(order.find(dueMs => dueMs > nowMs && dueMs % 2 === 0))
      })
    )
  })
})
