/** Random edits, cuts, crashes and restarts; then everything is healed, and what was promised must hold. */
import { below, documentId, type DocumentId } from '@selvedge/core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { openConfig, read, warmUp } from './testing/documents.js'
import { World, type Link, type TestNode } from './testing/world.js'

const shared = [documentId('s/0'), documentId('s/1')]
const configs = [documentId('c/0')]

beforeAll(warmUp)

/** Drives a few replicas and keeps the books: which edits were acknowledged as being on a disk. */
class Trial {
  readonly world: World
  private readonly nodes: TestNode[] = []
  private readonly promised = new Map<DocumentId, Set<string>>()
  private serial = 0

  constructor(seed: number) {
    this.world = new World(seed)
  }

  async start(count: number): Promise<void> {
    const limits = { updateRecordsMax: 3, idleInstancesMax: 1, fragmentBytesMax: 200, pushQueueBytesMax: 2_000 }
    for (let i = 0; i < count; i++) this.nodes.push(await this.world.node(`n${i}`, limits))
  }

  private pick<Item>(items: readonly Item[]): Item {
    return items[below(this.world.random, items.length)]!
  }

  async step(): Promise<void> {
    const roll = below(this.world.random, 100)
    if (roll < 30) this.editShared()
    else if (roll < 40) await this.editConfig()
    else if (roll < 60) await this.world.run(below(this.world.random, 12))
    else if (roll < 75) this.connect()
    else if (roll < 85) this.cut()
    else if (roll < 92) await this.pick(this.nodes).restart()
    else if (roll < 96) this.pick(this.nodes).store.held = true
    else for (const node of this.nodes) node.store.release()
  }

  private editShared(): void {
    const node = this.pick(this.nodes)
    const id = this.pick(shared)
    const document = node.documents.openYjs(id)
    const key = `${node.name}.${this.serial++}`
    document.doc.transact(() => {
      document.doc.getMap('m').set(key, 'v'.repeat(below(this.world.random, 300)))
      document.doc.getText('t').insert(below(this.world.random, document.doc.getText('t').length + 1), key)
      if (below(this.world.random, 3) === 0) document.doc.getText('t').delete(0, Math.min(2, document.doc.getText('t').length))
    })
    this.book(id, key, document.flushed())
    document.close()
  }

  private async editConfig(): Promise<void> {
    const node = this.pick(this.nodes)
    if (node.store.held) return
    const id = this.pick(configs)
    const config = await openConfig<Record<string, number>>(node, id)
    const key = `${node.name}.${this.serial++}`
    const change = config.change(key, draft => {
      draft[key] = this.serial
      draft['common'] = this.serial
    })
    this.book(id, key, change)
    config.close()
  }

  private book(id: DocumentId, key: string, stored: Promise<unknown>): void {
    const keys = this.promised.get(id) ?? new Set()
    this.promised.set(id, keys)
    stored.then(
      () => keys.add(key),
      () => undefined
    )
  }

  private connect(): void {
    const [a, b] = [this.pick(this.nodes), this.pick(this.nodes)]
    if (a !== b && !this.linked(a, b)) this.world.link(a, b)
  }

  private linked(a: TestNode, b: TestNode): Link | undefined {
    return [...this.world.links].find(({ ends }) => ends.some(end => end.node === a) && ends.some(end => end.node === b))
  }

  private cut(): void {
    if (this.world.links.size > 0) this.pick([...this.world.links]).cut()
  }

  async heal(): Promise<void> {
    for (const node of this.nodes) node.store.release()
    // Each with each, or only in a row: then what the ends have must come through the middle.
    const row = below(this.world.random, 2) === 0
    if (row) for (const link of [...this.world.links]) link.cut()
    for (const [i, a] of this.nodes.entries())
      for (const b of this.nodes.slice(i + 1, row ? i + 2 : undefined)) if (!this.linked(a, b)) this.world.link(a, b)
    await this.world.settle()
    // Entries that only a crashed replica would have written are written by those who hold the content.
    this.world.clock.advance(10_000)
    await this.world.settle()
  }

  async verify(): Promise<void> {
    const [first, ...others] = this.nodes as [TestNode, ...TestNode[]]
    for (const id of shared) {
      const contents: unknown[] = []
      for (const node of this.nodes) {
        const document = node.documents.openYjs(id)
        await this.world.while(document.loaded)
        contents.push([document.doc.getMap('m').toJSON(), document.doc.getText('t').toJSON()])
        document.close()
      }
      for (const content of contents) expect(content).toEqual(contents[0])
      const keys = new Set(Object.keys(await read(first, id)))
      for (const key of this.promised.get(id) ?? []) expect(keys).toContain(key)
    }
    for (const id of configs) {
      const reference = await openConfig<Record<string, number>>(first, id)
      for (const key of this.promised.get(id) ?? []) expect(Object.keys(reference.current())).toContain(key)
      for (const node of others) {
        const config = await openConfig<Record<string, number>>(node, id)
        expect(config.current()).toEqual(reference.current())
        expect(config.conflicts()).toEqual(reference.conflicts())
        config.close()
      }
      reference.close()
    }
    for (const node of this.nodes) {
      for (const { status } of node.documents.list()) expect(status).toBe('complete')
      expect(node.registers.equals(first.registers)).toBe(true)
    }
    for (const { faults } of this.world.links) expect(faults).toEqual([])
  }
}

async function trial(seed: number, nodes: number, steps: number): Promise<void> {
  const run = new Trial(seed)
  await run.start(nodes)
  for (let i = 0; i < steps; i++) await run.step()
  await run.heal()
  await run.verify()
}

describe('convergence', () => {
  it('DOC-4: after a heal all replicas are equal, complete, and hold every edit that was on a disk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 2, max: 4 }), (seed, nodes) => trial(seed, nodes, 60)),
      { numRuns: Number(process.env['SELVEDGE_RUNS'] ?? 25) }
    )
  })

  it.each([
    [-1718463446, 4, 'a "stored" that overtook a long answer was forgotten when the answer came'],
    [7, 3, 'the same, with a config']
  ])('DOC-4: seed %i with %i replicas (%s)', (seed, nodes) => trial(seed, nodes, 60))
})
