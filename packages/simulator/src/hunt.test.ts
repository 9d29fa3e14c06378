import { expect, it } from 'vitest'
import { below, seededRandom } from '@selvedge/core'
import { World } from './world.js'

const seeds = Number(process.env['SEEDS'] ?? 20),
  first = Number(process.env['FIRST'] ?? 1)

async function hunt(seed: number): Promise<string[]> {
  const random = seededRandom(seed).fork('hunt')
  const world = new World({
    seed,
    lan: { latencyMs: 0.5, jitterMs: 1, loss: random.float() < 0.5 ? 0 : 0.02 },
    trunk: { latencyMs: 20, jitterMs: 20, loss: random.float() < 0.5 ? 0 : 0.02 }
  })
  const nodes = world.addSite('hq', 2 + below(random, 3))
  world.relay.start()
  for (const node of nodes) node.start()
  await world.passUntil(() => nodes.every(({ open }) => open !== undefined), 60_000)
  let value = 0
  const acked: { path: string; value: number; level: string; node: string }[] = []
  const procs = [...nodes, world.relay]
  const names = procs.map(({ name }) => name)
  for (let step = 0; step < 60; step++) {
    const dice = random.float()
    if (dice < 0.6) {
      const node = nodes[below(random, nodes.length)]!
      for (let n = below(random, 20); n >= 0; n--) {
        const path = `p/${below(random, 30)}`
        const mine = ++value
        const receipt = node.open?.points.set(path, mine)
        const level = (['local', 'site', 'relay'] as const)[below(random, 3)]!
        receipt?.durable(level).then(
          () => acked.push({ path, value: mine, level, node: node.name }),
          () => undefined
        )
      }
    } else if (dice < 0.7) {
      const victim = procs[below(random, procs.length)]!
      if (victim.open) victim.kill()
    } else if (dice < 0.8) {
      for (const p of procs) if (!p.open) p.start()
    } else if (dice < 0.9) {
      const a = names[below(random, names.length)]!,
        b = names[below(random, names.length)]!
      if (a !== b) world.network.setState(a, b, random.float() < 0.5 ? 'silent' : 'closed', random.float() < 0.3)
    } else for (const a of names) for (const b of names) if (a < b) world.network.setState(a, b, 'open')
    await world.pass(below(random, 4_000))
  }
  for (const a of names) for (const b of names) if (a < b) world.network.setState(a, b, 'open')
  for (const p of procs) if (!p.open) p.start()
  await world.passUntil(() => procs.every(({ open }) => open !== undefined), 60_000)
  await world.pass(60_000)
  const problems: string[] = world.failures.map(String)
  const tables = nodes.map(({ name, open }) => ({ name, replica: open!.space('state').replica }))
  const shown = tables.map(({ replica }) =>
    JSON.stringify(
      [...replica.table.all()]
        .filter(r => r.path.startsWith('p/'))
        .map(r => [r.path, r.value, r.writer.key, r.seq])
        .sort()
    )
  )
  if (new Set(shown).size !== 1) problems.push(`not equal: ${shown.map(s => s.length).join()}`)
  const hashes = tables.map(({ replica }) => JSON.stringify(replica.table.hash()))
  if (new Set(hashes).size !== 1) problems.push(`hashes ${hashes.join()}`)
  for (const { name, replica } of tables) {
    const latest = new Map<string, number>()
    for (const { path, value } of acked) latest.set(path, Math.max(latest.get(path) ?? 0, value))
    void latest
    for (const { path, value: wrote, level, node } of acked) {
      const register = replica.table.get(path)
      if (!register || (register.value as number) < wrote)
        problems.push(`${name} lacks ${path}=${wrote} (${level} by ${node}), has ${JSON.stringify(register?.value)}`)
    }
  }
  return problems.slice(0, 5)
}

it('hunts', { timeout: 3_000_000 }, async () => {
  const found: string[] = []
  const started = performance.now()
  for (let seed = first; seed < first + seeds; seed++) {
    const problems = await hunt(seed)
    if (problems.length > 0) {
      found.push(`seed ${seed}: ${problems.join(' | ')}`)
      console.log(found.at(-1))
    }
  }
  console.log(`${seeds} seeds in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  expect(found).toEqual([])
})
