/** SES-21: in a full mesh a write crosses each link once; where a link is broken it is passed on all the same. */
import { describe, expect, it, vi } from 'vitest'
import { Kind } from './frames.js'
import type { SessionTuning } from './link-state.js'
import { TestWorld, type TestLink, type TestReplica } from './testing/harness.js'

/** Frames of registers that a link has been given, of both sides. */
function countingRegisters(link: TestLink): () => number {
  let count = 0
  for (const session of link.sessions) {
    const poll = session.poll.bind(session)
    session.poll = now => {
      const frame = poll(now)
      if (frame && (frame[0]! & 63) === Kind.Registers) count++
      return frame
    }
  }
  return () => count
}

interface Mesh {
  readonly world: TestWorld
  readonly writer: TestReplica
  readonly one: TestReplica
  readonly two: TestReplica
}

function fullMesh(tuning: Partial<SessionTuning> = {}): Mesh {
  const world = new TestWorld(1, 3)
  world.hearsay = 1
  // Long enough for an ack to come: every frame takes a millisecond.
  world.tuning = { ...world.tuning, patienceMs: 100, ...tuning }
  const [writer, one, two] = world.replicas as [TestReplica, TestReplica, TestReplica]
  world.heal()
  writer.table.set('before', 1)
  world.settle()
  return { world, writer, one, two }
}

const write = ({ world, writer }: Mesh, value: number): void => {
  writer.table.set('ahu/1/supply-temp', value)
  for (const link of world.links.filter(({ a, b }) => a === writer || b === writer)) link.settle()
}

describe('SES-21 a register that the peer hears from its writer', () => {
  it('is not sent by anybody else', () => {
    const mesh = fullMesh()
    const between = countingRegisters(mesh.world.linkOf(mesh.one, mesh.two)!)
    for (let value = 0; value < 50; value++) {
      write(mesh, value)
      for (const replica of mesh.world.replicas) replica.store()
      mesh.world.settle()
    }
    expect(between()).toBe(0)
    expect(mesh.one.shown()).toBe(mesh.two.shown())
    // The seals that waited have told all the same what each covers: nothing is owed any more.
    expect(mesh.world.links.flatMap(link => link.sessions.map(({ spaces }) => spaces[0]!.backlog))).toEqual([0, 0, 0, 0, 0, 0])
  })

  it('is sent after a while when it did not come', () => {
    const mesh = fullMesh()
    const { world, writer, one, two } = mesh
    // The link to the writer fails, and hearsay has not heard of it.
    world.cutLink(world.linkOf(writer, two)!)
    const between = countingRegisters(world.linkOf(one, two)!)
    write(mesh, 21)
    expect(two.table.get('ahu/1/supply-temp')).toBeUndefined()
    world.settle()
    expect(two.table.get('ahu/1/supply-temp')?.value).toBe(21)
    expect(two.table.covers(two.table.writer(writer.table.ownWriterKey!), 2)).toBe(true)
    expect(between()).toBe(1)
  })

  it('keeps nothing else waiting', () => {
    const mesh = fullMesh()
    const { world, one, two } = mesh
    const link = world.linkOf(one, two)!
    write(mesh, 22)
    link.shuffle(3)
    one.table.set('ahu/1/alarm', true)
    const before = world.now
    while (two.table.get('ahu/1/alarm') === undefined && world.now < before + 20) {
      link.send(0)
      link.send(1)
      while (link.deliver(0) || link.deliver(1));
    }
    expect(two.table.get('ahu/1/alarm')?.value).toBe(true)
  })

  it('is compared all the same: a link that is asked hurries', () => {
    const mesh = fullMesh()
    write(mesh, 23)
    mesh.world.compare()
    mesh.world.compare()
    expect(mesh.world.replicas.map(({ matches }) => matches > 0)).toEqual([true, true, true])
    expect(mesh.world.replicas.map(({ divergences }) => divergences)).toEqual([0, 0, 0])
  })
})

