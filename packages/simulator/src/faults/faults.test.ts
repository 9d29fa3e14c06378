import '../determinism/system/guard.js'
import { describe, expect, it } from 'vitest'
import { seededRandom, spaceId } from '@selvedge/core'
import type { PlannedWorld } from '../plan/plan.js'
import { World, type SimulatedNode } from '../world.js'
import type { FaultKind } from './fault.js'
import * as faults from './index.js'
import { faultKinds } from './index.js'

interface Small {
  readonly world: World
  readonly nodes: readonly [SimulatedNode, SimulatedNode, SimulatedNode]
}

const planned: PlannedWorld = {
  epochMs: Date.UTC(2026, 0, 1),
  relay: true,
  sites: [{ id: 'a', nodes: ['a-1', 'a-2', 'a-3'], lan: { latencyMs: 1 }, trunk: { latencyMs: 20 } }]
}

/** Three nodes and a relay that have met. */
async function small(seed = 1): Promise<Small> {
  const world = new World({ seed, lan: { latencyMs: 1 }, trunk: { latencyMs: 20 } })
  const nodes = world.addSite('a', 3) as [SimulatedNode, SimulatedNode, SimulatedNode]
  for (const process of world.processes) process.start()
  const met = (): boolean =>
    nodes.every(({ open }) => open?.presentNodes().length === 3) && [...(world.relay.open?.['replica']?.peers() ?? [])].length > 0
  expect(await world.passUntil(met, 30_000)).toBe(true)
  await world.pass(1_000)
  return { world, nodes }
}

const write = (node: SimulatedNode, value: number, path = 'p'): void => void node.open?.points.set(path, value)
const read = (node: SimulatedNode, path = 'p'): unknown => node.open?.points.get(path)?.value
const readAll = ({ nodes }: Small, path = 'p'): unknown[] => nodes.map(node => read(node, path))
const present = (node: SimulatedNode): number => node.open?.presentNodes().length ?? 0

/** What the relay holds of a point. */
function atRelay({ world }: Small, path = 'p'): unknown {
  return world.relay.open?.['replica']?.spaces.get(spaceId('a/state'))?.table.get(path)?.value
}

describe.each([...faultKinds.values()].map(kind => [kind.kind, kind] as const))('%s', (_, kind: FaultKind) => {
  it.each([1, 2])('is mended: afterwards all run, and are equal (draw %i)', async seed => {
    const args = kind.draw(seededRandom(seed).fork('draw'), planned)
    expect(JSON.parse(JSON.stringify(args))).toEqual(args)
    expect(kind.draw(seededRandom(seed).fork('draw'), planned)).toEqual(args)
    const running = await small(seed)
    const { world, nodes } = running
    write(nodes[0], 1, 'before')
    await world.pass(500)
    kind.begin(world, args)
    for (let second = 0; second < 5; second++) {
      for (const [i, node] of nodes.entries()) write(node, second * 10 + i, `during/${i}/${second}`)
      await world.pass(1_000)
    }
    kind.end(world, args)
    kind.end(world, args)
    await world.pass(40_000)
    expect(world.failures).toEqual([])
    expect(world.processes.map(({ name, open }) => [name, open !== undefined])).toEqual(
      world.processes.map(({ name }) => [name, true])
    )
    for (const node of nodes) expect(present(node)).toBe(3)
    write(nodes[2], 2, 'after')
    await world.pass(5_000)
    expect(readAll(running, 'after')).toEqual([2, 2, 2])
    expect(atRelay(running, 'after')).toBe(2)
    const hashes = nodes.map(({ open }) => JSON.stringify(open!.space('state').replica.table.hash()))
    expect(new Set(hashes).size).toBe(1)
  })
})

