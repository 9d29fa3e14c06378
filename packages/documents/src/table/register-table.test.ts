/** Every index of a table agrees with its registers after anything was done to it; and examples of writing, deltas and coverage. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeId, seededRandom } from '@selvedge/core'
import { draftArbitrary, entryOfDraft } from '../testing/entry-arbitraries.js'
import {
  contents,
  dotsOf,
  entryAs,
  entryFor,
  hashFromScratch,
  peerView,
  tableKit,
  tableProblem,
  vectorOf,
  writerKey,
  type TableKit
} from '../testing/table-kit.js'
import { Register } from './register.js'
import { RegisterTable } from './register-table.js'
import { PeerView } from './version-vector.js'

const b = writerKey('b')
const c = writerKey('c')

type Step = readonly [op: string, number, number]
const ops = [
  'set',
  'set',
  'set',
  'expiring',
  'delete',
  'batch',
  'merge',
  'merge',
  'seal',
  'time',
  'time',
  'jump',
  'discard',
  'release',
  'renew',
  'collect',
  'unheld',
  'close',
  'hash',
  'freeze',
  'forget'
]

/** Does one step of a random life, with two numbers to choose by. */
function take({ table, clock }: TableKit, [op, x, y]: Step, merge: () => void): void {
  const path = `p/${x % 3}`
  const slot = y % 4 === 0 ? 's' : ''
  const writers = [...table.writers.values()]
  const writer = writers[x % Math.max(1, writers.length)]
  const shadow = [...table.shadows.values()][x % Math.max(1, table.shadows.size)]
  switch (op) {
    case 'set':
      return void table.set(path, y, { slot, quality: 'uncertain' })
    case 'expiring':
      return void table.set(path, y, { slot, expiresAtMs: clock.wallMs() + 1 + (y % 900) })
    case 'delete':
      return void table.delete(path, slot)
    case 'batch':
      return table.batch(() => (void table.set(path, x), void table.set(`${path}/b`, y)))
    case 'merge':
      return merge()
    case 'seal':
      return void (writer && writer.key !== table.ownWriterKey && table.seal(vectorOf({ [writer.key]: y % 50 })))
    case 'time':
      clock.advance(y * 400)
      return table.advance()
    case 'jump':
      clock.jumpWall((y - 500) * 2_000)
      return table.advance()
    case 'discard':
      return void (shadow && table.discardShadow(shadow.path, shadow.slot))
    case 'release':
      return void (shadow && table.releaseShadow(shadow.path, shadow.slot))
    case 'renew':
      return table.renewIncarnation()
    case 'collect':
      return void table.collect(register => (register.seq + x) % 2 === 0)
    case 'unheld':
      return void table.dropUnheld(
        new Set([...table.heldNames()].filter((_, i) => (i + x) % 3 > 0)),
        writer ? peerView(table, { [writer.key]: y % 50 }) : new PeerView()
      )
    case 'close':
      return void (writer && y % 5 === 0 && table.close(writer.node, writer.createdAt))
    case 'forget':
      return void (y % 10 === 0 && table.forgetCoverage())
    default:
      return void table.hash()
  }
}

const steps = fc.array(fc.tuple(fc.constantFrom(...ops), fc.nat(999), fc.nat(999)), { maxLength: 60 })

