import { below, documentId, type DocumentId } from '@selvedge/core'
import { beforeAll, describe, expect, it } from 'vitest'
import type { DocumentChannel } from './channel.js'
import type { DocumentDot } from './copy-contract.js'
import { documentLimits } from './document-limits.js'
import { decodeMessage, encodeMessage, type Message } from './messages.js'
import { set, warmUp } from './testing/documents.js'
import { World, type Link, type TestNode } from './testing/world.js'
import { WriterNames } from './writer-names.js'

const notes = documentId('notes')

beforeAll(warmUp)

function relaysOf(node: TestNode, writer = `${node.name}.1`, count = 1): string[] {
  const reached = node.documents.reached(notes, writer, count)
  return reached.filter(({ role }) => role === 'relay').map(({ label }) => label)
}

/** An edit for which somebody waits until a relay has it. */
async function setAwaited(node: TestNode, id: DocumentId, key: string, value: unknown): Promise<DocumentDot> {
  const dot = (await set(node, id, key, value))!
  node.documents.seekRelay(id, dot)
  return dot
}

/** relay – holder – node, with both links up. */
async function row() {
  const world = new World()
  const [relay, holder, node] = [await world.node('relay'), await world.node('holder'), await world.node('node')]
  const trunk = world.link(relay, holder)
  const mesh = world.link(holder, node)
  return { world, relay, holder, node, trunk, mesh }
}

/** Long enough that what is still unanswered is sought. */
async function seekTime(world: World): Promise<void> {
  await world.turn(documentLimits.seekDelayMs)
  await world.settle()
}

async function untilStored(world: World, node: TestNode, writer: string, count = 1): Promise<void> {
  for (let i = 0; (node.documents.durableIncluded(notes).get(writer) ?? 0) < count; i++) {
    if (i > 1_000) throw new Error(`${node.name} never stores the edit of ${writer}`)
    await world.run(1)
  }
}

/** A channel whose other end is the test. */
function wiretap(node: TestNode, label: string, role: 'node' | 'relay' = 'node') {
  const channel: DocumentChannel = node.documents.channel({
    label,
    role,
    onPending: () => undefined,
    onFault: error => expect.fail(error.code)
  })
  const names = new WriterNames()
  return {
    take(): Message[] {
      const messages: Message[] = []
      while (channel.pending) {
        const message = decodeMessage(channel.next()!.subarray(1), names)
        if (message) messages.push(message)
      }
      return messages
    },
    give: (message: Message) => channel.receive(Uint8Array.of(0, ...encodeMessage(message)))
  }
}

