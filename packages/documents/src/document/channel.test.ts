import { documentId } from '@selvedge/core'
import { beforeAll, describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import type { DocumentChannel } from './channel.js'
import { documentLimits } from './document-limits.js'
import { decodeMessage, encodeMessage, type Message } from './messages.js'
import { openConfig, read, set, warmUp } from './testing/documents.js'
import { World, type TestNode } from './testing/world.js'
import { WriterNames } from './writer-names.js'

const notes = documentId('floor/notes')
const hvac = documentId('hvac')

beforeAll(warmUp)

/** A channel whose other end is the test. */
function wiretap(node: TestNode, label = 'peer'): { channel: DocumentChannel; take(): Message[]; give(message: Message): void } {
  const channel = node.documents.channel({
    label,
    role: 'node',
    onPending: () => undefined,
    onFault: error => expect.fail(error.code)
  })
  const names = new WriterNames()
  return {
    channel,
    take() {
      const messages: Message[] = []
      while (channel.pending) messages.push(decodeMessage(channel.next()!.subarray(1), names)!)
      return messages
    },
    give: message => channel.receive(Uint8Array.of(0, ...encodeMessage(message)))
  }
}

/** The first edit of `writer`, as a live update. */
function firstEdit(writer: string): Message {
  const doc = new Y.Doc()
  doc.getMap('m').set('n', 1)
  return { kind: 'live', id: notes, engine: 'yjs', writer, from: 0, to: 1, update: Y.encodeStateAsUpdate(doc) }
}

const nothingFound = (pull: number): Message => ({
  kind: 'answer',
  pull,
  found: false,
  included: new Map(),
  target: new Uint8Array(),
  body: new Uint8Array()
})

describe('pulling', () => {
  it('DOC-2: two replicas that edited apart have the same document after one exchange', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    await set(a, notes, 'from a', 1)
    await set(b, notes, 'from b', 2)
    const link = world.link(a, b)
    await world.settle()
    for (const node of [a, b]) {
      expect(await read(node, notes)).toEqual({ 'from a': 1, 'from b': 2 })
      expect(node.documents.durableIncluded(notes)).toEqual(
        new Map([
          ['a.1', 1],
          ['b.1', 1]
        ])
      )
    }
    // Two confirms, two pulls, two answers, two acknowledgements, with room for answers that cross.
    expect(link.messages).toBeLessThanOrEqual(12)
  })

  it('DOC-2: a deletion, which moves no state vector, is pulled', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    await set(a, notes, 'n', 1)
    const link = world.link(a, b)
    await world.settle()
    link.cut()
    const document = a.documents.openYjs(notes)
    document.doc.getMap('m').delete('n')
    await world.while(document.flushed())
    world.link(a, b)
    await world.settle()
    expect(await read(b, notes)).toEqual({})
  })

  it('DOC-8: when nobody has an edit the document is incomplete, and is asked for again only on news', async () => {
    const world = new World()
    const node = await world.node('a')
    node.registers.set(`@doc/${notes}`, 'gone.1', ['yjs', 3, 0])
    await world.turns()
    expect(node.documents.status(notes)).toBe('behind')
    const first = wiretap(node)
    await world.turns()
    const pulls = first.take()
    expect(pulls).toMatchObject([{ kind: 'pull', id: notes, first: true, needs: new Map([['gone.1', 3]]) }])
    first.give(nothingFound((pulls[0] as { pull: number }).pull))
    await world.turns()
    expect(node.documents.status(notes)).toBe('incomplete (waiting for gone.1)')
    world.clock.advance(3_600_000)
    await world.turns()
    expect(first.take()).toEqual([])
    const second = wiretap(node, 'other')
    await world.turns()
    expect(node.documents.status(notes)).toBe('behind')
    expect(first.take()).toEqual([])
    const again = second.take()
    expect(again).toHaveLength(1)
    second.give(nothingFound((again[0] as { pull: number }).pull))
    await world.turns()
    expect(node.documents.status(notes)).toBe('incomplete (waiting for gone.1)')
    first.give({ kind: 'stored', id: notes, included: new Map([['gone.1', 2]]) })
    await world.turns()
    expect(first.take()).toHaveLength(1)
    expect(second.take()).toEqual([])
  })

  it('DOC-8: a replica that got what another had asked it for in vain says so', async () => {
    const world = new World()
    const [a, b, c] = [await world.node('a'), await world.node('b'), await world.node('c')]
    await set(a, notes, 'n', 1)
    b.registers.merge(a.registers)
    c.registers.merge(a.registers)
    world.link(b, c)
    await world.settle()
    for (const node of [b, c]) expect(node.documents.status(notes)).toBe('incomplete (waiting for a.1)')
    world.link(a, b)
    await world.settle()
    for (const node of [b, c]) expect(node.documents.status(notes)).toBe('complete')
    expect(await read(c, notes)).toEqual({ n: 1 })
  })

  it('DOC-8: whoever gave a part of what was asked says so when it has the rest', async () => {
    const world = new World()
    const [a, b] = [await world.node('a'), await world.node('b')]
    const tapA = wiretap(a)
    await set(a, notes, 'n', 1)
    await set(a, notes, 'n', 2)
    const lives = tapA.take().filter(message => message.kind === 'live')
    const from = wiretap(b, 'from')
    from.give(lives[0]!)
    await world.turns()
    const asker = wiretap(b, 'asker')
    asker.give({
      kind: 'pull',
      pull: 1,
      first: true,
      full: false,
      id: notes,
      engine: 'yjs',
      included: new Map(),
      needs: new Map([['a.1', 2]]),
      body: Uint8Array.of(0)
    })
    await world.turns()
    expect(asker.take()).toMatchObject([{ kind: 'answer', found: true, included: new Map([['a.1', 1]]) }])
    from.give(lives[1]!)
    await world.turns()
    expect(asker.take().filter(message => message.kind === 'stored')).toEqual([
      { kind: 'stored', id: notes, included: new Map([['a.1', 2]]) }
    ])
  })

  it('DOC-1: an answer waits until everything in it is on disk', async () => {
    const world = new World()
    const node = await world.node('a')
    await set(node, notes, 'n', 1)
    const document = node.documents.openYjs(notes)
    node.store.held = true
    document.doc.getMap('m').set('n', 2)
    const asker = wiretap(node)
    asker.take()
    const included = new Map<string, number>()
    const pull = { kind: 'pull', first: true, full: false, id: notes, engine: 'yjs', included, needs: included } as const
    asker.give({ ...pull, pull: 1, body: Uint8Array.of(0) })
    await world.turns()
    expect(asker.take()).toEqual([])
    node.store.release()
    await world.turns()
    expect(asker.take().filter(message => message.kind === 'answer')).toMatchObject([
      { found: true, included: new Map([['a.1', 2]]) }
    ])
  })

  it('DOC-8: a peer that does not answer is given up, and another is asked', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    await set(a, notes, 'n', 1)
    b.registers.merge(a.registers)
    const silent = wiretap(b, 'silent')
    await world.turns()
    expect(silent.take()).toHaveLength(1)
    world.link(a, b)
    await world.settle()
    expect(b.documents.status(notes)).toBe('behind')
    world.clock.advance(documentLimits.pullTimeoutMs)
    await world.settle()
    expect(await read(b, notes)).toEqual({ n: 1 })
  })

  it('DOC-8: while a peer does not answer another is asked beside, first one that says it has the document', async () => {
    const world = new World()
    const [a, b] = [await world.node('a'), await world.node('b')]
    await set(a, notes, 'n', 1)
    b.registers.merge(a.registers)
    const silent = wiretap(b, 'silent')
    await world.turns()
    expect(silent.take()).toHaveLength(1)
    const [unknowing, knowing] = [wiretap(b, 'unknowing'), wiretap(b, 'knowing')]
    const stored = { kind: 'stored', id: notes, included: new Map([['a.1', 1]]) } as const
    knowing.give({ ...stored })
    world.clock.advance(documentLimits.pullStallMs)
    await world.turns()
    expect(silent.take()).toEqual([])
    expect(unknowing.take()).toEqual([])
    expect(knowing.take().filter(({ kind }) => kind === 'pull')).toHaveLength(1)
    world.link(a, b)
    world.clock.advance(documentLimits.pullStallMs)
    await world.settle()
    world.clock.advance(documentLimits.pullStallMs)
    await world.settle()
    expect(await read(b, notes)).toEqual({ n: 1 })
    expect(b.documents.status(notes)).not.toBe('behind')
  })

  it('DOC-8: a document that could not be read here is pulled once it can be', async () => {
    const world = new World()
    const [a, b] = [await world.node('a'), await world.node('b')]
    await set(a, notes, 'n', 1)
    b.store.readFails = new Error('a bad cable')
    world.link(a, b)
    await world.settle()
    expect(b.documents.status(notes)).toBe('behind')
    b.store.readFails = undefined
    world.clock.advance(documentLimits.readAgainDelayMs)
    await world.settle()
    expect(await read(b, notes)).toEqual({ n: 1 })
  })

  it('DOC-8: a peer that claims what it does not give is not asked without end', async () => {
    const world = new World()
    const node = await world.node('a')
    node.registers.set(`@doc/${notes}`, 'x.1', ['yjs', 3, 0])
    const peer = wiretap(node)
    let pulls = 0
    for (let i = 0; i < 50; i++) {
      await world.turns(3)
      for (const message of peer.take())
        if (message.kind === 'pull') {
          pulls++
          // It names a position that its content does not reach.
          peer.give({
            ...nothingFound(message.pull),
            found: true,
            included: new Map([['x.1', 3]]),
            target: Uint8Array.of(1, 7, 9)
          } as Message)
        }
    }
    expect(pulls).toBeLessThan(10)
    expect(node.documents.status(notes)).toBe('incomplete (waiting for x.1)')
    expect(node.documents.durableIncluded(notes)).toEqual(new Map())
  })

  it('DOC-8: claims of own edits that were never made are not believed', async () => {
    const world = new World()
    const node = await world.node('a')
    await set(node, notes, 'n', 1)
    node.registers.set(`@doc/${notes}`, 'a.1', ['yjs', 99, 0])
    const peer = wiretap(node)
    await world.turns()
    expect(node.documents.status(notes)).toBe('complete')
    expect(peer.take().filter(message => message.kind === 'pull')).toEqual([])
  })

  it('hundreds of documents are pulled, a few at a time', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    const ids = Array.from({ length: 300 }, (_, i) => documentId(`d/${i}`))
    const documents = ids.map(id => a.documents.openYjs(id))
    documents.forEach(({ doc }, i) => doc.getMap('m').set('n', i))
    await world.while(Promise.all(documents.map(document => document.flushed())))
    world.link(a, b)
    await world.settle()
    expect(b.documents.list().every(({ status }) => status === 'complete')).toBe(true)
    expect(b.documents.list()).toHaveLength(300)
    expect(await read(b, ids[299]!)).toEqual({ n: 299 })
  })
})

