/** SES-6: registers that change while a long cut is on its way go ahead of the seal, once. */
import { describe, expect, it } from 'vitest'
import { TestWorld, type TestReplica } from './testing/harness.js'

const points = 400

describe('a long cut that is overtaken by new writes', () => {
  it('sends each register once as it stood and once as it stands', () => {
    const world = new TestWorld(1, 2)
    world.tuning = { ...world.tuning, liveRegistersMax: 5, registersFrameBytes: 500 }
    const [one, two] = world.replicas as [TestReplica, TestReplica]
    const link = world.connect(one, two)
    const writeAll = (value: number): void => {
      for (let i = 0; i < points; i++) one.table.set(`p/${(i * 7) % points}`, value)
    }
    const sent = (): number => link.sessions[0].spaces[0]!.counts.sent
    writeAll(1)
    while (sent() < points / 4) {
      link.send(0)
      link.send(1)
      while (link.deliver(0) || link.deliver(1));
    }
    // Writes go ahead until it is the cut's turn.
    for (let ahead = 0; ahead < 8; ahead++) {
      one.table.set('p/0', 10 + ahead)
      link.send(0)
      while (link.deliver(0));
      if (ahead < 3) continue
      const before = sent()
      writeAll(20 + ahead)
      link.send(0)
      expect(sent() - before, `frame ${ahead}`).toBeGreaterThan(0)
    }
    const before = sent()
    writeAll(3)
    world.settle()
    expect(sent()).toBe(before + points)
    expect(two.shown()).toBe(one.shown())
    expect(two.table.vector().seqs).toEqual(one.table.vector().seqs)
  })

  it('leaves nothing out when what it passes over is left to its writer', () => {
    const world = new TestWorld(1, 3)
    world.hearsay = 1
    world.tuning = { ...world.tuning, liveRegistersMax: 5, registersFrameBytes: 500, patienceMs: 100 }
    const [writer, one, two] = world.replicas as [TestReplica, TestReplica, TestReplica]
    for (let i = 0; i < points; i++) one.table.set(`p/${i}`, 1)
    const between = world.connect(one, two)
    const feed = world.connect(writer, one)
    while (between.sessions[0].spaces[0]!.counts.sent < points / 4) {
      between.send(0)
      between.send(1)
      while (between.deliver(0) || between.deliver(1));
    }
    feed.settle()
    for (let i = 0; i < points; i++) writer.table.set(`p/${i}`, 2)
    feed.settle()
    world.settle()
    expect(two.shown()).toBe(writer.shown())
    expect(two.table.vector().seqs).toEqual(writer.table.vector().seqs)
  })
})