describe('what a relay acknowledged', () => {
  it('DOC-18: reaches a node that has no link with the relay', async () => {
    const { world, node } = await row()
    const heard: unknown[] = []
    node.documents.onStored((label, role) => heard.push(`${label} ${role}`))
    await setAwaited(node, notes, 'n', 1)
    await world.settle()
    expect(relaysOf(node)).toEqual(['relay'])
    expect(relaysOf(node, 'node.1', 2)).toEqual([])
    expect(heard).toContain('relay relay')
  })

  it('DOC-18: is said only once the relay has it on disk', async () => {
    const { world, relay, node } = await row()
    relay.store.held = true
    await setAwaited(node, notes, 'n', 1)
    await world.settle()
    expect(relaysOf(node)).toEqual([])
    relay.store.release()
    await world.settle()
    expect(relaysOf(node)).toEqual(['relay'])
  })

  it('DOC-18: reaches it also when the trunk comes up only later', async () => {
    for (const waits of [false, true]) {
      const world = new World()
      const [relay, holder, node] = [await world.node('relay'), await world.node('holder'), await world.node('node')]
      world.link(holder, node)
      await setAwaited(node, notes, 'n', 1)
      await world.settle()
      if (waits) await seekTime(world)
      expect(relaysOf(node)).toEqual([])
      world.link(relay, holder)
      await world.settle()
      expect(relaysOf(node)).toEqual(['relay'])
    }
  })

  it('DOC-18: reaches it also when the holder forgot it in a restart', async () => {
    const { world, relay, holder, node, mesh } = await row()
    await setAwaited(node, notes, 'n', 1)
    await untilStored(world, holder, 'node.1')
    mesh.cut()
    await world.settle()
    expect(relay.documents.durableIncluded(notes).get('node.1')).toBe(1)
    expect(relaysOf(node)).toEqual([])
    await holder.restart()
    world.link(relay, holder)
    await world.settle()
    world.link(holder, node)
    await world.settle()
    expect(relaysOf(node)).toEqual(['relay'])
    await setAwaited(node, notes, 'n', 2)
    await world.settle()
    expect(relaysOf(node, 'node.1', 2)).toEqual(['relay'])
  })

  it('DOC-18: reaches it also when it was lost with the trunk while the node stayed connected', async () => {
    const { world, relay, node, holder, trunk } = await row()
    await setAwaited(node, notes, 'n', 1)
    await untilStored(world, relay, 'node.1')
    trunk.cut()
    await seekTime(world)
    expect(relaysOf(node)).toEqual([])
    world.link(relay, holder)
    await world.settle()
    expect(relaysOf(node)).toEqual(['relay'])
  })

  it('DOC-18: reaches it through a new holder that saw neither the edit sent nor its acknowledgement', async () => {
    const { world, relay, holder, node } = await row()
    await setAwaited(node, notes, 'n', 1)
    await untilStored(world, relay, 'node.1')
    holder.crash()
    await seekTime(world)
    const other = await world.node('other')
    world.link(node, other)
    // It asks the relay for an edit that it does not have itself yet.
    world.link(relay, other)
    await world.settle()
    expect(relaysOf(node)).toEqual(['relay'])
  })

  it('DOC-18: goes round a ring once, and then nothing moves', async () => {
    const world = new World()
    const relay = await world.node('relay')
    const ring: TestNode[] = []
    for (const name of ['a', 'b', 'c', 'd', 'e']) ring.push(await world.node(name))
    for (const [i, node] of ring.entries()) world.link(node, ring[(i + 1) % ring.length]!)
    world.link(relay, ring[0]!)
    await world.settle()
    await setAwaited(ring[2]!, notes, 'n', 1)
    expect(await world.settle()).toBeLessThan(80)
    expect(relaysOf(ring[2]!)).toEqual(['relay'])
    await world.turn(documentLimits.seekDelayMs)
    expect(await world.settle()).toBe(0)
  })

  it('DOC-18: is heard by every writer after random cuts and restarts', async () => {
    for (let seed = 1; seed <= 25; seed++) {
      const world = new World(seed)
      const nodes = [await world.node('relay')]
      for (const name of ['a', 'b', 'c']) nodes.push(await world.node(name))
      const links: (Link | undefined)[] = []
      const expected = new Map<TestNode, { writer: string; count: number }>()
      for (let step = 0; step < 40; step++) {
        const at = below(world.random, 3)
        const roll = below(world.random, 10)
        if (roll < 3) {
          const node = nodes[1 + at]!
          const dot = await setAwaited(node, notes, `k${step}`, step)
          expected.set(node, dot)
        } else if (roll < 5) {
          links[at]?.cut()
          links[at] = undefined
        } else if (roll < 7) {
          links[at]?.cut()
          links[at] = world.link(nodes[at]!, nodes[at + 1]!)
        } else if (roll < 8 && below(world.random, 2) === 0) {
          const node = nodes[1 + at]!
          await node.restart()
          // Receipts are of this boot.
          expected.delete(node)
        } else await world.run(below(world.random, 15))
        if (below(world.random, 8) === 0) await world.turn(documentLimits.seekDelayMs)
      }
      for (const link of [...world.links]) link.cut()
      for (let at = 0; at < 3; at++) world.link(nodes[at]!, nodes[at + 1]!)
      await world.settle()
      await seekTime(world)
      for (const [node, { writer, count }] of expected)
        expect(relaysOf(node, writer, count), `seed ${seed}, ${node.name}`).toEqual(['relay'])
    }
  })
})

describe('what is passed on', () => {
  it('DOC-18: travels in messages that earlier versions skip, and that are read as they were written', () => {
    const included = new Map([['a.1', 1]])
    const messages: Message[] = [
      { kind: 'relayed', id: notes, relay: 'cloud', included },
      { kind: 'seek', id: notes, included }
    ]
    for (const message of messages) {
      const bytes = encodeMessage(message)
      expect(bytes[0]).toBeGreaterThanOrEqual(128)
      expect(decodeMessage(bytes)).toEqual(message)
    }
    expect(decodeMessage(Uint8Array.of(200, 1, 2, 3))).toBeUndefined()
  })

  it('DOC-18: is told to nodes only, not back, and once', async () => {
    const world = new World()
    const node = await world.node('a')
    const [from, other, relay] = [wiretap(node, 'from'), wiretap(node, 'other'), wiretap(node, 'relay', 'relay')]
    await setAwaited(node, notes, 'n', 1)
    for (const peer of [from, other, relay]) peer.take()
    const news: Message = { kind: 'relayed', id: notes, relay: 'cloud', included: new Map([['a.1', 1]]) }
    from.give(news)
    expect([from.take(), other.take(), relay.take()]).toEqual([[], [news], []])
    from.give(news)
    other.give(news)
    expect([from.take(), other.take(), relay.take()]).toEqual([[], [], []])
    expect(relaysOf(node)).toEqual(['cloud'])
  })

  it('DOC-18: is nothing about edits that are not here, nor more of them than are here', async () => {
    const world = new World()
    const node = await world.node('a')
    const [from, other] = [wiretap(node, 'from'), wiretap(node, 'other')]
    await setAwaited(node, notes, 'n', 1)
    other.take()
    const news = (writer: string, count: number): Message => ({
      kind: 'relayed',
      id: notes,
      relay: 'cloud',
      included: new Map([[writer, count]])
    })
    from.give(news('x.1', 3))
    expect(other.take()).toEqual([])
    from.give(news('a.1', 9))
    expect(other.take()).toEqual([news('a.1', 1)])
    expect(relaysOf(node, 'a.1', 2)).toEqual([])
  })

  it('DOC-18: is of a bounded number of relays', async () => {
    const world = new World()
    const node = await world.node('a', { relaysMax: 2 })
    const from = wiretap(node, 'from')
    await setAwaited(node, notes, 'n', 1)
    for (const relay of ['r1', 'r2', 'r3']) from.give({ kind: 'relayed', id: notes, relay, included: new Map([['a.1', 1]]) })
    expect(relaysOf(node)).toEqual(['r1', 'r2'])
  })
})