describe('live updates', () => {
  it('DOC-6: a live update is not followed by a pull', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    const link = world.link(a, b)
    await set(a, notes, 'n', 1)
    await world.settle()
    const before = link.messages
    await set(a, notes, 'n', 2)
    // The entry follows the update.
    await world.run(1_000)
    expect(await read(b, notes)).toEqual({ n: 2 })
    expect(b.documents.durableIncluded(notes)).toEqual(new Map([['a.1', 2]]))
    expect(link.messages - before).toBeLessThanOrEqual(4)
  })

  it('DOC-6: an update that came before what it follows is kept, not claimed, and claimed when the gap closes', async () => {
    const world = new World()
    const [a, b] = [await world.node('a'), await world.node('b')]
    const tapA = wiretap(a)
    for (const n of [1, 2, 3]) await set(a, notes, 'n', n)
    const lives = tapA.take().filter(message => message.kind === 'live')
    expect(lives.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3]
    ])
    const tapB = wiretap(b)
    tapB.give(lives[2]!)
    await world.turns()
    expect(b.documents.durableIncluded(notes)).toEqual(new Map())
    expect(await read(b, notes)).toEqual({})
    // It is on disk all the same.
    await b.restart()
    const again = wiretap(b)
    for (const live of [lives[2]!, lives[0]!]) again.give(live)
    await world.turns()
    expect(b.documents.durableIncluded(notes)).toEqual(new Map([['a.1', 1]]))
    again.give(lives[1]!)
    await world.turns()
    expect(b.documents.durableIncluded(notes)).toEqual(new Map([['a.1', 3]]))
    expect(await read(b, notes)).toEqual({ n: 3 })
  })

  it('DOC-6: an update that depends on an edit which is not here is not claimed, however it joins on', async () => {
    const world = new World()
    const [a, b, c] = [await world.node('a'), await world.node('b'), await world.node('c')]
    const taps = [wiretap(a), wiretap(b)]
    const link = world.link(a, b)
    const atA = a.documents.openYjs(notes)
    atA.doc.getText('t').insert(0, 'from a')
    await world.settle()
    link.cut()
    const atB = b.documents.openYjs(notes)
    // Each is put between characters of a's.
    for (const at of [2, 4]) {
      atB.doc.getText('t').insert(at, '!')
      await world.while(atB.flushed())
    }
    const [ofA, ofB] = taps.map(tap => tap.take().filter(message => message.kind === 'live'))
    const [first, second] = ofB!.filter(({ writer }) => writer === 'b.1')
    const tap = wiretap(c)
    tap.give(second!)
    tap.give(first!)
    await world.turns()
    expect(c.documents.durableIncluded(notes)).toEqual(new Map())
    tap.give(ofA!.find(({ writer }) => writer === 'a.1')!)
    await world.turns()
    expect(c.documents.durableIncluded(notes).get('a.1')).toBe(1)
    const atC = c.documents.openYjs(notes)
    await world.while(atC.loaded)
    expect(atC.doc.getText('t').toJSON()).toBe(atB.doc.getText('t').toJSON())
    // `first` joined on but was not integrated when it came: with `second` it is claimed now that everything is.
    expect(c.documents.durableIncluded(notes).get('b.1')).toBe(2)
  })

  it('DOC-7: an update is passed on once it is on disk, and not back', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    const tapA = wiretap(a)
    await set(a, notes, 'n', 1)
    const [live] = tapA.take().filter(message => message.kind === 'live')
    const from = wiretap(b, 'from')
    const to = wiretap(b, 'to')
    b.store.held = true
    from.give(live!)
    await world.turns()
    expect([from.take(), to.take()]).toEqual([[], []])
    b.store.release()
    await world.turns()
    expect(from.take()).toEqual([{ kind: 'stored', id: notes, included: new Map([['a.1', 1]]) }])
    expect(to.take()).toEqual([live])
    // A second copy from elsewhere is acknowledged, and goes no further.
    to.give(live!)
    await world.turns()
    expect(to.take()).toMatchObject([{ kind: 'stored' }])
    expect(from.take()).toEqual([])
  })

  it('DOC-9: updates for which a session has no credit are dropped beyond a bound, and pulled', async () => {
    const world = new World()
    const a = await world.node('a', { pushQueueBytesMax: 10_000 })
    const b = await world.node('b')
    const link = world.link(a, b)
    for (let i = 0; i < 40; i++) await set(a, notes, `k${i}`, 'v'.repeat(1_000))
    await world.settle()
    expect(Object.keys(await read(b, notes))).toHaveLength(40)
    expect(link.bytes).toBeLessThan(80_000)
  })
})

