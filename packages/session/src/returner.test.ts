/** A replica that comes back from below the GC floor: what it drops, what it keeps, and what is told of it (I6). */
import { describe, expect, it } from 'vitest'
import { seededRandom } from '@selvedge/core'
import { makeWriterKey, type WriterKey } from '@selvedge/documents'
import { hlcOf, TestWorld, type TestReplica } from './testing/harness.js'

/** `path` was written by the first replica, reached both, was deleted, and the delete was collected while the second was away. */
function returning(): { world: TestWorld; stayed: TestReplica; returner: TestReplica } {
  const world = new TestWorld(1, 2)
  const [stayed, returner] = world.replicas as [TestReplica, TestReplica]
  stayed.table.set('p/deleted', 1)
  stayed.table.set('p/kept', 1)
  world.connect(stayed, returner)
  world.settle()
  world.disconnect(returner)
  stayed.table.delete('p/deleted')
  expect(stayed.table.collect(() => true)).toBe(1)
  return { world, stayed, returner }
}

const livePaths = (replica: TestReplica): string[] =>
  [...replica.table.all()]
    .filter(register => !register.tombstone)
    .map(register => register.path)
    .sort()

describe('REG-12 SES-12 a returner below the floor', () => {
  it('drops what the other covers and no longer holds', () => {
    const { world, stayed, returner } = returning()
    world.connect(stayed, returner)
    world.settle()
    expect(livePaths(returner)).toEqual(['p/kept'])
    expect(returner.table.floors()).toEqual(stayed.table.floors())
    expect(returner.reports.at(-1)).toMatchObject({ dropped: 1, returned: [] })
    expect(stayed.reports.at(-1)).toMatchObject({ dropped: 0, returned: [] })
  })

  it('drops it also when the seal comes in parts, and its writer in the first of them', () => {
    const { world, stayed, returner } = returning()
    const random = seededRandom(3)
    const seqs = new Map<WriterKey, number>()
    for (let i = 0; i < 2_100; i++) seqs.set(makeWriterKey(returner.node, hlcOf(Date.UTC(2025, 0, 1) + i), random), 1)
    stayed.table.seal({ seqs, closed: new Map() })
    world.connect(stayed, returner)
    world.settle()
    expect(returner.table.vector()).toEqual(stayed.table.vector())
    expect(livePaths(returner)).toEqual(['p/kept'])
  })

  it('keeps what it wrote while away; that it may be a deleted register that came back is reported', () => {
    const { world, stayed, returner } = returning()
    returner.table.set('p/deleted', 'written while away')
    world.connect(stayed, returner)
    world.settle()
    expect(livePaths(stayed)).toEqual(['p/deleted', 'p/kept'])
    expect(stayed.shown()).toBe(returner.shown())
    expect([...stayed.reports, ...returner.reports].flatMap(report => report.returned)).toContain('p/deleted')
  })

  it('is reported though the session is cut before either side has caught up', () => {
    const { world, stayed, returner } = returning()
    returner.table.set('p/deleted', 'written while away')
    const reports = stayed.reports.length
    const link = world.connect(stayed, returner)
    for (let i = 0; i < 50 && stayed.table.get('p/deleted') === undefined; i++) {
      link.send(0)
      link.deliver(0)
      link.send(1)
      link.deliver(1)
    }
    world.cutLink(link)
    expect(stayed.table.get('p/deleted')).toBeDefined()
    expect(stayed.reports.slice(reports).flatMap(report => report.returned)).toEqual(['p/deleted'])
  })

  it('is not one that only writes something new once it has caught up and stored that', () => {
    const { world, stayed, returner } = returning()
    world.connect(stayed, returner)
    world.settle()
    returner.store()
    world.settle()
    returner.table.set('p/new', 1)
    world.settle()
    world.disconnect(returner)
    expect(stayed.table.get('p/new')).toBeDefined()
    expect([...stayed.reports, ...returner.reports].flatMap(report => report.returned)).toEqual([])
  })
})
