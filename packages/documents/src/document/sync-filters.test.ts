/** A sync message whose filter costs more than it is worth is refused before Automerge looks into it; Automerge's own is not. */
import { beforeAll, describe, expect, it } from 'vitest'
import { ByteWriter } from '@selvedge/core'
import { AutomergeEngine, importAutomerge, type Automerge } from './automerge-engine.js'
import { checkFilters } from './sync-filters.js'

let automerge: Automerge
beforeAll(async () => {
  automerge = await importAutomerge()
})

function filter(entries: number, bitsPerEntry: number, lookups: number): Uint8Array {
  const head = new ByteWriter().uint(entries).uint(bitsPerEntry).uint(lookups).finish()
  return Uint8Array.from([...head, ...new Uint8Array(Math.ceil((entries * bitsPerEntry) / 8)).fill(0xff)])
}

/** A sync message without heads and changes. */
function message(filters: readonly Uint8Array[]): Uint8Array {
  const haves = filters.flatMap(bytes => [0, ...new ByteWriter().bytes(bytes).finish()])
  return Uint8Array.from([0x42, 0, 0, filters.length, ...haves, 0])
}

function newEngine(): AutomergeEngine {
  const doc = automerge.change(automerge.init<Record<string, unknown>>(), draft => void (draft.setpoint = 21))
  const engine = new AutomergeEngine(automerge, {
    actor: 'a'.repeat(32),
    author: 'node',
    local: () => {},
    changed: () => {}
  })
  engine.load([automerge.save(doc)])
  return engine
}

function expectRefused(filters: readonly Uint8Array[], why: string): void {
  expect(() => checkFilters(filters)).toThrow(why)
  const engine = newEngine()
  const before = process.memoryUsage().external
  const malformed = expect.objectContaining({ code: 'DOCUMENT_MESSAGE_INVALID' }) as Error
  expect(() => engine.answer({}, message(filters), false)).toThrowError(malformed)
  const body = Uint8Array.from([2, ...message(filters)])
  expect(() => engine.pull().receive({ body, target: new Uint8Array() })).toThrowError(malformed)
  expect(process.memoryUsage().external - before).toBeLessThan(50e6)
  engine.destroy()
}

describe('filters of sync messages', () => {
  it('DOC-10: refuses a filter of 200 million lookups, asked and answered', () => {
    expectRefused([filter(1, 10, 2e8)], 'asks for 200000000 lookups')
  })

  it('DOC-10: refuses a filter without bits', () => {
    expectRefused([filter(1, 0, 7)], 'has entries and no bits')
  })

  it('DOC-10: refuses filters without end', () => {
    expectRefused(new Array<Uint8Array>(17).fill(filter(1, 10, 7)), 'has 17 filters')
  })

  it('lets what Automerge writes pass, and a filter of nothing', () => {
    const engine = newEngine()
    expect(() => engine.answer({}, message([filter(1, 10, 7), new Uint8Array()]), false)).not.toThrow()
    let doc = automerge.init<Record<string, unknown>>()
    for (let i = 0; i < 200; i++) doc = automerge.change(doc, draft => void (draft[`k${i}`] = i))
    const [, asked] = automerge.generateSyncMessage(doc, automerge.initSyncState())
    expect(() => checkFilters(automerge.decodeSyncMessage(asked!).have.map(({ bloom }) => bloom))).not.toThrow()
    expect(() => engine.answer({}, asked!, false)).not.toThrow()
    engine.destroy()
  })
})