describe('the network', () => {
  it.each(['silent', 'closed'] as const)(
    'cut from the cloud (%s), the building goes on, and the relay has it afterwards',
    async how => {
      const running = await small()
      const { world, nodes } = running
      faults.trunkCut.begin(world, { site: 'a', how })
      write(nodes[0], 1)
      await world.pass(15_000)
      expect([readAll(running), atRelay(running)]).toEqual([[1, 1, 1], undefined])
      faults.trunkCut.end(world, { site: 'a', how })
      await world.pass(30_000)
      expect(atRelay(running)).toBe(1)
    }
  )

  it('parted into groups, each has its own; one-way, what is heard is not told', async () => {
    const running = await small()
    const { world, nodes } = running
    const args = { groups: [['a-1'], ['a-2', 'a-3', 'relay']] }
    faults.partition.begin(world, args)
    write(nodes[0], 1, 'left')
    write(nodes[1], 1, 'right')
    await world.pass(5_000)
    expect([readAll(running, 'left'), readAll(running, 'right')]).toEqual([
      [1, undefined, undefined],
      [undefined, 1, 1]
    ])
    faults.partition.end(world, args)
    faults.oneWay.begin(world, { from: 'a-1' })
    await world.pass(10_000)
    expect(present(nodes[0])).toBe(1)
    faults.oneWay.end(world, { from: 'a-1' })
    await world.pass(10_000)
    expect(readAll(running, 'left')).toEqual([1, 1, 1])
  })

  it('clogged for a moment, nothing breaks and what was said comes all at once', async () => {
    const running = await small()
    const { world, nodes } = running
    let downs = 0
    nodes[1].open!.on('peerDown', () => downs++)
    for (const b of ['a-2', 'a-3', 'relay']) faults.clog.begin(world, { a: 'a-1', b })
    write(nodes[0], 1)
    await world.pass(1_000)
    expect(readAll(running)).toEqual([1, undefined, undefined])
    for (const b of ['a-2', 'a-3', 'relay']) faults.clog.end(world, { a: 'a-1', b })
    await world.pass(10)
    expect(readAll(running)).toEqual([1, 1, 1])
    expect(downs).toBe(0)
  })

  it('slow, what is said comes late; two faults of one path end each for itself', async () => {
    const running = await small()
    const { world, nodes } = running
    const slow = { host: 'a-1', latencyMs: 800, bytesPerSecond: 50_000 }
    const bad = { a: 'a-1', b: 'a-2', quality: { latencyMs: 300, reordering: 1, duplication: 1 } }
    faults.slowPeer.begin(world, slow)
    faults.badLink.begin(world, bad)
    faults.slowPeer.end(world, slow)
    write(nodes[0], 1)
    await world.pass(200)
    expect(readAll(running)).toEqual([1, undefined, 1])
    await world.pass(1_500)
    expect(readAll(running)).toEqual([1, 1, 1])
  })

  it('half open, the sessions end by their timeout and others begin', async () => {
    const running = await small()
    const { world, nodes } = running
    const reasons: string[] = []
    nodes[1].open!.on('peerDown', ({ reason }) => reasons.push(reason.code))
    for (const b of ['a-2', 'a-3']) faults.halfOpen.begin(world, { a: 'a-1', b, told: null })
    write(nodes[0], 1)
    await world.pass(1_000)
    expect(present(nodes[1])).toBe(3)
    await world.pass(15_000)
    expect(reasons).toContain('SESSION_TIMEOUT')
    expect(readAll(running)).toEqual([1, 1, 1])
  })

  it('flapping, a link breaks again and again', async () => {
    const { world, nodes } = await small()
    let downs = 0
    nodes[1].open!.on('peerDown', () => downs++)
    const args = { a: 'a-1', b: 'a-2', downMs: 3_000, upMs: 5_000, how: 'closed' as const }
    faults.flap.begin(world, args)
    await world.pass(40_000)
    expect(downs).toBeGreaterThanOrEqual(3)
    faults.flap.end(world, args)
    await world.pass(10_000)
    const before = downs
    await world.pass(30_000)
    expect(downs).toBe(before)
  })
})

describe('processes', () => {
  it('that are paused are missed, and do afterwards all that waited', async () => {
    const running = await small()
    const { world, nodes } = running
    let fired = 0
    for (let i = 0; i < 3; i++) world.kernel.after(1_000 * i, 'a-2', 'timer', () => nodes[1].host.happen(() => fired++))
    faults.nodePause.begin(world, { host: 'a-2' })
    write(nodes[0], 1)
    await world.pass(6_000)
    expect([present(nodes[0]), read(nodes[1]), fired]).toEqual([2, undefined, 0])
    faults.nodePause.end(world, { host: 'a-2' })
    await world.pass(10_000)
    expect([present(nodes[0]), read(nodes[1]), fired]).toEqual([3, 1, 3])
  })

  it('without power lose what was not fsynced; what a receipt says is durable here they keep', async () => {
    const { world, nodes } = await small()
    const receipt = nodes[0].open!.points.set('kept', 1)
    let durable = false
    void receipt.durable('local').then(() => (durable = true))
    expect(await world.passUntil(() => durable, 1_000)).toBe(true)
    for (const { name } of world.processes) faults.powerLoss.begin(world, { host: name })
    await world.pass(1_000)
    expect(world.processes.map(({ open }) => open)).toEqual([undefined, undefined, undefined, undefined])
    faults.powerLoss.end(world, { host: 'a-1' })
    expect(await world.passUntil(() => nodes[0].open !== undefined, 10_000)).toBe(true)
    expect(read(nodes[0], 'kept')).toBe(1)
  })

  it.each(['kill', 'power', 'close'] as const)('of the relay end (%s): the building does not notice', async how => {
    const running = await small()
    const { world, nodes } = running
    faults.relayOutage.begin(world, { how })
    write(nodes[2], 1)
    await world.pass(12_000)
    expect([world.relay.open, readAll(running)]).toEqual([undefined, [1, 1, 1]])
  })
})