describe('fragments', () => {
  it('DOC-9: a large document travels in messages of at most 128 KiB, past which short ones go', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    await set(a, notes, 'big', 'x'.repeat(3_000_000))
    const link = world.link(a, b)
    await world.run(12)
    await set(a, documentId('small'), 'n', 1)
    await world.settle()
    expect((await read(b, notes))['big']).toHaveLength(3_000_000)
    expect(await read(b, documentId('small'))).toEqual({ n: 1 })
    expect(world.longest).toBeLessThanOrEqual(128 * 1024)
    expect(link.messages).toBeGreaterThan(23)
  })

  it('DOC-9: a cut in the middle of a transfer leaves nothing half, and the next channel starts anew', async () => {
    const world = new World(7)
    const a = await world.node('a')
    const b = await world.node('b')
    await set(a, notes, 'big', 'x'.repeat(1_000_000))
    for (let cuts = 0; cuts < 6; cuts++) {
      const link = world.link(a, b)
      await world.run(3 + cuts * 2)
      link.cut()
      expect(b.documents.durableIncluded(notes).size === 0 || b.documents.status(notes) === 'complete').toBe(true)
    }
    world.link(a, b)
    await world.settle()
    expect((await read(b, notes))['big']).toHaveLength(1_000_000)
    expect(b.documents.status(notes)).toBe('complete')
  })
})

