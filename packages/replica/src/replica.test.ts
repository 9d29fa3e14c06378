import { describe, expect, it } from 'vitest'
import { hlcFromMs, ManualClock, nodeId, seededRandom, silentLogger, spaceId, systemClock, type SpaceId } from '@selvedge/core'
import { counterValue, increment, makeWriterKey } from '@selvedge/documents'
import { MemoryNetwork } from '@selvedge/network'
import { MemoryDisk, MemoryStore } from '@selvedge/store'
import { Replica } from './replica.js'
import type { SpaceReplica } from './space-replica.js'

const state = spaceId('hq/state')

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain for: ${what}`)
    await new Promise(resolve => setImmediate(resolve))
  }
}

interface TestNode {
  replica: Replica
  space: SpaceReplica
  disk: MemoryDisk
  store: MemoryStore
  close(): Promise<void>
}

async function openNode(name: string, disk = new MemoryDisk(), id: SpaceId = state): Promise<TestNode> {
  const environment = {
    clock: systemClock,
    random: seededRandom(name.length * 7919 + name.charCodeAt(name.length - 1)),
    log: silentLogger
  }
  const store = new MemoryStore({ ...environment, disk })
  const replica = new Replica({
    node: nodeId(name),
    role: 'node',
    environment,
    store,
    timing: { compareIntervalMs: 50, meshKeepaliveMs: 50 }
  })
  const members = (): { node: ReturnType<typeof nodeId>; role: 'node' }[] =>
    ['a', 'b', 'c'].map(text => ({ node: nodeId(text), role: 'node' }))
  const close = async (): Promise<void> => {
    await replica.close()
    await store.close()
  }
  return { replica, disk, store, close, space: await replica.openSpace(id, { residency: 'trunk', members }) }
}

async function link(network: MemoryNetwork, a: TestNode, b: TestNode): Promise<void> {
  const ends = [a, b].map(({ replica }, i) =>
    network.endpoint({ name: `${replica.node}-${i}-${Math.random()}`, node: replica.node, role: 'node' })
  )
  ends[1]!.listen(connection => void b.replica.attach(connection, { admits: () => true }))
  a.replica.attach(await ends[0]!.dial(ends[1]!.identity.name), { admits: () => true })
}

describe('a replica', () => {
  it('forgets no delete of its first minute because members had been idle for longer than the horizon', async () => {
    const { space, disk, close } = await openNode('a')
    const { writer } = space.table.set('p', 1)
    const longAgoMs = systemClock.wallMs() - 40 * 86_400_000
    for (const name of ['b', 'c'])
      space.members.learn(nodeId(name), 'node', { seqs: new Map([[writer, 2]]), closed: new Map() }, longAgoMs)
    await space.receipt(space.table.set('q', 1)).durable('local')
    await close()

    const again = await openNode('a', disk)
    expect([...again.space.members.all()].map(({ node }) => node).sort()).toEqual(['b', 'c'])
    await again.space.receipt(again.space.table.delete('p')).durable('local')
    expect(again.space.collect(() => false)).toMatchObject({ collected: 0, evicted: [] })
    await again.close()
  })

  it('closes though its disk neither stores nor fails; receipts that wait are told', async () => {
    const environment = { clock: systemClock, random: seededRandom(1), log: silentLogger }
    const disk = new MemoryDisk()
    const store = new MemoryStore({ ...environment, disk, beforeSync: () => new Promise(() => undefined) })
    const replica = new Replica({ node: nodeId('a'), role: 'node', environment, store, timing: { closeWithinMs: 20 } })
    const space = await replica.openSpace(state, { residency: 'trunk', members: () => [] })
    const told = space
      .receipt(space.table.set('p', 1))
      .durable('local')
      .catch((error: unknown) => error)
    await replica.close()
    expect(await told).toMatchObject({ code: 'REPLICA_CLOSED' })
  })

  it('sends what is written to its peers, and receipts tell how far it got', async () => {
    const network = new MemoryNetwork({ clock: systemClock })
    const [a, b] = await Promise.all([openNode('a'), openNode('b')])
    await link(network, a, b)
    const receipt = a.space.receipt(a.space.table.set('ahu/1/temp', 21.5))
    await receipt.durable('local')
    await receipt.durable('site')
    expect(b.space.table.get('ahu/1/temp')?.value).toBe(21.5)
    expect(receipt.reached()).toBe('site')
    await Promise.all([a.close(), b.close()])
  })

  it('keeps everything acknowledged across a restart, and goes on where it was', async () => {
    const a = await openNode('a')
    for (let i = 0; i < 1_000; i++) a.space.table.set(`p/${i}`, i)
    a.space.table.delete('p/7')
    await a.space.receipt(a.space.table.set('last', true)).durable('local')
    const hash = a.space.table.hash()
    await a.close()
    const again = await openNode('a', a.disk)
    expect(again.space.table.hash()).toEqual(hash)
    expect(again.space.table.get('p/7')).toBeUndefined()
    expect(again.space.rejoined).toBe(false)
    expect(again.space.table.vector().seqs.size).toBe(1)
    await again.close()
  })

  it('brings documents along, and both kinds end up equal', async () => {
    const network = new MemoryNetwork({ clock: systemClock })
    const [a, b] = await Promise.all([openNode('a'), openNode('b')])
    const notes = a.space.documents.openYjs('notes' as never)
    notes.doc.getText('t').insert(0, 'hello')
    const config = await a.space.documents.openAutomerge<{ level?: number }>('lighting' as never)
    await config.change('dim', draft => void (draft.level = 3), { release: true })
    await link(network, a, b)
    const theirs = b.space.documents.openYjs('notes' as never)
    await until(() => theirs.doc.getText('t').toJSON() === 'hello', 'the text')
    const theirConfig = await b.space.documents.openAutomerge<{ level?: number }>('lighting' as never)
    await until(() => theirConfig.released()?.value?.level === 3, 'the release')
    theirs.doc.getText('t').insert(5, ' world')
    await until(() => notes.doc.getText('t').toJSON() === 'hello world', 'the edit back')
    await Promise.all([a.close(), b.close()])
  })

  it('records a conflict once, with its loser, after a partition', async () => {
    const network = new MemoryNetwork({ clock: systemClock })
    const [a, b] = await Promise.all([openNode('a'), openNode('b')])
    a.space.table.set('zone/1/setpoint', 20)
    const wroteAtMs = systemClock.wallMs()
    await until(() => systemClock.wallMs() > wroteAtMs, 'the next millisecond')
    b.space.table.set('zone/1/setpoint', 23)
    expect(a.space.healReports()).toEqual([])
    await link(network, a, b)
    await until(() => a.space.conflicts.newest().length === 1 && b.space.conflicts.newest().length === 1, 'the conflict')
    await until(() => a.space.table.hash().a === b.space.table.hash().a, 'equal hashes')
    const [conflict] = a.space.conflicts.newest()
    expect(conflict?.loser.value).toBe(20)
    expect(conflict?.winner.value).toBe(23)
    expect(a.space.healReports().length).toBeGreaterThan(0)
    await Promise.all([a.close(), b.close()])
  })

  it('comes to rest: two replicas with nothing to say send no data', async () => {
    const network = new MemoryNetwork({ clock: systemClock })
    const [a, b] = await Promise.all([openNode('a'), openNode('b')])
    await link(network, a, b)
    for (let i = 0; i < 100; i++) a.space.table.set(`p/${i}`, i)
    await until(() => a.space.matchedAtMs !== undefined || b.space.matchedAtMs !== undefined, 'a comparison of hashes')
    expect(a.space.table.hash()).toEqual(b.space.table.hash())
    expect([a.space.divergences, b.space.divergences]).toEqual([0, 0])
    const index = [a.space.table.changeIndex, b.space.table.changeIndex]
    // Some more comparisons of hashes find them equal, and nothing has moved.
    for (let round = 0; round < 3; round++) {
      const lastMs = a.space.matchedAtMs ?? 0
      await until(() => (a.space.matchedAtMs ?? 0) > lastMs, 'another comparison')
    }
    expect([a.space.table.changeIndex, b.space.table.changeIndex]).toEqual(index)
    await Promise.all([a.close(), b.close()])
  })

  it('tells of a session that ended before it opened, and not as of a peer that went', async () => {
    const environment = { clock: systemClock, random: seededRandom(3), log: silentLogger }
    const store = new MemoryStore({ ...environment, disk: new MemoryDisk() })
    const told: string[] = []
    const replica = new Replica({
      node: nodeId('a'),
      role: 'node',
      environment,
      store,
      timing: { compareIntervalMs: 50, meshKeepaliveMs: 50 },
      events: {
        peerFailed: (peer, { code }) => told.push(`${peer.node} failed: ${code}`),
        peerDown: peer => told.push(`${peer.node} went`)
      }
    })
    const network = new MemoryNetwork({ clock: systemClock })
    const [own, other] = ['a', 'b'].map(name => network.endpoint({ name, node: nodeId(name), role: 'node' }))
    // It answers, and speaks no word of the protocol.
    other!.listen(connection => void connection.close({ code: 'REFUSED', message: 'not here' }))
    replica.attach(await own!.dial('b'), { admits: () => true })
    await until(() => told.length > 0, 'the end of the session')
    expect(told).toEqual(['b failed: REFUSED'])
    await replica.close()
    await store.close()
  })

  /** A replica of one space under a clock of its own, which knows of a write that is stamped an hour ahead. */
  async function withHeldBack() {
    const clock = new ManualClock(Date.UTC(2026, 0, 1))
    const environment = { clock, random: seededRandom(4), log: silentLogger }
    const store = new MemoryStore({ ...environment, disk: new MemoryDisk() })
    const replica = new Replica({ node: nodeId('a'), role: 'node', environment, store })
    const space = await replica.openSpace(state, { residency: 'trunk', members: () => [] })
    const { table } = space
    const time = hlcFromMs(clock.wallMs() + 3_600_000)
    const writer = table.writer(makeWriterKey(nodeId('b'), time, environment.random))
    table.merge({ path: 'p', slot: '', value: 'ahead', time, writer, seq: 1, quality: 0, expiresAtMs: 0, batch: 0 }, 1)
    expect(table.shadows.size).toBe(1)
    return { clock, replica, store, space, table }
  }

  it('I5: a node whose clock is set right obeys soon what it had held back, though it hears nobody', async () => {
    const { clock, replica, store, table } = await withHeldBack()
    clock.advance(5_000)
    clock.jumpWall(3_600_000)
    clock.advance(5_000)
    expect(table.shadows.size).toBe(0)
    expect(table.get('p')?.value).toBe('ahead')
    await replica.close()
    await store.close()
  })

  it('I5: a node whose clock was wrong for a moment obeys soon what it had held back in that', async () => {
    const { clock, replica, store, space, table } = await withHeldBack()
    clock.advance(5_000)
    clock.advance(1_000)
    clock.jumpWall(-7_200_000)
    const time = hlcFromMs(clock.wallMs() + 7_200_000)
    const writer = table.writer(makeWriterKey(nodeId('c'), time, seededRandom(5)))
    table.merge({ path: 'q', slot: '', value: 1, time, writer, seq: 1, quality: 0, expiresAtMs: 0, batch: 0 }, 1)
    space.merged()
    clock.advance(1_000)
    expect(table.shadows.size).toBe(2)
    clock.jumpWall(7_200_000)
    clock.advance(5_000)
    expect(table.get('q')?.value).toBe(1)
    await replica.close()
    await store.close()
  })

  it('I8: records what is written beside a write that is held back, and loses to it one day', async () => {
    const { replica, store, space, table } = await withHeldBack()
    table.set('p', 'now')
    expect(space.conflicts.newest()).toMatchObject([{ path: 'p', loser: { value: 'now' }, winner: { value: 'ahead' } }])
    await replica.close()
    await store.close()
  })

  it('I5: folds no increments by a clock that a peer doubts', async () => {
    const clock = new ManualClock()
    const environment = { clock, random: seededRandom(4), log: silentLogger }
    const store = new MemoryStore({ ...environment, disk: new MemoryDisk() })
    const replica = new Replica({ node: nodeId('a'), role: 'node', environment, store })
    const members = () => ['a', 'b'].map(name => ({ node: nodeId(name), role: 'node' as const }))
    const space = await replica.openSpace(state, { residency: 'trunk', members })
    const { table } = space
    replica.trusted.heard({}, clock.wallMs())
    increment(table, 'pulses', 1, { id: 'one' })
    clock.jumpWall(48 * 3_600_000)
    space.collect(() => false)
    expect(table.get('pulses', '#one')?.value).toBe(1)
    clock.jumpWall(-48 * 3_600_000)
    clock.advance(25 * 3_600_000)
    space.collect(() => false)
    expect(table.get('pulses', '#one')).toBeUndefined()
    expect(counterValue(table, 'pulses')).toBe(1)
    await replica.close()
    await store.close()
  })
})
