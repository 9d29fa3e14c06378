import { expect, test } from 'vitest'
import { ManualClock, nodeId, seededRandom, silentLogger, type NodeId } from '@selvedge/core'
import { MeshDialler } from './mesh-dialler.js'

const [b, c] = [nodeId('b'), nodeId('c')]

class World {
  readonly clock = new ManualClock()
  readonly dials: string[] = []
  readonly linked = new Set<NodeId>()
  readonly blocked = new Set<NodeId>()
  /** Who answers at an address; nobody else does. */
  readonly answers = new Map<string, NodeId | 'self'>()
  readonly dialler = new MeshDialler({
    clock: this.clock,
    random: seededRandom(4),
    log: silentLogger,
    dial: addresses => {
      this.dials.push(addresses.join())
      const found = addresses.map(address => this.answers.get(address)).find(answer => answer !== undefined)
      if (found === undefined || found === 'self') return Promise.reject(new Error(found ?? 'nobody'))
      return Promise.resolve(found)
    },
    isLinked: node => this.linked.has(node),
    isAllowed: node => !this.blocked.has(node),
    isSelf: error => error instanceof Error && error.message === 'self'
  })

  async advance(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.advance(50)
      for (let turns = 0; turns < 5; turns++) await Promise.resolve()
    }
  }

  link(node: NodeId): void {
    this.linked.add(node)
    this.dialler.linked(node)
  }

  lose(node: NodeId, heldMs: number): void {
    this.linked.delete(node)
    this.dialler.lost(node, heldMs)
  }
}

test('a peer that does not answer is dialled for ever, ever more seldom, never less than every ten seconds or so', async () => {
  const world = new World()
  world.dialler.add('/b', b)
  world.dialler.add('/b', b)
  await world.advance(5_000)
  expect(world.dials.length).toBeGreaterThan(3)
  const early = world.dials.length
  await world.advance(600_000)
  const perMinute = (world.dials.length - early) / 10
  expect(perMinute).toBeGreaterThan(6)
  expect(perMinute).toBeLessThan(25)
})

test('a linked peer is left alone, and dialled again after a loss', async () => {
  const world = new World()
  world.answers.set('/b', b)
  world.dialler.add('/b', undefined)
  await world.advance(50)
  world.link(b)
  await world.advance(60_000)
  expect(world.dials.length).toBe(1)
  world.lose(b, 60_000)
  await world.advance(250)
  expect(world.dials.length).toBeGreaterThan(1)
})

test('a dial that gets through is not admission: it goes on, with backoff', async () => {
  const world = new World()
  world.answers.set('/b', b)
  world.dialler.add('/b', b)
  await world.advance(120_000)
  expect(world.dials.length).toBeGreaterThan(10)
  expect(world.dials.length).toBeLessThan(60)
})

test('links that never last do not clear the backoff', async () => {
  const world = new World()
  world.answers.set('/b', b)
  world.dialler.add('/b', b)
  for (let i = 0; i < 400; i++) {
    await world.advance(250)
    if (world.dials.length === 0 || world.linked.has(b)) continue
    world.link(b)
    world.lose(b, 100)
  }
  expect(world.dials.length).toBeLessThan(60)
})

test('a blocked peer is not dialled, and soon is once unblocked', async () => {
  const world = new World()
  world.blocked.add(b)
  world.dialler.add('/b', b)
  await world.advance(60_000)
  expect(world.dials).toEqual([])
  world.blocked.clear()
  world.dialler.retry()
  await world.advance(250)
  expect(world.dials.length).toBeGreaterThan(0)
})

test('discovery gives the latest addresses of a node, a bounded number of them', async () => {
  const world = new World()
  world.dialler.discovered(c, ['/old'])
  await world.advance(50)
  world.dialler.discovered(
    c,
    Array.from({ length: 40 }, (_, i) => `/new${i}`)
  )
  await world.advance(5_000)
  expect(world.dials[0]).toBe('/old')
  expect(world.dials[1]!.split(',').length).toBe(16)
  world.dialler.discovered(c, [])
  expect(world.dials.at(-1)).toContain('/new0')
})

test('an address that turns out to be our own is forgotten, and nothing happens after close', async () => {
  const world = new World()
  world.answers.set('/me', 'self')
  world.dialler.add('/me', undefined)
  world.dialler.add('/b', b)
  await world.advance(1_000)
  expect(world.dials.filter(address => address === '/me').length).toBe(1)
  world.dialler.close()
  world.dialler.add('/c', c)
  world.dialler.discovered(c, ['/c'])
  const before = world.dials.length
  await world.advance(60_000)
  expect([world.dials.length, world.clock.timers]).toEqual([before, 0])
})

test('four peers are dialled at a time; those that keep the caller waiting make room after a second', async () => {
  const clock = new ManualClock()
  const waiting: (() => void)[] = []
  const dialler = new MeshDialler({
    clock,
    random: seededRandom(4),
    log: silentLogger,
    dial: ([address]) => new Promise(resolve => waiting.push(() => resolve(nodeId(address!.slice(1))))),
    isLinked: () => true,
    isAllowed: () => true,
    isSelf: () => false
  })
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 10; turns++) await Promise.resolve()
  }
  for (let i = 0; i < 20; i++) dialler.add(`/peer-${i}`, undefined)
  clock.advance(0)
  await settle()
  expect(waiting.length).toBe(4)
  waiting[2]!()
  await settle()
  expect(waiting.length).toBe(5)
  clock.advance(999)
  await settle()
  expect(waiting.length).toBe(5)
  clock.advance(1)
  await settle()
  expect(waiting.length).toBe(9)
  // What ends after its turn makes no room twice.
  waiting[0]!()
  await settle()
  expect(waiting.length).toBe(9)
  dialler.close()
  await settle()
  expect(waiting.length).toBe(9)
  for (const answer of waiting) answer()
  await settle()
  expect(clock.timers).toBe(0)
})