describe('REG-3 REG-4 REG-5 REG-14 REG-16 a table, whatever is done to it', () => {
  it('keeps writer lists, change list, hash, counts, dots and what is owed in step with its registers', () => {
    fc.assert(
      fc.property(steps, fc.array(draftArbitrary(), { minLength: 60, maxLength: 60 }), (life, drafts) => {
        const kit = tableKit()
        life.forEach((step, i) => take(kit, step, () => kit.table.merge(entryOfDraft(kit.table, drafts[i]!), 1)))
        const peer = peerView(kit.table, { [b]: 9, [kit.table.ownWriterKey ?? c]: 2 })
        peer.addHave(kit.table.writer(c), [
          [3, 2],
          [9, 4]
        ])
        expect(tableProblem(kit.table, peer, vectorOf({ [b]: 9, [c]: 20 }))).toBeUndefined()
      }),
      { numRuns: 1_500 }
    )
  })

  it('REG-14 gives the frozen hash of any address set as it was, while it changes', () => {
    const chosen = fc.subarray(['p/1', 'p/2', 'p/2\u0000s', 'p/3\u0000t', 'p/0', 'p/0\u0000s', 'none'])
    fc.assert(
      fc.property(
        steps,
        steps,
        fc.array(draftArbitrary(), { minLength: 60, maxLength: 60 }),
        chosen,
        (before, after, drafts, addresses) => {
          const kit = tableKit()
          const { table } = kit
          before.forEach((step, i) => take(kit, step, () => table.merge(entryOfDraft(table, drafts[i]!), 1)))
          const frozen = table.freezeHash()
          const then = hashFromScratch(table, new Set(addresses))
          expect(frozen.without(addresses)).toEqual(then)
          expect(table.hashWithout(addresses)).toEqual(then)
          after.forEach((step, i) => take(kit, step, () => table.merge(entryOfDraft(table, drafts[59 - i]!), 1)))
          frozen.release()
          expect(frozen.without(addresses)).toEqual(then)
          expect(frozen.without([...addresses, ...addresses])).toEqual(then)
        }
      ),
      { numRuns: 1_000 }
    )
  })

  it('REG-17 is the same table after a restart, in whatever order its registers come from the store', () => {
    fc.assert(
      fc.property(steps, fc.array(draftArbitrary(), { minLength: 60, maxLength: 60 }), fc.nat(), (life, drafts, turn) => {
        const kit = tableKit()
        life.forEach((step, i) => take(kit, step, () => kit.table.merge(entryOfDraft(kit.table, drafts[i]!), 1)))
        const held = [...kit.table.all(), ...kit.table.shadows.values()]
        const turned = held
          .map((_, i) => held[(i * 7 + turn) % held.length]!)
          .filter((register, i, all) => all.indexOf(register) === i)
        const rest = held.filter(register => !turned.includes(register))
        const loaded = new RegisterTable({ node: kit.table.node, trusted: kit.table.trusted, random: seededRandom(2) })
        loaded.beginLoad().all([...turned, ...rest].map(register => copyInto(loaded, register)))
        loaded.seal(kit.table.vector())
        expect(contents(loaded)).toEqual(contents(kit.table))
        expect(loaded.hash()).toEqual(kit.table.hash())
        const peer = peerView(loaded, { [b]: 9 })
        expect(tableProblem(loaded, peer, vectorOf({ [c]: 20 }))).toBeUndefined()
        kit.clock.advance(10_000_000)
        for (const table of [kit.table, loaded]) for (let i = 0; i < 3; i++) table.advance()
        expect(contents(loaded)).toEqual(contents(kit.table))
      }),
      { numRuns: 500 }
    )
  })
})

function copyInto(table: RegisterTable, from: Register): Register {
  const register = new Register(from.path, from.slot, entryAs(table, from))
  register.shadow = from.shadow
  return register
}

describe('REG-17 loading', () => {
  it('takes the last form of a place, and leaves out a shadow that its register has overtaken', () => {
    const { table } = tableKit()
    const make = (value: number, atMs: number, seq: number, shadow = false): Register => {
      const entry = entryFor(table, { value, atMs, seq, writer: b })
      const register = new Register(entry.path, entry.slot, entry)
      register.shadow = shadow
      return register
    }
    table.beginLoad().all([make(1, 1, 1), make(3, 20, 3, true), make(2, 20, 3)])
    expect(table.get('p')?.value).toBe(2)
    expect([table.size, table.live, table.shadows.size]).toEqual([1, 1, 0])
    expect(table.vector().seqs.size).toBe(0)
    expect(dotsOf(table.have())).toEqual({ [b]: [3] })
    expect(table.hlc.last).toBeGreaterThanOrEqual(table.get('p')!.time)
  })

  it('is for a table not yet used', () => {
    const { table } = tableKit()
    table.set('p', 1)
    expect(() => table.beginLoad().all([])).toThrow('loaded once')
  })
})