/** Frames of a kind that a link has been given, of both sides. */
function counting(link: TestLink, kind: Kind): () => number {
  let count = 0
  for (const session of link.sessions) {
    const poll = session.poll.bind(session)
    session.poll = now => {
      const frame = poll(now)
      if (frame && (frame[0]! & 63) === kind) count++
      return frame
    }
  }
  return () => count
}

describe('SES-21 a seal of what the peer hears for itself', () => {
  const pass = (world: TestWorld, link: TestLink, ms: number): void => {
    const end = world.now + ms
    while (world.now < end) {
      link.send(0, 8)
      link.send(1, 8)
      if (!link.deliver(0) && !link.deliver(1)) world.now++
    }
  }

  it('goes along with what its side writes, at once', () => {
    const mesh = fullMesh({ heardSealMs: 1e9 })
    const { world, one, two } = mesh
    write(mesh, 24)
    const link = world.linkOf(one, two)!
    for (const replica of world.replicas) replica.store()
    pass(world, link, 500)
    one.table.set('own', 1)
    pass(world, link, 20)
    const key = one.table.ownWriterKey!
    expect(two.table.get('own')?.value).toBe(1)
    expect(two.table.covers(two.table.writer(key), one.table.writer(key).covered)).toBe(true)
    expect(link.sessions.map(({ spaces }) => spaces[0]!.backlog)).toEqual([0, 0])
  })
})

describe('SES-13 a comparison', () => {
  it('wakes the session, which sends what it left to others', () => {
    const mesh = fullMesh({ heardSealMs: 1e9 })
    const { world, one, two } = mesh
    write(mesh, 24)
    const link = world.linkOf(one, two)!
    link.send(0, 8)
    const [session] = link.sessions
    // Neither ping nor beat is due, which would wake it too.
    session['keepalive'].start(world.now)
    session['keepalive'].sent(world.now)
    const wake = vi.spyOn(session['host'], 'wake')
    session.tick(world.now)
    expect(session['control']).toEqual([])
    expect(wake).toHaveBeenCalled()
  })
})

describe('SES-12 members', () => {
  it('are not passed on to who hears them, until that one does not: then the last that is known is told', () => {
    const mesh = fullMesh({ heardMembersIntervalMs: 50 })
    const { world, writer, one, two } = mesh
    world.cutLink(world.linkOf(writer, two)!)
    const link = world.linkOf(one, two)!
    const told = counting(link, Kind.Members)
    for (let value = 0; value < 5; value++) {
      write(mesh, value)
      for (const replica of world.replicas) replica.store()
      for (const each of world.links) each.settle()
      world.now += 60
    }
    const heldBy = (replica: TestReplica): number =>
      replica.members.get(writer.node)?.vector.seqs.get(writer.table.ownWriterKey!) ?? 0
    expect(told()).toBe(0)
    expect(heldBy(two)).toBeLessThan(heldBy(one))
    world.hearsay = 0
    world.now += 60
    link.settle()
    expect(heldBy(two)).toBe(heldBy(one))
  })
})

describe('SES-11 acks', () => {
  it('wait for their interval, unless a seal asks for one', () => {
    const world = new TestWorld(1, 2)
    world.tuning = { ...world.tuning, ackIntervalMs: 1e9 }
    const [one, two] = world.replicas as [TestReplica, TestReplica]
    const link = world.connect(one, two)
    const settle = (): void => {
      for (let round = 0; round < 20; round++) {
        link.send(0, 8)
        link.send(1, 8)
        while (link.deliver(0) || link.deliver(1));
      }
    }
    const acked = (): number => one.members.get(two.node)?.vector.seqs.get(one.table.ownWriterKey!) ?? 0
    one.table.set('p', 1)
    settle()
    two.store()
    settle()
    one.table.set('p', 2)
    settle()
    two.store()
    settle()
    const before = acked()
    one.awaited++
    settle()
    expect(before).toBeLessThan(2)
    expect(acked()).toBe(2)
    // Asked for before it is durable, it comes with the commit.
    one.table.set('p', 3)
    one.awaited++
    settle()
    expect(acked()).toBe(2)
    two.store()
    settle()
    expect(acked()).toBe(3)
  })
})