describe('seeking', () => {
  const seek = (id: typeof notes, writer = 'x.1', count = 1): Message => ({
    kind: 'seek',
    id,
    included: new Map([[writer, count]])
  })

  it('DOC-18: is passed on once, asks relays by `confirm`, and stands for channels to come', async () => {
    const world = new World()
    const node = await world.node('a')
    const [from, other, relay] = [wiretap(node, 'from'), wiretap(node, 'other'), wiretap(node, 'relay', 'relay')]
    from.give(seek(notes))
    const asked: Message = { kind: 'confirm', id: notes, included: new Map([['x.1', 1]]) }
    expect([from.take(), other.take(), relay.take()]).toEqual([[], [seek(notes)], [asked]])
    from.give(seek(notes))
    other.give(seek(notes))
    expect([from.take(), other.take(), relay.take()]).toEqual([[], [], []])
    expect(wiretap(node, 'late').take()).toEqual([seek(notes)])
    expect(wiretap(node, 'relay 2', 'relay').take()).toEqual([asked])
    relay.give({ kind: 'stored', id: notes, included: new Map([['x.1', 1]]) })
    expect(from.take()).toEqual([{ kind: 'relayed', id: notes, relay: 'relay', included: new Map([['x.1', 1]]) }])
    expect(wiretap(node, 'latest').take()).toEqual([])
  })

  it('DOC-18: is bounded in documents and writers; own edits keep their turn', async () => {
    const world = new World()
    const node = await world.node('a', { noticesMax: 2, soughtWritersMax: 1 })
    const [from, other] = [wiretap(node, 'from'), wiretap(node, 'other')]
    for (const id of ['d1', 'd2', 'd3']) from.give(seek(documentId(id)))
    from.give(seek(documentId('d1'), 'y.1'))
    from.give(seek(documentId('d1'), 'x.1', 2))
    const sought = other.take()
    expect(sought).toEqual([seek(documentId('d1'), 'x.1', 2), seek(documentId('d2'))])
    await setAwaited(node, notes, 'n', 1)
    await world.turn(documentLimits.seekDelayMs)
    expect(other.take().filter(({ kind }) => kind === 'seek')).toEqual([])
    other.give({ kind: 'relayed', id: documentId('d2'), relay: 'cloud', included: new Map([['x.1', 1]]) })
    wiretap(node, 'late')
    expect(other.take()).toContainEqual(seek(notes, 'a.1'))
  })

  it('DOC-18: begins only after a while, and not for what a relay has', async () => {
    const { world, node } = await row()
    const tap = wiretap(node, 'peer')
    await setAwaited(node, notes, 'n', 1)
    await world.settle()
    await world.turn(documentLimits.seekDelayMs)
    expect(tap.take().filter(({ kind }) => kind === 'seek')).toEqual([])
    for (const link of [...world.links]) link.cut()
    await setAwaited(node, notes, 'n', 2)
    expect(tap.take().filter(({ kind }) => kind === 'seek')).toEqual([])
    await world.turn(documentLimits.seekDelayMs)
    expect(tap.take()).toEqual([seek(notes, 'node.1', 2)])
  })

  it('DOC-18: a relay seeks nothing, and nothing is sought for one', async () => {
    const world = new World()
    const relay = await world.node('relay')
    await setAwaited(relay, notes, 'n', 1)
    await world.turn(documentLimits.seekDelayMs)
    const peer = wiretap(relay, 'peer')
    await world.turn(documentLimits.seekDelayMs)
    expect(peer.take().map(({ kind }) => kind)).toEqual(['confirm'])
    const node = await world.node('a')
    const other = wiretap(node, 'other')
    wiretap(node, 'relay', 'relay').give(seek(notes))
    expect(other.take()).toEqual([])
  })
})
