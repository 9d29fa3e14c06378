/** Which writes conflict (I8): only those that neither side knew of. */
import { describe, expect, it } from 'vitest'
import { TestWorld, type TestLink, type TestReplica } from './testing/harness.js'

const conflictsOf = (world: TestWorld): string[] => world.replicas.flatMap(({ conflicts }) => conflicts.map(({ path }) => path))

/** Both sides send, then both hear: each seals before it hears of the other's. */
function untilCrossed(link: TestLink, met: () => boolean): void {
  while (!met()) {
    link.send(1)
    link.send(0)
    link.deliver(1)
    link.deliver(0)
  }
}

describe('SES-15 a conflict', () => {
  it('is no write over what its writer had received in this session, from whomever', () => {
    const world = new TestWorld(1, 3)
    const [one, two, three] = world.replicas as [TestReplica, TestReplica, TestReplica]
    world.connect(one, two)
    world.connect(two, three)
    world.settle()
    for (let round = 0; round < 5; round++)
      for (const writer of [one, three, two]) {
        writer.table.set('zone/1/setpoint', `${round} by ${writer.node}`)
        world.settle()
      }
    expect(conflictsOf(world)).toEqual([])
  })

  it('is one of two writes in a session, neither of which had arrived at the other', () => {
    const world = new TestWorld(1, 2)
    const [one, two] = world.replicas as [TestReplica, TestReplica]
    world.connect(one, two)
    one.table.set('zone/1/setpoint', 20)
    world.settle()
    one.table.set('zone/1/setpoint', 21)
    two.table.set('zone/1/setpoint', 22)
    world.settle()
    expect(new Set(conflictsOf(world))).toEqual(new Set(['zone/1/setpoint']))
  })

  it('is one with what came ahead of a seal in a session that ended before it', () => {
    const world = new TestWorld(1, 2)
    const [one, two] = world.replicas as [TestReplica, TestReplica]
    two.table.set('zone/1/setpoint', 22)
    world.advance(1)
    one.table.set('zone/1/setpoint', 21)
    untilCrossed(world.connect(one, two), () => two.table.get('zone/1/setpoint')?.value === 21)
    expect(conflictsOf(world)).toEqual([])
    world.disconnect(one)
    world.connect(one, two)
    world.settle()
    expect(two.conflicts.map(({ loser, winner }) => [loser.value, winner.value])).toEqual([[22, 21]])
  })

  it('is one with a write of the future that is held back, which stands in its place one day', () => {
    const world = new TestWorld(1, 2)
    const [one, two] = world.replicas as [TestReplica, TestReplica]
    two.clock.jumpWall(3_600_000)
    two.table.set('zone/1/setpoint', 22)
    two.clock.jumpWall(-3_600_000)
    two.table.advance()
    expect(two.table.shadows.size).toBe(1)
    one.table.set('zone/1/setpoint', 21)
    untilCrossed(world.connect(one, two), () => two.table.get('zone/1/setpoint')?.value === 21)
    world.settle()
    expect(two.conflicts.map(({ loser, winner }) => [loser.value, winner.value])).toEqual([[21, 22]])
  })
})
