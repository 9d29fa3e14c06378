import { SelvedgeError, documentId, isSelvedgeError } from '@selvedge/core'
import { beforeAll, describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import type { FakeDisk } from './testing/fake-store.js'
import { openConfig, read, set, warmUp } from './testing/documents.js'
import { World } from './testing/world.js'

const notes = documentId('floor/notes')
const hvac = documentId('hvac')

beforeAll(warmUp)

async function alone(limits = {}) {
  const world = new World()
  return { world, node: await world.node('a', limits) }
}

describe('storing', () => {
  it('DOC-1: an edit is listed in the catalogue only once its content is on disk', async () => {
    const { world, node } = await alone()
    node.store.held = true
    const document = node.documents.openYjs(notes)
    document.doc.getMap('m').set('lamp', 1)
    await world.turns()
    expect(node.store.pending).toBe(1)
    expect([...node.registers.paths('@doc/')]).toEqual([])
    node.store.release()
    await world.turns()
    expect([...node.registers.slots(`@doc/${notes}`)]).toEqual([{ slot: 'a.1', value: ['yjs', 1, 1] }])
  })

  it('DOC-3: edits of one turn are one commit of content and what it includes', async () => {
    const { world, node } = await alone()
    const document = node.documents.openYjs(notes)
    await world.while(document.loaded)
    for (let i = 0; i < 50; i++) document.doc.getMap('m').set(`k${i}`, i)
    expect(await world.while(document.flushed())).toEqual({ writer: 'a.1', count: 1 })
    expect(node.store.batches).toHaveLength(1)
    expect(node.store.batches[0]!.puts.map(put => put.key).sort()).toEqual([`doc-included/${notes}`, `doc/${notes}/u/1`])
    expect(node.documents.durableIncluded(notes)).toEqual(new Map([['a.1', 1]]))
  })

  it('DOC-4: what was flushed is there after a crash, what was not is not claimed', async () => {
    const { world, node } = await alone()
    await set(node, notes, 'kept', 1)
    const document = node.documents.openYjs(notes)
    node.store.held = true
    document.doc.getMap('m').set('lost', 2)
    await world.turns()
    await node.restart()
    expect(await read(node, notes)).toEqual({ kept: 1 })
    expect(node.documents.durableIncluded(notes)).toEqual(new Map([['a.1', 1]]))
  })

  it('DOC-5: edits made before stored content is read are kept, stored and sent', async () => {
    const { world, node } = await alone()
    await set(node, notes, 'before', 1)
    await node.restart()
    const document = node.documents.openYjs(notes)
    expect(document.doc.getMap('m').toJSON()).toEqual({})
    document.doc.getMap('m').set('early', 2)
    await world.while(document.flushed())
    expect(document.doc.getMap('m').toJSON()).toEqual({ before: 1, early: 2 })
    await node.restart()
    expect(await read(node, notes)).toEqual({ before: 1, early: 2 })
    const other = await world.node('b')
    world.link(node, other)
    await world.settle()
    expect(await read(other, notes)).toEqual({ before: 1, early: 2 })
  })

  it('DOC-5: edits survive when the service destroys the document before it is read', async () => {
    const { world, node } = await alone()
    await set(node, notes, 'before', 1)
    await node.restart()
    const document = node.documents.openYjs(notes)
    document.doc.getMap('m').set('early', 2)
    document.doc.destroy()
    document.close()
    await world.turns(10)
    expect(await read(node, notes)).toEqual({ before: 1, early: 2 })
    await node.restart()
    expect(await read(node, notes)).toEqual({ before: 1, early: 2 })
  })

  it('client ids are drawn from the given randomness, fresh each boot', async () => {
    const ids = async () => {
      const { node } = await alone()
      const first = node.documents.openYjs(notes).doc.clientID
      await node.restart()
      return [first, node.documents.openYjs(notes).doc.clientID]
    }
    const [first, second] = await ids()
    expect(first).not.toBe(second)
    expect(await ids()).toEqual([first, second])
  })

  it('DOC-3: a crash at any step of a compaction loses nothing', async () => {
    const { world, node } = await alone({ updateRecordsMax: 4 })
    const snapshots: { disk: FakeDisk; expected: Record<string, unknown> }[] = []
    const expected: Record<string, unknown> = {}
    for (let i = 0; i < 11; i++) {
      await set(node, notes, `k${i % 7}`, i)
      expected[`k${i % 7}`] = i
      snapshots.push({ disk: node.disk.copy(), expected: { ...expected } })
    }
    expect(node.disk.keysOf(notes)).toEqual([`doc/${notes}/s/10`, `doc/${notes}/u/11`])
    for (const { disk, expected } of snapshots) {
      node.crash()
      node.disk = disk
      await node.start()
      expect(await read(node, notes)).toEqual(expected)
      // Everything found was listed: nothing had to be distrusted.
      expect(node.documents.durableIncluded(notes).size).toBe(1)
    }
    await world.turns()
  })

  it('DOC-17: documents that nobody uses leave memory and come back', async () => {
    const { world, node } = await alone({ idleInstancesMax: 2 })
    const ids = Array.from({ length: 6 }, (_, i) => documentId(`d${i}`))
    const documents = ids.map(id => node.documents.openYjs(id))
    documents.forEach(({ doc }, i) => doc.getMap('m').set('n', i))
    let destroyed = 0
    for (const document of documents) {
      await world.while(document.flushed())
      document.doc.on('destroy', () => destroyed++)
    }
    expect(destroyed).toBe(0)
    for (const document of documents) document.close()
    await world.turns()
    expect(destroyed).toBe(4)
    for (const [i, id] of ids.entries()) expect(await read(node, id)).toEqual({ n: i })
  })

  it('a closed set stores what has gathered and refuses the rest', async () => {
    const { world, node } = await alone()
    const document = node.documents.openYjs(notes)
    await world.while(document.loaded)
    document.doc.getMap('m').set('last', 1)
    await world.while(node.documents.close())
    await node.documents.close()
    expect(() => node.documents.openYjs(notes)).toThrowError(expect.objectContaining({ code: 'DOCUMENTS_CLOSED' }))
    await expect(document.flushed()).rejects.toMatchObject({ code: 'DOCUMENTS_CLOSED' })
    await node.restart()
    expect(await read(node, notes)).toEqual({ last: 1 })
  })

  it('refuses to open a document under the other engine', async () => {
    const { node } = await alone()
    await set(node, notes, 'n', 1)
    await expect(node.documents.openAutomerge(notes)).rejects.toMatchObject({ code: 'DOCUMENT_ENGINE_MISMATCH' })
  })
})

describe('limits', () => {
  it('DOC-15: an edit beyond the size limit is neither stored nor sent, until the document is small again', async () => {
    const { world, node } = await alone({ documentBytesMax: 4_000 })
    const other = await world.node('b')
    world.link(node, other)
    const document = node.documents.openYjs(notes)
    const text = document.doc.getText('t')
    text.insert(0, 'x'.repeat(3_000))
    await world.while(document.flushed())
    text.insert(0, 'y'.repeat(900))
    text.insert(0, 'z'.repeat(900))
    const refused = document.flushed()
    await expect(world.while(refused)).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' })
    await expect(document.flushed()).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' })
    await world.settle()
    const atOther = other.documents.openYjs(notes)
    await world.while(atOther.loaded)
    expect(atOther.doc.getText('t').length).toBe(3_000)
    text.delete(0, 4_000)
    await world.while(document.flushed())
    await world.settle()
    expect(atOther.doc.getText('t').length).toBe(800)
    await node.restart()
    const again = node.documents.openYjs(notes)
    await world.while(again.loaded)
    expect(again.doc.getText('t').length).toBe(800)
  })

  it('DOC-15: edits that outgrow the queue of a stuck store are reported, and stored once it works', async () => {
    const { world, node } = await alone({ documentBytesMax: 20_000 })
    const document = node.documents.openYjs(notes)
    await world.while(document.loaded)
    node.store.held = true
    const map = document.doc.getMap('m')
    map.set('first', 0)
    await world.turns()
    let refused: unknown
    for (let i = 0; i < 300 && !refused; i++) {
      try {
        map.set('k', 'v'.repeat(100) + i)
      } catch (error) {
        refused = error
      }
    }
    expect(isSelvedgeError(refused, 'DOCUMENT_BACKLOG')).toBe(true)
    const last = map.get('k')
    node.store.release()
    await world.while(document.flushed())
    await node.restart()
    expect(await read(node, notes)).toEqual({ first: 0, k: last })
  })

  it('DOC-15: while the store is degraded shared documents go on in memory and config changes are refused', async () => {
    const { world, node } = await alone()
    const config = await openConfig<{ n: number }>(node, hvac)
    node.store.held = true
    node.degraded = true
    await expect(config.change('no', draft => (draft.n = 1))).rejects.toMatchObject({ code: 'STORE_DEGRADED' })
    expect(config.current()).toEqual({})
    const document = node.documents.openYjs(notes)
    document.doc.getMap('m').set('n', 1)
    expect(document.doc.getMap('m').get('n')).toBe(1)
    const flushed = document.flushed()
    await world.turns()
    node.store.release()
    node.degraded = false
    await world.while(flushed)
    expect(node.disk.keysOf(notes)).toHaveLength(1)
  })
})

describe('recovery', () => {
  it('DOC-15: a document can be read while only its header waits for the store', async () => {
    const { world, node } = await alone()
    await set(node, notes, 'n', 1)
    // With it the catalogue is stored that lists the edit; so after the restart its header is written anew, without the edit.
    await set(node, documentId('floor/other'), 'n', 1)
    const restarted = node.restart()
    node.store.held = true
    await restarted
    await world.turns()
    expect(node.store.pending).toBe(1)
    const document = node.documents.openYjs(notes)
    await world.turns(20)
    expect(document.doc.getMap('m').toJSON()).toEqual({ n: 1 })
    expect(node.store.pending).toBe(1)
  })

  it('DOC-13: content whose catalogue entry was lost in a crash is listed again', async () => {
    const { world, node } = await alone()
    await set(node, notes, 'n', 1)
    // The entry is set after the commit, so the commit that would store it has not happened.
    await node.restart()
    expect([...node.registers.slots(`@doc/${notes}`)]).toEqual([{ slot: 'a.1', value: ['yjs', 1, 1] }])
    const other = await world.node('b')
    world.link(node, other)
    await world.settle()
    expect(await read(other, notes)).toEqual({ n: 1 })
  })

  it('DOC-13: a replica with the only copy of an unlisted edit lists it after a while', async () => {
    const world = new World()
    const [a, b, c] = [await world.node('a'), await world.node('b'), await world.node('c')]
    const links = [world.link(a, b), world.link(b, c)]
    await set(a, notes, 'n', 1)
    await world.settle()
    links[1]!.cut()
    // The next edit reaches b, its entry does not, and a is gone for good.
    b.registers.merge = () => false
    await set(a, notes, 'n', 2)
    await world.settle()
    a.crash()
    world.link(b, c)
    await world.settle()
    expect(await read(c, notes)).toEqual({ n: 1 })
    world.clock.advance(10_000)
    await world.settle()
    expect(await read(c, notes)).toEqual({ n: 2 })
    expect(c.documents.status(notes)).toBe('complete')
  })

  it('DOC-11: after lost records everything is pulled again and what is left is announced', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    await set(a, notes, 'both', 1)
    const link = world.link(a, b)
    await world.settle()
    link.cut()
    await set(b, notes, 'other', 2)
    await a.restart()
    await set(a, notes, 'lost', 3)
    await a.restart()
    await set(a, notes, 'left', 4)
    await set(a, documentId('untouched'), 'n', 5)
    a.crash()
    const lost = `doc/${notes}/u/2`
    a.disk.records.delete(lost)
    await a.start({ corrupt: [lost], incomplete: false, message: 'a record is corrupt' })
    expect(a.documents.durableIncluded(notes)).toEqual(new Map([['a.4', 1]]))
    expect(a.documents.durableIncluded(documentId('untouched'))).toEqual(new Map([['a.3', 1]]))
    expect(a.documents.status(notes)).toBe('behind')
    world.link(a, b)
    await world.settle()
    for (const node of [a, b]) {
      expect(await read(node, notes)).toEqual({ both: 1, other: 2, left: 4 })
      // An edit that nobody has any more is not passed over in silence.
      expect(node.documents.status(notes)).toBe('incomplete (waiting for a.2)')
    }
    // What was stored after the loss is sound: nothing is distrusted a second time.
    await a.restart()
    expect(a.documents.durableIncluded(notes).get('a.4')).toBe(1)
    expect(await read(a, notes)).toEqual({ both: 1, other: 2, left: 4 })
    expect(a.documents.durableIncluded(notes).get('a.4')).toBe(1)
  })

  it('DOC-11: a lost header is noticed, and the engine is known from the records', async () => {
    const { node } = await alone()
    const config = await openConfig<{ n: number }>(node, hvac)
    await node.world.while(config.change('one', draft => (draft.n = 1)))
    node.crash()
    node.disk.records.delete(`doc-included/${hvac}`)
    await node.start({ corrupt: [], incomplete: true, message: 'records are missing' })
    const again = await openConfig<{ n: number }>(node, hvac)
    expect(again.current()).toEqual({ n: 1 })
    expect(node.documents.durableIncluded(hvac)).toEqual(new Map([['a.2', 1]]))
  })

  it('DOC-11: records missing without the store noticing are noticed when the document is read', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    await set(a, notes, 'x', 1)
    await set(a, notes, 'y', 2)
    world.link(a, b)
    await world.settle()
    await world.while(b.documents.flushed(notes))
    b.crash()
    for (const key of b.disk.keysOf(notes)) b.disk.records.delete(key)
    await b.start()
    world.link(a, b)
    await read(b, notes)
    await world.settle()
    expect(await read(b, notes)).toEqual({ x: 1, y: 2 })
  })

  it('DOC-5: edits made while nothing could be read are stored once it can be', async () => {
    const { world, node } = await alone({ readAgainDelayMs: 1_000 })
    await set(node, notes, 'before', 1)
    await node.restart()
    node.store.readFails = new Error('a bad cable')
    const document = node.documents.openYjs(notes)
    document.loaded.catch(() => undefined)
    document.doc.getMap('m').set('meanwhile', 2)
    const flushed = document.flushed()
    await world.turns()
    world.clock.advance(1_000)
    await world.turns()
    node.store.readFails = undefined
    world.clock.advance(1_000)
    await world.while(flushed)
    await node.restart()
    expect(await read(node, notes)).toEqual({ before: 1, meanwhile: 2 })
  })

  it('does not open records of a later version, and does not touch them', async () => {
    const { node } = await alone()
    await set(node, notes, 'n', 1)
    node.crash()
    const [key] = node.disk.keysOf(notes) as [string]
    const later = node.disk.records.get(key)!.slice()
    later[0] = 9
    node.disk.records.set(key, later)
    await node.start()
    const document = node.documents.openYjs(notes)
    await expect(node.world.while(document.loaded)).rejects.toBeInstanceOf(SelvedgeError)
    await node.world.turns()
    expect(node.disk.records.get(key)).toEqual(later)
  })
})

