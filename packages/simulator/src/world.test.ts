import { describe, expect, it } from 'vitest'
import { World } from './world.js'

async function campus(seed: number): Promise<{ world: World; hash: string; values: unknown[] }> {
  const world = new World({ seed, lan: { latencyMs: 0.5, jitterMs: 0.5, loss: 0.01 }, trunk: { latencyMs: 20, jitterMs: 10 } })
  const nodes = world.addSite('hq', 3)
  world.relay.start()
  for (const node of nodes) node.start()
  expect(await world.passUntil(() => nodes.every(({ open }) => open?.presentNodes().length === 3), 60_000)).toBe(true)
  nodes[0]!.open!.points.set('ahu/1/supply-temp', 21.5)
  await world.pass(5_000)
  world.network.setState('hq-1', 'relay', 'silent')
  nodes[1]!.kill()
  nodes[2]!.open!.points.set('ahu/2/supply-temp', 19)
  await world.pass(20_000)
  nodes[1]!.start()
  await world.pass(20_000)
  expect(world.failures).toEqual([])
  const values = nodes.map(({ open }) => ['ahu/1/supply-temp', 'ahu/2/supply-temp'].map(path => open?.points.get(path)?.value))
  return { world, hash: world.kernel.trace.hash, values }
}

describe('a world', () => {
  it('runs real sites and a real relay: they meet, converge, and outlive a kill', async () => {
    const { world, values } = await campus(1)
    expect(values).toEqual([1, 2, 3].map(() => [21.5, 19]))
    expect(world.kernel.trace.events).toBeGreaterThan(500)
  })

  it('is a function of its seed', async () => {
    const runs = [await campus(7), await campus(7), await campus(8)]
    expect(runs[0]!.hash).toBe(runs[1]!.hash)
    expect(runs[0]!.hash).not.toBe(runs[2]!.hash)
  })
})
