/** One run that visits all kinds of code, for the meta-test: the same seed must give the same events, in any process. */
import { below, seededRandom, type Random } from '@selvedge/core'
import { World, type SimulatedNode } from '../world.js'

export interface TracedRun {
  readonly seed: number
  readonly events: number
  /** Over every event, every byte on a wire, and what stands in the replicas at the end. */
  readonly hash: string
  /** The hash after each so many events: by it two runs are told where they part. */
  readonly marks: readonly string[]
}

const markEvery = 1_000
const steps = 24

export async function tracedRun(seed: number): Promise<TracedRun> {
  const random = seededRandom(seed).fork('traced run')
  const world = new World({
    seed,
    lan: { latencyMs: 0.5, jitterMs: 1, loss: random.float() < 0.5 ? 0 : 0.02 },
    trunk: { latencyMs: 20, jitterMs: 20, loss: random.float() < 0.5 ? 0 : 0.02 }
  })
  const nodes = world.addSite('hq', 2 + below(random, 3))
  const { kernel, relay } = world
  const processes = [...nodes, relay]
  for (const process of processes) process.start()
  const marks: string[] = []
  let atMs = 2_000
  for (let step = 0; step < steps; step++) {
    const draw = random.fork(`step ${step}`)
    kernel.after((atMs += below(draw, 3_000)), 'run', `step ${step}`, () => act(world, nodes, draw))
  }
  const mark = (): void => {
    while (marks.length < Math.floor(kernel.trace.events / markEvery)) marks.push(kernel.trace.hash)
  }
  await world.passUntil(() => (mark(), false), atMs)
  world.network.mend()
  for (const process of processes) if (!process.open) process.start()
  await world.passUntil(() => (mark(), false), 15_000)
  for (const { open } of nodes) kernel.trace.note(kernel.nowMs, 'held', JSON.stringify(open?.space('state').replica.table.hash()))
  return { seed, events: kernel.trace.events, hash: kernel.trace.hash, marks }
}

function act(world: World, nodes: readonly SimulatedNode[], random: Random): void {
  const node = nodes[below(random, nodes.length)]!
  const other = nodes[below(random, nodes.length)]!
  const dice = below(random, 10)
  if (dice < 4) for (let i = 0; i < 10; i++) node.open?.points.set(`p/${below(random, 20)}`, random.float())
  else if (dice === 4) node.open?.document('plan').doc.getText('text').insert(0, `${node.name} was here. `)
  else if (dice === 5) void editConfig(node)
  else if (dice === 6) node.kill()
  else if (dice === 7) world.network.setState(node.name, other === node ? 'relay' : other.name, 'silent', random.float() < 0.5)
  else if (dice === 8) world.relay.kill()
  else for (const process of [...nodes, world.relay]) if (!process.open) process.start()
}

async function editConfig(node: SimulatedNode): Promise<void> {
  try {
    const config = await node.open?.config('limits')
    await config?.change('more', draft => void (draft['visits'] = Number(draft['visits'] ?? 0) + 1), { release: true })
  } catch {
    // The node was killed in the middle, or is cut off: what it throws is seen elsewhere.
  }
}