describe('catching up', () => {
  it('DOC-2: what the catalogue of a peer that catches up lists is pulled at once, what comes live after a while', async () => {
    for (const how of ['live', 'catching up'] as const) {
      const world = new World()
      const a = await world.node('a')
      const b = await world.node('b')
      await set(b, notes, 'n', 1)
      const peer = wiretap(a)
      a.registers.merge(b.registers, how)
      await world.turn()
      await world.turn()
      const kinds = (): string[] => peer.take().map(({ kind }) => kind)
      expect(kinds()).toEqual(how === 'live' ? [] : ['pull'])
      await world.turn(documentLimits.liveGraceMs)
      await world.turns()
      expect(kinds()).toEqual(how === 'live' ? ['pull'] : [])
    }
  })

  it('DOC-2: of a config only the changes that are lacking are sent', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    const config = await openConfig<Record<string, unknown>>(a, hvac)
    await world.while(config.change('made', draft => (draft['text'] = 'x'.repeat(5_000))))
    const first = world.link(a, b)
    await world.settle()
    first.cut()
    await world.while(config.change('small', draft => (draft['n'] = 1)))
    const link = world.link(a, b)
    await world.settle()
    expect((await openConfig<Record<string, unknown>>(b, hvac)).current()['n']).toBe(1)
    expect(link.bytes).toBeLessThan(500)
  })
})