describe('deleting', () => {
  it('DOC-14: a deletion reaches the others; content goes with purge', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    world.link(a, b)
    await set(a, notes, 'n', 1)
    await world.settle()
    expect(await world.while(b.documents.purge(notes))).toBe(false)
    await world.while(a.documents.delete(notes))
    await world.settle()
    expect([a.documents.list(), b.documents.list()]).toEqual([[], []])
    expect(b.disk.keysOf(notes)).not.toEqual([])
    for (const node of [a, b]) {
      expect(await world.while(node.documents.purge(notes))).toBe(true)
      expect([...node.disk.records.keys()]).toEqual([])
    }
    world.clock.advance(20_000)
    await world.settle()
    expect([a.documents.list(), b.documents.list()]).toEqual([[], []])
  })

  it('DOC-14: a deleted document stays deleted over a restart', async () => {
    const { world, node } = await alone()
    await set(node, notes, 'n', 1)
    await set(node, notes, 'n', 2)
    await world.while(node.documents.delete(notes))
    await world.turns()
    await node.restart()
    world.clock.advance(20_000)
    await world.turns()
    expect(node.documents.list()).toEqual([])
    expect([...node.registers.paths('@doc/')]).toEqual([])
  })

  it('DOC-14: an edit that the deletion did not know of brings the document back', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    const link = world.link(a, b)
    await set(a, notes, 'n', 1)
    await world.settle()
    link.cut()
    await world.while(a.documents.delete(notes))
    await set(b, notes, 'kept', 2)
    world.link(a, b)
    await world.settle()
    expect(await read(a, notes)).toEqual({ n: 1, kept: 2 })
    expect(a.documents.list()).toEqual([{ id: notes, engine: 'yjs', status: 'complete' }])
  })
})

describe('observers', () => {
  it('an observer that throws neither stops the document nor the session', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    const link = world.link(a, b)
    const atB = b.documents.openYjs(notes)
    atB.doc.getMap('m').observe(() => {
      throw new Error('a bug of the service')
    })
    await set(a, notes, 'n', 1)
    await world.settle()
    expect(link.faults).toEqual([])
    expect(atB.doc.getMap('m').toJSON()).toEqual({ n: 1 })
    expect(Y.encodeStateVector(atB.doc)).toHaveLength(Y.encodeStateVector(a.documents.openYjs(notes).doc).length)
  })
})
