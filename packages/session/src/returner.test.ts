/** A replica that comes back from below the GC floor: what it drops, what it keeps, and what is told of it (I6). */
import { describe, expect, it } from 'vitest'
import { seededRandom } from '@selvedge/core'
import { makeWriterKey, type WriterKey } from '@selvedge/documents'
import { copyEntry, hlcOf, TestWorld, type TestReplica } from './testing/harness.js'

/** `path` was written by the first replica, reached both, was deleted, and the delete was collected while the second was away. */
function returning(): { world: TestWorld; stayed: TestReplica; returner: TestReplica } {
  const world = new TestWorld(1, 2)
  const [stayed, returner] = world.replicas as [TestReplica, TestReplica]
  stayed.table.set('p/deleted', 1)
  stayed.table.set('p/kept', 1)
  world.connect(stayed, returner)
  world.settle()
  world.disconnect(returner)
  stayed.table.delete('p/deleted')
  expect(stayed.table.collect(() => true)).toBe(1)
  return { world, stayed, returner }
}

const livePaths = (replica: TestReplica): string[] =>
  [...replica.table.all()]
    .filter(register => !register.tombstone)
    .map(register => register.path)
    .sort()

describe('REG-12 SES-12 a returner below the floor', () => {
  it('drops what the other covers and no longer holds', () => {
    const { world, stayed, returner } = returning()
    world.connect(stayed, returner)
    world.settle()
    expect(livePaths(returner)).toEqual(['p/kept'])
    expect(returner.table.floors()).toEqual(stayed.table.floors())
    expect(returner.reports.at(-1)).toMatchObject({ dropped: 1, returned: [] })
    expect(stayed.reports.at(-1)).toMatchObject({ dropped: 0, returned: [] })
  })

  it('drops it also when the seal comes in parts, and its writer in the first of them', () => {
    const { world, stayed, returner } = returning()
    const random = seededRandom(3)
    const seqs = new Map<WriterKey, number>()
    for (let i = 0; i < 2_100; i++) seqs.set(makeWriterKey(returner.node, hlcOf(Date.UTC(2025, 0, 1) + i), random), 1)
    stayed.table.seal({ seqs, closed: new Map() })
    world.connect(stayed, returner)
    world.settle()
    expect(returner.table.vector()).toEqual(stayed.table.vector())
    expect(livePaths(returner)).toEqual(['p/kept'])
  })

  it('keeps what it wrote while away; that it may be a deleted register that came back is reported', () => {
    const { world, stayed, returner } = returning()
    returner.table.set('p/deleted', 'written while away')
    world.connect(stayed, returner)
    world.settle()
    expect(livePaths(stayed)).toEqual(['p/deleted', 'p/kept'])
    expect(stayed.shown()).toBe(returner.shown())
    expect([...stayed.reports, ...returner.reports].flatMap(report => report.returned)).toContain('p/deleted')
  })

  it('SES-23: what it brings back goes on to all, whatever they cover, and what answers it likewise', () => {
    for (const remembers of [false, true]) {
      const world = new TestWorld(1, 3)
      const [one, two, returner] = world.replicas as [TestReplica, TestReplica, TestReplica]
      one.table.set('p', 1)
      world.connect(one, two)
      world.connect(one, returner)
      world.settle()
      world.disconnect(returner)
      world.advance(1_000)
      one.table.delete('p')
      world.settle()
      one.table.collect(() => true)
      if (!remembers) two.table.collect(() => true)
      const register = returner.table.peek('p')!
      const stray = returner.table.writer(makeWriterKey(returner.node, register.time, seededRandom(5)))
      // Written before the delete, which only who still holds that can tell.
      returner.table.merge({ ...copyEntry(register), value: 'brought', time: register.time + 1, writer: stray, seq: 1 }, 9)
      // Both have heard of it from somebody else, and one has dropped it since.
      two.table.seal({ seqs: new Map([[stray.key, 1]]), closed: new Map() })
      world.connect(one, returner)
      world.settle()
      const shown = world.replicas.map(({ table }) => table.get('p')?.value)
      expect(shown).toEqual(remembers ? [undefined, undefined, undefined] : ['brought', 'brought', 'brought'])
    }
  })

  it('is reported though the session is cut before either side has caught up', () => {
    const { world, stayed, returner } = returning()
    returner.table.set('p/deleted', 'written while away')
    const reports = stayed.reports.length
    const link = world.connect(stayed, returner)
    for (let i = 0; i < 50 && stayed.table.get('p/deleted') === undefined; i++) {
      link.send(0)
      link.deliver(0)
      link.send(1)
      link.deliver(1)
    }
    world.cutLink(link)
    expect(stayed.table.get('p/deleted')).toBeDefined()
    expect(stayed.reports.slice(reports).flatMap(report => report.returned)).toEqual(['p/deleted'])
  })

  it('is not one that only writes something new once it has caught up and stored that', () => {
    const { world, stayed, returner } = returning()
    world.connect(stayed, returner)
    world.settle()
    returner.store()
    world.settle()
    returner.table.set('p/new', 1)
    world.settle()
    world.disconnect(returner)
    expect(stayed.table.get('p/new')).toBeDefined()
    expect([...stayed.reports, ...returner.reports].flatMap(report => report.returned)).toEqual([])
  })
})

