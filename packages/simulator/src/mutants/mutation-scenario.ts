/**
 * What mutants are run in: a building and a relay, every operation that there is on few addresses, so that what is done on both
 * sides of a cut meets, and all faults by chance. Upkeep that takes days in a building is done in minutes here.
 */
import fc from 'fast-check'
import {
  addElement,
  batch,
  editConfig,
  editDocument,
  increment,
  override,
  read,
  remove,
  removeElement,
  set,
  writePriority
} from '../operations/index.js'
import { scenario, type AnyScenario } from '../plan/scenario.js'

export const mutationScenario: AnyScenario = scenario('mutants')
  .shows('What the checks see of a runtime with a bug in it.')
  .site('a', { nodes: 3 })
  .siteOptions({
    timing: {
      gcIntervalMs: 1_500,
      gcHorizonMs: 10_000,
      deletesKeptMs: 0,
      closeIncarnationsAfterMs: 10_000,
      compareIntervalMs: 4_000
    }
  })
  .lasts('40s')
  .workload(
    { every: '150ms' },
    set({ weight: 6 }),
    set({ weight: 2, space: 'local' }),
    remove({ weight: 3 }),
    batch({ weight: 2 }),
    override({ weight: 2 }),
    increment({ weight: 2 }),
    addElement(),
    removeElement(),
    writePriority({ weight: 2 }),
    read({ weight: 3 }),
    editDocument({ weight: 3 }),
    editConfig({ weight: 0.5 })
  )
  .operation('take-over', {
    every: '2s',
    args: fc.record({ path: fc.integer({ min: 1, max: 12 }).map(n => `override/${n}`), value: fc.integer({ min: 0, max: 100 }) }),
    run: ({ site }, { path, value }) => void site.points.set(path, value),
    describe: ({ path, value }) => `writes ${path} = ${value} for good`
  })
  .swarm({ every: '1500ms', upTo: '15s' })
