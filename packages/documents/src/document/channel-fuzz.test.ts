/** Untrusted bytes: whatever arrives, the process lives, the documents keep their content, and the error is one of ours. */
import { SelvedgeError, below, documentId } from '@selvedge/core'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { AutomergeEngine, importAutomerge } from './automerge-engine.js'
import { encodeMessage, type Message } from './messages.js'
import { openConfig, read, set, warmUp } from './testing/documents.js'
import { World, type TestNode } from './testing/world.js'
import { YjsEngine } from './yjs-engine.js'

const notes = documentId('notes')
const hvac = documentId('hvac')
const runs = Number(process.env['SELVEDGE_RUNS'] ?? 150)

// Its checksum is right, and it can be applied; two numbers in its columns are none that Automerge itself would write.
const oddChange =
  '856f4a83e3a8d7ef015f0010bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb01014b00000a010602061106130715083403420456065703700200010200000100010201000100027f00000100017e000200017f013d00027f016201020a7f0403017f0002167f147879010400'

beforeAll(warmUp)

interface Mutation {
  at: number
  byte: number
}

const mutations = fc.array(fc.record({ at: fc.nat(4_000), byte: fc.nat(255) }), { minLength: 1, maxLength: 4 })

function mutate(bytes: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  const copy = bytes.slice()
  for (const { at, byte } of changes) copy[at % copy.length] = byte
  return copy
}

async function populated(world: World): Promise<TestNode> {
  const node = await world.node('a')
  await set(node, notes, 'kept', 1)
  const config = await openConfig<{ kept: number }>(node, hvac)
  await world.while(config.change('kept', draft => (draft.kept = 1)))
  return node
}

/** Every message that crosses the wire while two replicas edit apart and meet. */
async function conversation(): Promise<Uint8Array[]> {
  const world = new World(3)
  const [a, b] = [await populated(world), await world.node('b')]
  await set(b, notes, 'other', 2)
  const messages: Uint8Array[] = []
  const link = world.link(a, b)
  for (const end of link.ends) {
    const receive = end.channel.receive.bind(end.channel)
    end.channel.receive = message => {
      messages.push(message)
      receive(message)
    }
  }
  await world.settle()
  await set(a, notes, 'later', 3)
  const config = await openConfig<{ more: number }>(b, hvac)
  await world.while(config.change('more', draft => (draft.more = 2)))
  await world.settle()
  expect(messages.length).toBeGreaterThan(10)
  return messages
}

/** Gives bytes to a fresh channel; says what it was closed with. */
async function offer(node: TestNode, messages: readonly Uint8Array[]): Promise<SelvedgeError | undefined> {
  let fault: SelvedgeError | undefined
  const channel = node.documents.channel({
    label: 'x',
    role: 'node',
    onPending: () => undefined,
    onFault: error => (fault = error)
  })
  try {
    for (const message of messages) channel.receive(message)
  } catch (error) {
    expect(error).toBeInstanceOf(SelvedgeError)
    fault = error as SelvedgeError
  }
  await node.world.turns(4)
  for (let i = 0; i < 100 && channel.pending; i++) channel.next()
  channel.close()
  return fault
}

async function expectUnharmed(node: TestNode): Promise<void> {
  expect(await read(node, notes)).toMatchObject({ kept: 1 })
  const config = await openConfig<{ kept: number }>(node, hvac)
  expect(config.current()).toMatchObject({ kept: 1 })
  await set(node, notes, 'alive', 1)
  await node.world.while(config.change('alive', draft => (draft.kept = 1)))
  config.close()
}