describe('acknowledgements', () => {
  it('DOC-12: an edit is acknowledged by those who have it on disk', async () => {
    const world = new World()
    const a = await world.node('a')
    const relay = await world.node('relay')
    const heard: unknown[] = []
    a.documents.onStored((label, role, id, included) => heard.push([label, role, id, Object.fromEntries(included)]))
    world.link(a, relay)
    relay.store.held = true
    await set(a, notes, 'n', 1)
    await world.settle()
    expect(a.documents.reached(notes, 'a.1', 1)).toEqual([])
    relay.store.release()
    await world.settle()
    expect(a.documents.reached(notes, 'a.1', 1)).toEqual([expect.objectContaining({ label: 'relay', role: 'relay' })])
    expect(heard).toContainEqual(['relay', 'relay', notes, { 'a.1': 1 }])
    expect(a.documents.reached(notes, 'a.1', 2)).toEqual([])
  })

  it('DOC-12: an edit is acknowledged though an answer has named it, and again when it is confirmed', async () => {
    const world = new World()
    const a = await world.node('a')
    const peer = wiretap(a)
    peer.give(firstEdit('p.1'))
    await world.turns()
    const asked: Message = {
      kind: 'pull',
      pull: 1,
      first: true,
      full: false,
      id: notes,
      engine: 'yjs',
      included: new Map([['p.1', 1]]),
      needs: new Map([['q.1', 1]]),
      body: Y.encodeStateVector(new Y.Doc())
    }
    peer.give(asked)
    await world.turns()
    const stored: Message = { kind: 'stored', id: notes, included: new Map([['p.1', 1]]) }
    const said = peer.take()
    expect(said).toContainEqual(expect.objectContaining({ kind: 'answer', found: true, included: new Map([['p.1', 1]]) }))
    expect(said).toContainEqual(stored)
    for (let times = 0; times < 2; times++) {
      peer.give({ kind: 'confirm', id: notes, included: new Map([['p.1', 1]]) })
      expect(peer.take()).toEqual([stored])
    }
  })

  it('DOC-12: what a peer is known to have is not asked about again', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    const link = world.link(a, b)
    await set(a, notes, 'n', 1)
    await world.settle()
    expect(a.documents.reached(notes, 'a.1', 1)).toHaveLength(1)
    link.cut()
    const again = world.link(a, b)
    await world.settle()
    await world.turn(documentLimits.confirmDelayMs)
    await world.settle()
    expect(again.messages).toBe(0)
  })

  it('DOC-12: an acknowledgement lost with its channel comes on the next', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    await set(a, notes, 'n', 1)
    const first = world.link(a, b)
    // Until b has it on disk, but has not said so.
    while (b.documents.durableIncluded(notes).size === 0) await world.run(1)
    first.cut()
    expect(a.documents.reached(notes, 'a.1', 1)).toEqual([])
    world.link(a, b)
    await world.settle()
    expect(a.documents.reached(notes, 'a.1', 1)).toHaveLength(1)
  })
})

describe('engines', () => {
  it('config documents are pulled by sync messages, both ways, with histories apart', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    const atA = await openConfig<Record<string, number>>(a, hvac)
    for (let i = 0; i < 30; i++) await world.while(atA.change(`a${i}`, draft => (draft[`a${i % 5}`] = i)))
    const link = world.link(a, b)
    await world.settle()
    const atB = await openConfig<Record<string, number>>(b, hvac)
    expect(atB.current()).toEqual(atA.current())
    link.cut()
    for (let i = 0; i < 20; i++) {
      await world.while(atA.change('apart', draft => (draft['x'] = i)))
      await world.while(atB.change('apart', draft => (draft['y'] = i)))
    }
    world.link(a, b)
    await world.settle()
    expect(atA.current()).toEqual(atB.current())
    expect(atA.history()).toHaveLength(70)
    for (const node of [a, b]) expect(node.documents.status(hvac)).toBe('complete')
  })

  it('a document made under two engines on two sides does not stop anything else', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    await set(a, hvac, 'n', 1)
    const config = await openConfig<{ n: number }>(b, hvac)
    await world.while(config.change('n', draft => (draft.n = 2)))
    await set(a, notes, 'n', 3)
    const link = world.link(a, b)
    await world.settle()
    await set(a, hvac, 'n', 4)
    await world.settle()
    expect(link.faults).toEqual([])
    expect(await read(a, hvac)).toEqual({ n: 4 })
    expect(config.current()).toEqual({ n: 2 })
    expect(await read(b, notes)).toEqual({ n: 3 })
  })
})