describe('REG-12 SES-12 a floor that rises within a session', () => {
  it('is told with the seal, so that a peer that the delete never reached drops what it deleted', () => {
    const world = new TestWorld(1, 2)
    const [a, b] = world.replicas as [TestReplica, TestReplica]
    a.table.set('p/deleted', 1)
    world.connect(a, b)
    world.settle()
    a.table.delete('p/deleted')
    a.table.collect(() => true)
    world.settle()
    expect(livePaths(b)).toEqual([])
    expect(b.table.floors()).toEqual(a.table.floors())
  })
})

describe('REG-13 SES-13 a rebuttal', () => {
  /** `a` has collected a delete that `b` still holds; `c` was away and brings what it deleted back to `a`. */
  function contested(aKnowsBySeal: boolean): { world: TestWorld; a: TestReplica; b: TestReplica } {
    const world = new TestWorld(1, 3)
    const [a, b, c] = world.replicas as [TestReplica, TestReplica, TestReplica]
    c.table.set('p', 'stale')
    const early = aKnowsBySeal ? undefined : world.connect(a, b)
    early?.settle()
    world.advance(10)
    b.table.delete('p')
    const link = early ?? world.connect(a, b)
    link.settle()
    if (aKnowsBySeal) {
      world.cutLink(link)
      world.connect(a, b).settle()
    }
    a.store()
    world.settle()
    expect(a.table.collect(() => true)).toBe(1)
    world.connect(a, c)
    world.settle()
    return { world, a, b }
  }

  for (const [how, bySeal] of [
    ['in its hello', true],
    ['by an ack alone', false]
  ] as const)
    it(`gives the delete back to a replica that has dropped it and said ${how} that it covers it`, () => {
      const { world, a, b } = contested(bySeal)
      for (const replica of world.replicas) expect(replica.table.get('p'), replica.node).toBeUndefined()
      world.compare()
      expect(a.divergences + b.divergences).toBe(0)
    })
})

describe('REG-5 REG-8 SES-3 a register that becomes a shadow in the middle of a cut', () => {
  it('is still sent before the seal that covers it, with live changes ahead of it or not', () => {
    for (let liveChanges = 0; liveChanges < 8; liveChanges++) {
      const world = new TestWorld(1, 2)
      const [a, b] = world.replicas as [TestReplica, TestReplica]
      a.clock.jumpWall(3_600_000)
      for (let i = 0; i < 6; i++) a.table.set(`p/${i}`, i)
      const link = world.connect(a, b)
      while (b.table.size < 2) {
        link.send(1)
        link.deliver(1)
        link.send(0)
        link.deliver(0)
      }
      for (let i = 0; i < liveChanges; i++) {
        a.table.set(`q/${i}`, i)
        link.send(0)
      }
      const old = a.table.ownWriterKey!
      a.clock.jumpWall(-3_600_000)
      a.table.advance()
      expect(a.table.shadows.size).toBe(6 + liveChanges)
      while (!b.table.covers(b.table.writer(old), 6) && link.send(0) + link.send(1) > 0)
        for (const side of [0, 1] as const) while (link.deliver(side));
      expect([...b.table.shadows.keys()].filter(address => address.startsWith('p/'))).toHaveLength(6)
    }
  })
})