describe('untrusted bytes', () => {
  it('DOC-10: random bytes close the channel or are ignored', async () => {
    const node = await populated(new World())
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async bytes => void (await offer(node, [bytes]))),
      { numRuns: runs }
    )
    await expectUnharmed(node)
  })

  it('DOC-10: mutated messages harm nothing', async () => {
    const messages = await conversation()
    const world = new World()
    const node = await populated(world)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(messages.length - 1), mutations), { minLength: 1, maxLength: 3 }),
        async picks => {
          await offer(
            node,
            picks.map(([index, changes]) => mutate(messages[index]!, changes))
          )
        }
      ),
      { numRuns: runs }
    )
    await expectUnharmed(node)
    await node.restart()
    await expectUnharmed(node)
  })

  it('DOC-10: a line that garbles a message now and then stops nobody', async () => {
    for (let seed = 0; seed < runs / 10; seed++) {
      const world = new World(seed)
      const [a, b] = [await populated(world), await world.node('b')]
      await set(b, notes, 'kept', 1)
      const atB = await openConfig<{ kept: number }>(b, hvac)
      await world.while(atB.change('kept', draft => (draft.kept = 1)))
      for (let round = 0; round < 4; round++) {
        const link = world.link(a, b)
        for (const end of link.ends) {
          const receive = end.channel.receive.bind(end.channel)
          end.channel.receive = message => {
            const garbled = below(world.random, 3) === 0
            receive(garbled ? mutate(message, [{ at: world.random.uint32(), byte: world.random.uint32() & 0xff }]) : message)
          }
        }
        await world.settle()
        for (const fault of link.faults) expect(fault).toBeInstanceOf(SelvedgeError)
        link.cut()
      }
      await expectUnharmed(a)
      await expectUnharmed(b)
    }
  })

  it('DOC-10: a malformed update of either engine closes the session with a code, and changes nothing', async () => {
    const world = new World()
    const node = await populated(world)
    const bad = (id: typeof notes, engine: 'yjs' | 'automerge', update: Uint8Array): Message => ({
      kind: 'live',
      id,
      engine,
      writer: 'x.1',
      from: 0,
      to: 1,
      update
    })
    for (const message of [
      bad(notes, 'yjs', Uint8Array.of(1, 2, 3)),
      bad(hvac, 'automerge', Uint8Array.of(1, 2, 3)),
      bad(documentId('new'), 'yjs', Uint8Array.of(9))
    ])
      expect((await offer(node, [Uint8Array.of(0, ...encodeMessage(message))]))?.code).toBe('DOCUMENT_MESSAGE_INVALID')
    for (const id of [notes, hvac]) expect(node.documents.durableIncluded(id)).toEqual(new Map([['a.1', 1]]))
    await expectUnharmed(node)
  })

  it('DOC-9: a transfer that claims too much, or is not what it says, closes the session', async () => {
    const node = await populated(new World())
    const code = async (...messages: Uint8Array[]) => (await offer(node, messages))?.code
    expect(await code(Uint8Array.of(1, 0xff, 0xff, 0xff, 0x7f, 1))).toBe('CODEC_OVERFLOW')
    expect(await code(Uint8Array.of(2, 1, 2))).toBe('DOCUMENT_MESSAGE_INVALID')
    expect(await code(Uint8Array.of(1, 10, 1), Uint8Array.of(1, 10, 1))).toBe('DOCUMENT_MESSAGE_INVALID')
    expect(await code(Uint8Array.of(1, 3, 1), Uint8Array.of(2, 1, 2, 3))).toBe('DOCUMENT_MESSAGE_INVALID')
    expect(await code(Uint8Array.of(7))).toBe('DOCUMENT_MESSAGE_INVALID')
    expect(await code(Uint8Array.of(0, 77))).toBe('DOCUMENT_MESSAGE_INVALID')
    // An optional message of a later version is skipped.
    expect(await code(Uint8Array.of(0, 200, 1, 2, 3))).toBeUndefined()
  })

  it('DOC-9: more pull requests than may wait close the session', async () => {
    const node = await populated(new World())
    const pull: Message = {
      kind: 'pull',
      pull: 1,
      first: true,
      full: false,
      id: notes,
      engine: 'yjs',
      included: new Map(),
      needs: new Map(),
      body: Uint8Array.of(0)
    }
    const bytes = Uint8Array.of(0, ...encodeMessage(pull))
    expect(
      (
        await offer(
          node,
          Array.from({ length: 16 }, () => bytes)
        )
      )?.code
    ).toBeUndefined()
    expect(
      (
        await offer(
          node,
          Array.from({ length: 40 }, () => bytes)
        )
      )?.code
    ).toBe('DOCUMENT_MESSAGE_INVALID')
  })
})

