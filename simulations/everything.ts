/**
 * Everything at once. A building of five nodes and a relay, all that a service can do on few addresses, and of all that can go wrong a
 * selection that each seed draws: some seeds are calm, some are wild. Upkeep that takes weeks in a building is done in minutes.
 */
import {
  addElement,
  allKinds,
  batch,
  editConfig,
  editDocument,
  increment,
  override,
  read,
  remove,
  removeElement,
  scenario,
  set,
  writePriority
} from '@selvedge/simulator'

export default scenario('everything')
  .shows('Whatever goes wrong at once: what was promised is kept, and when it is over all are equal.')
  .site('hq', { nodes: 5 })
  .siteOptions({
    timing: {
      gcIntervalMs: 10_000,
      gcHorizonMs: 120_000,
      deletesKeptMs: 60_000,
      closeIncarnationsAfterMs: 120_000,
      compareIntervalMs: 15_000
    }
  })
  .lasts('10m')
  .workload(
    { every: '1s' },
    set({ weight: 5 }),
    set({ weight: 1, space: 'local' }),
    remove({ weight: 3 }),
    batch({ weight: 2 }),
    override(),
    increment({ weight: 2 }),
    addElement(),
    removeElement(),
    writePriority(),
    editDocument(),
    editConfig({ weight: 0.3 })
  )
  .workload({ every: '3s', clients: 2, stays: '1m' }, read({ weight: 2 }), set())
  .swarm({ kinds: allKinds, every: '15s', upTo: '2m' })
  .sometimes('a merge had conflicts', ({ nodes }) =>
    nodes().some(({ site }) => site.healReports().some(({ conflicts }) => conflicts > 0))
  )
