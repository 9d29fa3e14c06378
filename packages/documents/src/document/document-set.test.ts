import { documentId } from '@selvedge/core'
import { beforeAll, describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { importAutomerge } from './automerge-engine.js'
import { TestNode, World } from './testing/world.js'

const notes = documentId('floor/notes')
const hvac = documentId('hvac')

// The first import takes real time that no clock of a test knows of.
beforeAll(async () => void (await importAutomerge()))

function edit(node: TestNode, key: string, value: unknown): void {
  const document = node.documents.openYjs(notes)
  document.doc.getMap('m').set(key, value)
  document.close()
}

function read(node: TestNode): unknown {
  const document = node.documents.openYjs(notes)
  const content = document.doc.getMap('m').toJSON()
  document.close()
  return content
}

describe('two replicas', () => {
  it('DOC-2: an edit of one is pulled by the other', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    edit(a, 'lamp', 1)
    await world.while(a.documents.flushed(notes))
    world.link(a, b)
    await world.settle()
    await world.turns()
    expect(b.documents.status(notes)).toBe('complete')
    expect(b.documents.list()).toEqual([{ id: notes, engine: 'yjs', status: 'complete' }])
    const opened = b.documents.openYjs(notes)
    await world.while(opened.loaded)
    expect(opened.doc.getMap('m').toJSON()).toEqual({ lamp: 1 })
  })

  it('DOC-6: a live update needs no pull', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    const link = world.link(a, b)
    const atB = b.documents.openYjs(notes)
    edit(a, 'lamp', 1)
    await world.settle()
    const before = link.messages
    edit(a, 'lamp', 2)
    await world.settle()
    expect(atB.doc.getMap('m').toJSON()).toEqual({ lamp: 2 })
    expect(b.documents.status(notes)).toBe('complete')
    // The update, and its acknowledgement.
    expect(link.messages - before).toBeLessThanOrEqual(2 + 2)
  })

  it('config edits merge and conflicts show on both', async () => {
    const world = new World()
    const a = await world.node('a')
    const b = await world.node('b')
    const atA = await world.while(a.documents.openAutomerge<{ setpoint: number }>(hvac))
    await world.while(atA.change('first', draft => (draft.setpoint = 20)))
    const link = world.link(a, b)
    await world.settle()
    const atB = await world.while(b.documents.openAutomerge<{ setpoint: number }>(hvac))
    expect(atB.current()).toEqual({ setpoint: 20 })
    link.cut()
    await world.while(atA.change('warmer', draft => (draft.setpoint = 22)))
    await world.while(atB.change('cooler', draft => (draft.setpoint = 18)))
    world.link(a, b)
    await world.settle()
    expect(atA.current()).toEqual(atB.current())
    expect(atA.conflicts()).toEqual(atB.conflicts())
    expect(atA.conflicts()).toHaveLength(1)
    void Y
  })
})