describe('engines', () => {
  it('DOC-10: a Yjs update with something of no length in it is refused: the snapshot of it could not be read', () => {
    const engine = new YjsEngine('notes', 7, { local: () => undefined, observerFailed: expect.fail, destroyed: () => undefined })
    for (const bytes of [
      [1, 1, 0, 0, 0, 0, 0],
      [0, 1, 5, 1, 0, 0]
    ])
      expect(() => engine.apply(Uint8Array.from(bytes))).toThrowError(
        expect.objectContaining({ code: 'DOCUMENT_MESSAGE_INVALID' })
      )
    expect(engine.snapshot()).toEqual(Uint8Array.of(0, 0))
  })

  it('DOC-10: a Yjs update with a number that is not exact is refused: the snapshot of it could not be read', () => {
    const engine = new YjsEngine('notes', 7, { local: () => undefined, observerFailed: expect.fail, destroyed: () => undefined })
    const refusal = expect.objectContaining({ code: 'DOCUMENT_MESSAGE_INVALID' })
    const inexact = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]
    const before = engine.snapshot()
    for (const bytes of [
      // A struct's clock, the right neighbour of an item, a deletion.
      [1, 1, 1, ...inexact, 0, 1, 0],
      [1, 1, 1, 0, 0x44, 2, ...inexact, 1, 0x61, 0],
      [0, 1, 5, 1, ...inexact, 1]
    ])
      expect(() => engine.apply(Uint8Array.from(bytes)), bytes.join()).toThrowError(refusal)
    expect(engine.snapshot()).toEqual(before)
    // A vector that no document can have.
    expect(() => engine.answer({}, Uint8Array.from([1, 1, ...inexact]), false)).toThrowError(refusal)
  })

  it('DOC-10: an Automerge change that is stored as another is refused: the document could not be read again', async () => {
    const engine = new AutomergeEngine(await importAutomerge(), {
      actor: 'a'.repeat(32),
      author: 'x',
      local: () => undefined,
      changed: () => undefined
    })
    const empty = engine.snapshot()
    const change = Uint8Array.from(Buffer.from(oddChange, 'hex'))
    expect(() => engine.apply(change)).toThrowError(expect.objectContaining({ code: 'DOCUMENT_MESSAGE_INVALID' }))
    expect(engine.snapshot()).toEqual(empty)
  })

  it('DOC-10: a Yjs update that decodes but fails half way leaves the document as it was', () => {
    const source = new Y.Doc()
    source.clientID = 1
    const updates: Uint8Array[] = []
    source.on('update', (update: Uint8Array) => updates.push(update))
    source.getMap('m').set('a', 1)
    source.getText('t').insert(0, 'hello')
    source.getText('t').insert(2, 'xx')
    source.getText('t').delete(1, 3)
    let failed = 0
    fc.assert(
      fc.property(fc.nat(updates.length - 1), mutations, (index, changes) => {
        const engine = new YjsEngine('notes', 7, {
          local: () => undefined,
          observerFailed: expect.fail,
          destroyed: () => undefined
        })
        for (const update of updates) engine.apply(update)
        const before = Y.encodeStateAsUpdate(engine.doc)
        try {
          engine.apply(mutate(updates[index]!, changes))
        } catch (error) {
          failed++
          expect(error).toMatchObject({ code: 'DOCUMENT_MESSAGE_INVALID' })
          expect(Y.encodeStateAsUpdate(engine.doc)).toEqual(before)
        }
        engine.doc.getMap('m').set('still', 'works')
        const copy = new Y.Doc()
        Y.applyUpdate(copy, Y.encodeStateAsUpdate(engine.doc))
        expect(copy.getMap('m').get('still')).toBe('works')
        engine.destroy()
      }),
      { numRuns: runs * 4 }
    )
    expect(failed).toBeGreaterThan(0)
  })

  it('DOC-10: an Automerge change that does not match its checksum is refused', async () => {
    const automerge = await importAutomerge()
    const updates: Uint8Array[] = []
    const engine = (actor: string) =>
      new AutomergeEngine(automerge, {
        actor: actor.repeat(16),
        author: 'x',
        local: update => updates.push(update),
        changed: () => undefined
      })
    const [source, target] = [engine('aa'), engine('bb')]
    source.change(
      0,
      'one',
      draft => (draft['n'] = 1),
      () => undefined
    )
    const broken = updates[0]!.slice()
    broken[broken.length - 1]! ^= 1
    expect(() => target.apply(broken)).toThrowError(expect.objectContaining({ code: 'DOCUMENT_MESSAGE_INVALID' }))
    expect(() => target.apply(updates[0]!.subarray(0, -2))).toThrowError(
      expect.objectContaining({ code: 'DOCUMENT_MESSAGE_INVALID' })
    )
    expect(automerge.toJS(target.doc)).toEqual({})
    expect(target.apply(updates[0]!)).toBe(true)
    expect(automerge.toJS(target.doc)).toEqual({ n: 1 })
  })

  it('DOC-6: an Automerge change that came before what it follows is kept, over a restart too', async () => {
    const automerge = await importAutomerge()
    const updates: Uint8Array[] = []
    const engine = (actor: string) =>
      new AutomergeEngine(automerge, {
        actor: actor.repeat(16),
        author: 'x',
        local: update => updates.push(update),
        changed: () => undefined
      })
    const source = engine('aa')
    for (const n of [1, 2])
      source.change(
        0,
        undefined,
        draft => (draft['n'] = n),
        () => undefined
      )
    const target = engine('bb')
    expect(target.apply(updates[1]!)).toBe(false)
    expect(target.settled).toBe(false)
    const again = engine('cc')
    again.load([target.snapshot()])
    expect(again.settled).toBe(false)
    expect(again.apply(updates[0]!)).toBe(true)
    expect([again.settled, automerge.toJS(again.doc)]).toEqual([true, { n: 2 }])
  })
})
