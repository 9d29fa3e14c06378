/** Random nested changes on two replicas that meet now and then: what a config says must be what a freshly loaded copy of it says. */
import { below, documentId, type Random } from '@selvedge/core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { AutomergeDocument } from './automerge-document.js'
import { importAutomerge, type Automerge, type ConfigContent } from './automerge-engine.js'
import { isContainer } from './config-content.js'
import { openConfig, warmUp } from './testing/documents.js'
import { TestNode, World } from './testing/world.js'

type Config = AutomergeDocument<ConfigContent>

const id = documentId('hvac')
const names = ['lobby', 'roof', 'modes', 'setpoint'] as const
const runs = Math.max(10, Number(process.env['SELVEDGE_RUNS'] ?? 150) / 6)

beforeAll(warmUp)

function value(random: Random, depth: number): unknown {
  const roll = below(random, depth > 2 ? 3 : 6)
  if (roll === 0) return below(random, 9)
  if (roll === 1) return `text ${below(random, 9)}`
  if (roll === 2) return below(random, 2) === 0
  if (roll === 3) return [value(random, depth + 1)]
  return { [names[below(random, names.length)]!]: value(random, depth + 1) }
}

/** One edit somewhere in the draft: it goes down as long as chance has it. */
function edit(automerge: Automerge, random: Random, draft: unknown, depth = 0): void {
  const list = Array.isArray(draft) ? (draft as unknown[]) : undefined
  const keyed = draft as Record<string | number, unknown>
  const keys = list ? [...list.keys()] : Object.keys(keyed)
  const key = keys[below(random, Math.max(1, keys.length))]
  const inside = key === undefined ? undefined : keyed[key]
  if (isContainer(automerge, inside) && below(random, 4) > 0) edit(automerge, random, inside, depth + 1)
  else if (list) editList(random, list, depth)
  else if (key !== undefined && below(random, 4) === 0) delete keyed[key]
  else keyed[names[below(random, names.length)]!] = value(random, depth)
}

function editList(random: Random, list: unknown[], depth: number): void {
  const index = below(random, list.length + 1)
  const roll = below(random, 4)
  if (index === list.length || roll === 0) list.splice(index, 0, value(random, depth))
  else if (roll === 1) list.splice(index, 1)
  else list[index] = value(random, depth)
}

function told(config: Config) {
  const history = config.history()
  const before = history.map(({ hash }) => config.at([hash]))
  return { current: config.current(), conflicts: config.conflicts(), heads: config.heads(), history, before }
}

async function expectAsFresh(world: World, node: TestNode, config: Config): Promise<void> {
  const copy = new TestNode('copy', world)
  copy.disk = node.disk.copy()
  await copy.start()
  const fresh = await openConfig<ConfigContent>(copy, id)
  expect(told(config)).toEqual(told(fresh))
  await world.while(copy.documents.close())
}

function at(content: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce((node, key) => (node as Record<string | number, unknown>)[key], content)
}

describe('what a config says', () => {
  it('does not depend on the documents that its objects were taken over from', async () => {
    const world = new World()
    const config = await openConfig<{ lobby: { setpoint?: number; modes: string[] } }>(await world.node('a'), id)
    const change = (work: Parameters<typeof config.change>[1]) => world.while(config.change('edit', work))
    await change(draft => (draft.lobby = { setpoint: 20, modes: [] }))
    await change(draft => (draft.lobby.modes = ['eco']))
    await change(draft => void draft.lobby.modes.push('night'))
    await change(draft => delete draft.lobby.setpoint)
    expect(config.conflicts()).toEqual([])
    expect(config.current()).toEqual({ lobby: { modes: ['eco', 'night'] } })
  })

  it('shows conflicts deep inside, after changes elsewhere', async () => {
    const world = new World()
    const [a, b] = [await world.node('a'), await world.node('b')]
    const [atA, atB] = [await openConfig<ConfigContent>(a, id), await openConfig<ConfigContent>(b, id)]
    const change = (config: Config, work: (draft: { roof: { modes: string[]; setpoint?: number }; other?: number }) => void) =>
      world.while(config.change('edit', draft => work(draft as never)))
    await change(atA, draft => (draft.roof = { modes: ['eco', 'eco'] }))
    const first = world.link(a, b)
    await world.settle()
    first.cut()
    await change(atA, draft => (draft.roof.modes[1] = 'a'))
    await change(atB, draft => (draft.roof.modes[1] = 'b'))
    world.link(a, b)
    await world.settle()
    await change(atA, draft => (draft.other = 1))
    for (const config of [atA, atB]) {
      const [conflict, ...more] = config.conflicts()
      expect(more).toEqual([])
      expect(conflict!.path).toEqual(['roof', 'modes', 1])
      expect(conflict!.values.map(({ value }) => value).sort()).toEqual(['a', 'b'])
    }
  })

  it('is what a freshly loaded copy says, whatever was changed and merged before', async () => {
    const automerge = await importAutomerge()
    let conflicts = 0
    await fc.assert(
      fc.asyncProperty(fc.nat(), async seed => {
        const world = new World(seed)
        const nodes = [await world.node('a'), await world.node('b')]
        const configs = [await openConfig<ConfigContent>(nodes[0]!, id), await openConfig<ConfigContent>(nodes[1]!, id)]
        for (let step = 0; step < 10; step++) {
          const one = below(world.random, 2)
          await world.while(configs[one]!.change(`step ${step}`, draft => edit(automerge, world.random, draft)))
          if (below(world.random, 4) === 0) {
            const link = world.link(nodes[0]!, nodes[1]!)
            await world.settle()
            link.cut()
          }
          for (const config of configs)
            for (const { path, values } of told(config).conflicts) {
              conflicts++
              expect(values.filter(({ wins }) => wins).map(({ value }) => value)).toEqual([at(config.current(), path)])
            }
        }
        for (const [i, node] of nodes.entries()) await expectAsFresh(world, node, configs[i]!)
      }),
      { numRuns: runs }
    )
    expect(conflicts).toBeGreaterThan(0)
  })
})