describe('REG-3 writing here', () => {
  it('gives every write a later stamp and the next seq', () => {
    const { table } = tableKit()
    const first = table.set('p', 1, { quality: 'bad' })
    const second = table.delete('p')
    expect(second).toEqual({ writer: first.writer, seq: 2, shadowed: false })
    expect(table.get('p')).toBeUndefined()
    expect(table.peek('p')?.tombstone).toBe(true)
    expect(table.vector().seqs.get(first.writer)).toBe(2)
    expect([table.live, table.size]).toEqual([0, 1])
  })

  it('marks the writes of a batch, nested ones too, with the seq of its first', () => {
    const { table } = tableKit()
    table.set('before', 0)
    table.batch(() => {
      table.set('p/1', 1)
      table.batch(() => table.set('p/2', 2))
    })
    table.set('after', 0)
    expect(['before', 'p/1', 'p/2', 'after'].map(path => table.peek(path)?.batch)).toEqual([0, 2, 2, 0])
    expect(() =>
      table.batch(() => {
        throw new Error('in a batch')
      })
    ).toThrow('in a batch')
    table.set('after', 1)
    expect(table.peek('after')?.batch).toBe(0)
  })

  it('reads the slots of a path apart from its plain register', () => {
    const { table } = tableKit()
    table.set('p', 'plain')
    table.set('p', 1, { slot: 'x' })
    table.set('p', 2, { slot: 'y' })
    table.delete('p', 'y')
    expect([...table.slots('p')].map(register => register.slot)).toEqual(['x'])
    expect([...table.slots('q')]).toEqual([])
  })
})

describe('REG-5 coverage', () => {
  it('moves by a seal alone; what came before it is told as exact dots', () => {
    const { table } = tableKit()
    for (const seq of [7, 3, 4, 9]) table.merge(entryFor(table, { path: `p/${seq}`, writer: b, seq }), 1)
    expect(table.vector().seqs.size).toBe(0)
    expect(dotsOf(table.have())).toEqual({ [b]: [3, 4, 7, 9] })
    expect(table.have()[0]?.runs).toEqual([
      [3, 2],
      [7, 1],
      [9, 1]
    ])
    table.seal(vectorOf({ [b]: 7 }))
    expect(dotsOf(table.have())).toEqual({ [b]: [9] })
    table.seal(vectorOf({ [b]: 5 }))
    expect(table.vector().seqs.get(b)).toBe(7)
  })

  it('owes a peer what it neither covers nor has, by seq upwards, each register in its current form', () => {
    const { table } = tableKit()
    for (let seq = 1; seq <= 6; seq++) table.merge(entryFor(table, { path: `p/${seq % 4}`, writer: b, seq, atMs: seq }), 1)
    const peer = peerView(table, { [b]: 2 })
    peer.addHave(table.writer(b), [[4, 1]])
    expect(table.owedTo(peer).map(register => register.seq)).toEqual([3, 5, 6])
  })

  it('rises in version whenever the vector does, and not else', () => {
    const { table } = tableKit()
    const version = table.vectorVersion
    table.merge(entryFor(table, { writer: b, seq: 1 }), 1)
    table.seal(vectorOf({ [b]: 0 }))
    expect(table.vectorVersion).toBe(version)
    table.seal(vectorOf({ [b]: 1 }))
    expect(table.vectorVersion).toBeGreaterThan(version)
  })

  it('is forgotten after a loss: registers stay and become dots', () => {
    const { table } = tableKit()
    const own = table.set('p', 1).writer
    table.merge(entryFor(table, { path: 'q', writer: b, seq: 4 }), 1)
    table.seal(vectorOf({ [b]: 4 }))
    table.raiseFloor(b, 2)
    table.close(nodeId('d'), 1)
    table.forgetCoverage()
    expect(table.vector()).toEqual(vectorOf({}))
    expect(table.floors().size).toBe(0)
    expect(dotsOf(table.have())).toEqual({ [own]: [1], [b]: [4] })
    expect(table.set('p', 2).writer).not.toBe(own)
  })
})

describe('REG-16 changes', () => {
  it('stand in the list once each, by their latest', () => {
    const { table, changed } = tableKit()
    table.set('p/1', 1)
    table.set('p/2', 1)
    const seen = table.changeIndex
    table.set('p/3', 1)
    table.set('p/1', 2)
    table.set('p/3', 2)
    expect(table.changedSince(seen).map(register => register.path)).toEqual(['p/1', 'p/3'])
    expect(table.changedSince(table.changeIndex)).toEqual([])
    expect(changed).toEqual(['p/1', 'p/2', 'p/3', 'p/1', 'p/3'])
  })
})
