import { documentId, spaceId } from '@selvedge/core'
import { DocumentSet } from '@selvedge/documents'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SimulatedNode } from '../world.js'
import { DocumentsEqual } from './documents-equal.js'
import { CheckedRun } from './testing/checked-run.js'

afterEach(() => void vi.restoreAllMocks())

const space = spaceId('hq/state')

async function notes(): Promise<{ run: CheckedRun; one: SimulatedNode; two: SimulatedNode }> {
  const run = new CheckedRun({ seed: 1, lan: { latencyMs: 1 }, trunk: { latencyMs: 20 } }, [new DocumentsEqual()])
  await run.start()
  const [one, two] = run.nodes
  one!.open!.document('notes').doc.getArray('list').push(['milk'])
  for (const { open } of run.nodes.slice(1)) void open!.document('notes').loaded
  await run.elapse(5_000)
  return { run, one: one!, two: two! }
}

describe('documents', () => {
  it('of which a part is lost are found if what is left is not shared', async () => {
    for (const isShared of [true, false]) {
      const { run, one, two } = await notes()
      vi.spyOn(DocumentSet.prototype, 'status').mockReturnValue('incomplete (waiting for a disk)')
      run.history.add('diskHarmed', { atMs: run.nowMs, host: one.name, harm: 'restored' })
      const { doc } = two.open!.document('notes')
      if (!isShared) doc.emit = () => undefined
      doc.getText('notes').insert(0, 'bread')
      await run.finish()
      expect(run.found).toEqual(isShared ? [] : ['documents-equal: not equal: yjs'])
    }
  })

  it('are on the disk at each boot as far as edits were acknowledged', async () => {
    for (const later of [0, 1]) {
      const { run, one } = await notes()
      const stored = await one.open!.space('state').replica.documents.flushed(documentId('notes'))
      const dot = { writer: stored!.writer, count: stored!.count + later }
      const edit = { atMs: run.nowMs, host: one.name, space, document: 'notes', engine: 'yjs' as const }
      run.history.add('editAcknowledged', { atMs: run.nowMs, host: one.name, edit, level: 'local', dot })
      one.powerOff()
      one.start()
      await run.elapse(1_000)
      expect(run.found).toEqual(later ? ['documents-equal: an acknowledged edit is not on the disk: yjs'] : [])
    }
  })
})