describe('data', () => {
  it('of the relay goes back to its backup, and the building gives it the rest', async () => {
    const running = await small()
    const { world, nodes } = running
    faults.relayRollback.begin(world, {})
    write(nodes[0], 1)
    await world.pass(3_000)
    expect(atRelay(running)).toBe(1)
    faults.trunkCut.begin(world, { site: 'a' })
    faults.relayRollback.end(world, {})
    await world.pass(2_000)
    expect(atRelay(running)).toBeUndefined()
    faults.trunkCut.end(world, { site: 'a' })
    await world.pass(40_000)
    expect(atRelay(running)).toBe(1)
  })

  it('of a node goes back to an old copy, and its peers give it the rest', async () => {
    const running = await small()
    const { world, nodes } = running
    faults.restoreOldCopy.begin(world, { host: 'a-1' })
    for (let value = 1; value <= 20; value++) write(nodes[0], value)
    await world.pass(3_000)
    const before = nodes[0].open!.space('state').replica.table.ownWriterKey
    faults.restoreOldCopy.end(world, { host: 'a-1' })
    await world.pass(10_000)
    write(nodes[0], 21)
    await world.pass(1_000)
    expect(nodes[0].open!.space('state').replica.table.ownWriterKey).not.toBe(before)
    expect(readAll(running)).toEqual([21, 21, 21])
  })

  it('cloned onto another machine runs there as the same node', async () => {
    const { world, nodes } = await small()
    const args = { host: 'a-1', onto: 'a-3' }
    faults.clone.begin(world, args)
    await world.pass(5_000)
    expect(nodes[2].open?.node).toBe(nodes[0].open?.node)
    faults.clone.end(world, args)
    await world.pass(20_000)
    expect(nodes[2].open?.node).toBe(nodes[2].key.node)
    expect(present(nodes[2])).toBe(3)
  })
})

describe('members and versions', () => {
  it('a node is replaced by another with its name, which has what the old one had', async () => {
    const { world, nodes } = await small()
    write(nodes[1], 7)
    await world.pass(1_000)
    const before = nodes[1].open!.node
    faults.nodeReplace.begin(world, { host: 'a-2' })
    await world.pass(10_000)
    faults.nodeReplace.end(world, { host: 'a-2' })
    await world.pass(20_000)
    expect(nodes[1].open?.node).not.toBe(before)
    expect([read(nodes[1]), ...nodes.map(present)]).toEqual([7, 3, 3, 3])
  })

  it('a node out of the roster is admitted by nobody, until it is in it again', async () => {
    const { world, nodes } = await small()
    faults.membership.begin(world, { host: 'a-3' })
    await world.pass(20_000)
    expect(nodes.map(present)).toEqual([2, 2, 0])
    expect(nodes[0].open!.roster.nodes.length).toBe(2)
    faults.membership.end(world, { host: 'a-3' })
    await world.pass(20_000)
    expect(nodes.map(present)).toEqual([3, 3, 3])
  })

  it.each([
    ['older', 3],
    ['newer', 3],
    ['apart', 1]
  ] as const)('a version that is %s meets so many: %i', async (version, met) => {
    const { world, nodes } = await small()
    faults.mixedVersion.begin(world, { host: 'a-1', version })
    await world.pass(20_000)
    expect(present(nodes[0])).toBe(met)
    write(nodes[0], 5)
    await world.pass(2_000)
    expect(read(nodes[1])).toBe(met === 3 ? 5 : undefined)
  })
})

describe('clocks', () => {
  it('are off, jump and drift as they are told, and are set right', async () => {
    const { world, nodes } = await small()
    const { time } = nodes[0]
    const skew = { host: 'a-1', byMs: 7_000 }
    faults.clockSkew.begin(world, skew)
    expect(time.errorMs).toBeCloseTo(7_000)
    faults.clockJump.begin(world, { host: 'a-1', to: 'epoch' })
    expect(time.wallMs()).toBeCloseTo(0)
    faults.clockJump.end(world, { host: 'a-1', to: 'epoch' })
    expect(time.errorMs).toBeCloseTo(0)
    const drift = { host: 'a-1', ppm: 100_000 }
    faults.clockDrift.begin(world, drift)
    await world.pass(10_000)
    expect(time.errorMs).toBeCloseTo(1_000)
    faults.clockDrift.end(world, drift)
    await world.pass(1_000)
    expect(time.errorMs).toBeCloseTo(0)
  })

  it('beyond the skew that is allowed do not make their writes win', async () => {
    const running = await small()
    const { world, nodes } = running
    faults.clockSkew.begin(world, { host: 'a-1', byMs: 3_600_000 })
    await world.pass(10_000)
    write(nodes[0], 1)
    await world.pass(1_000)
    write(nodes[1], 2)
    await world.pass(1_000)
    expect(readAll(running)).toEqual([2, 2, 2])
  })
})
