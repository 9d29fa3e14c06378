import { expect, it } from 'vitest'
import { drawPlan } from '../plan/draw-plan.js'
import { runPlan } from '../plan/run-plan.js'
import { scenario } from '../plan/scenario.js'
import { editConfig, editDocument } from './index.js'

it('a change that a full disk refuses is none that must last', async () => {
  const settings = scenario('settings')
    .site('hq', { nodes: 2 })
    .withoutRelay()
    .lasts('3s')
    .workload({ every: '1m' }, editDocument(), editConfig())
  const change = { kind: 'config-edit', args: { document: 'config-1', setting: 'a', release: false } }
  const result = await runPlan(settings, {
    ...drawPlan(settings, 1),
    faults: [{ id: 'full', atMs: 2_270, forMs: 225, kind: 'disk-full', args: { host: 'hq-1', roomBytes: 0 } }],
    operations: [
      { id: 'first', atMs: 777, by: 'hq-2', ...change },
      { id: 'notes', atMs: 2_282, by: 'hq-2', kind: 'document-edit', args: { document: 'plan-1', take: false, level: 'site' } },
      { id: 'refused', atMs: 2_324, by: 'hq-1', ...change }
    ]
  })
  expect(result.story.map(({ text }) => text)).toContain('is refused: STORE_DEGRADED')
  expect(result.finding?.sentence).toBeUndefined()
  expect(result.verdicts['documents-equal']).toEqual({ verdict: 'pass' })
})
