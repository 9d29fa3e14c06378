import { describe, expect, it } from 'vitest'
import { hlcFromMs, hlcToHex, ManualClock, nodeId, seededRandom, TrustedClock } from '@selvedge/core'
import { makeWriterKey, RegisterTable } from '@selvedge/documents'
import { MemberTable } from '@selvedge/session'
import { collectGarbage } from './gc.js'

const hourMs = 3_600_000
const horizonMs = 30 * 24 * hourMs

function setUp(inSession = true, keptMs = 0) {
  const clock = new ManualClock()
  const trusted = new TrustedClock(clock, 300_000)
  const table = new RegisterTable({ node: nodeId('a'), trusted, random: seededRandom(1) })
  const members = new MemberTable()
  const collect = (): ReturnType<typeof collectGarbage> =>
    collectGarbage({
      table,
      members,
      expected: () => [{ node: nodeId('b'), role: 'node' }],
      durable: () => table.vector(),
      isInSession: () => inSession,
      horizonMs,
      keptMs,
      closeAfterMs: horizonMs
    })
  const acknowledge = (): void => void members.learn(nodeId('b'), 'node', table.vector(), trusted.nowMs(), true)
  return { clock, trusted, table, members, collect, acknowledge }
}

describe('collecting', () => {
  it('I6: drops a delete that every member has', () => {
    const { trusted, clock, table, collect, acknowledge } = setUp()
    trusted.heard({}, clock.wallMs())
    table.set('p', 1)
    table.delete('p')
    expect(collect().collected).toBe(0)
    acknowledge()
    expect(collect().collected).toBe(1)
  })

  it('I6: of a member in session its own word counts: what it wrote before may still be on its way', () => {
    for (const inSession of [true, false]) {
      const { clock, trusted, table, members, collect, acknowledge } = setUp(inSession)
      trusted.heard({}, clock.wallMs())
      table.set('p', 1)
      table.delete('p')
      members.learn(nodeId('b'), 'node', table.vector(), trusted.nowMs())
      expect(collect().collected).toBe(inSession ? 0 : 1)
      acknowledge()
      expect(collect().collected).toBe(inSession ? 1 : 0)
    }
  })

  it('I6: keeps a delete for a while though every member has it: some may hold it back, by a clock that is wrong', () => {
    const { clock, trusted, table, collect, acknowledge } = setUp(true, 600_000)
    const session = {}
    trusted.heard(session, clock.wallMs())
    table.set('p', 1)
    table.delete('p')
    acknowledge()
    clock.advance(600_000)
    expect(collect().collected).toBe(0)
    clock.advance(1)
    expect(collect().collected).toBe(1)
  })

  it('I5: keeps a delete of a clock that jumped ahead: for others it is a shadow', () => {
    const { clock, trusted, table, collect, acknowledge } = setUp()
    const session = {}
    trusted.heard(session, clock.wallMs())
    table.set('p', 1)
    clock.jumpWall(5 * hourMs)
    table.delete('p')
    acknowledge()
    expect(collect().collected).toBe(0)
    // What the peer said last counts, though it is heard no more.
    trusted.forget(session)
    expect(collect().collected).toBe(0)
    clock.advance(5 * hourMs)
    expect(collect().collected).toBe(1)
  })

  it('I6: a clock that jumps ahead makes nobody late, nor does one that is repaired', () => {
    const { clock, trusted, table, collect, acknowledge } = setUp()
    const session = {}
    trusted.heard(session, clock.wallMs())
    acknowledge()
    table.set('p', 1)
    table.delete('p')
    clock.jumpWall(10 * horizonMs)
    expect(collect()).toMatchObject({ collected: 0, evicted: [] })
    acknowledge()
    table.set('q', 1)
    clock.jumpWall(-10 * horizonMs)
    trusted.heard({}, clock.wallMs())
    expect(collect().evicted).toEqual([])
    // It was told of progress by a clock that ran ahead, and is late all the same once the horizon has passed.
    clock.advance(horizonMs + 1)
    expect(collect().evicted).toEqual([nodeId('b')])
  })

  it('I4: does not close incarnations of a node that it has been cut off from', () => {
    const { clock, trusted, table, collect } = setUp(false)
    trusted.heard({}, clock.wallMs())
    const [first, second] = [0, 1].map(age => `b~${hlcToHex(hlcFromMs(clock.wallMs() + age))}00000000`)
    // It has heard of both, and had nothing of either; what it wrote itself makes b late.
    table.writer(first!)
    table.writer(second!)
    table.set('p', 1)
    expect(collect().closed).toBe(0)
    clock.advance(2 * horizonMs)
    expect(collect()).toMatchObject({ closed: 0, evicted: [nodeId('b')] })
    expect(table.covers(table.writer(first!), 1)).toBe(false)
  })

  it('I4: who is new, and knows incarnations by name alone, does not close them: nobody has told yet what is written in them', () => {
    const { clock, table, collect } = setUp()
    const closing = [1, 2].map(boot =>
      table.writer(makeWriterKey(nodeId('b'), hlcFromMs(clock.wallMs() + boot), seededRandom(boot)))
    )
    table.set('p', 1)
    clock.advance(horizonMs + 2 * hourMs)
    expect(collect().closed).toBe(0)
    expect(closing.map(writer => table.isClosed(writer))).toEqual([false, false])
  })

  it('I4: does not close an incarnation that wrote on after its successor was made: that is of a clone', () => {
    for (const writesOn of [false, true]) {
      const { clock, table, members, collect, acknowledge } = setUp()
      const writerOf = (ms: number) => table.writer(makeWriterKey(nodeId('b'), hlcFromMs(clock.wallMs() + ms), seededRandom(ms)))
      const [first, second] = [writerOf(1), writerOf(2)]
      const entry = { slot: '', value: 1, quality: 0, expiresAtMs: 0, batch: 0, seq: 1 }
      const atMs = clock.wallMs() + (writesOn ? 60_000 : 1)
      table.merge({ ...entry, path: 'p', writer: first, time: hlcFromMs(atMs) + 1 }, 1)
      table.merge({ ...entry, path: 'q', writer: second, time: hlcFromMs(clock.wallMs() + 2) + 1 }, 1)
      table.seal({
        seqs: new Map([
          [first.key, 1],
          [second.key, 1]
        ]),
        closed: new Map()
      })
      acknowledge()
      clock.advance(2 * horizonMs)
      members.touch(nodeId('b'), clock.wallMs())
      expect(collect().closed).toBe(writesOn ? 0 : 1)
    }
  })
  it('I4: does not close an incarnation whose node said nothing since it ended: it may have more of it than it ever said', () => {
    const { clock, table, members, collect, acknowledge } = setUp(false)
    const writerOf = (ms: number) => table.writer(makeWriterKey(nodeId('b'), hlcFromMs(clock.wallMs() + ms), seededRandom(ms)))
    const [first, second] = [writerOf(1), writerOf(2)]
    table.set('p', 1)
    table.seal({ seqs: new Map([[first.key, 1]]), closed: new Map() })
    acknowledge()
    clock.advance(2 * horizonMs)
    members.touch(nodeId('b'), clock.wallMs())
    expect(collect()).toMatchObject({ closed: 0, evicted: [] })
    table.seal({ seqs: new Map([[second.key, 1]]), closed: new Map() })
    acknowledge()
    expect(collect().closed).toBe(1)
  })
})
