/**
 * Split brain. A switch fails and parts a building in two, again and again, along other lines; both halves go on, with the same points,
 * counters, sets and documents. Every write is in the end everywhere or in a conflict record.
 */
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
  scenario,
  set,
  writePriority
} from '@selvedge/simulator'

export default scenario('split brain')
  .shows(
    'The halves of a building that can not see one another both work on, and agree when they meet: counters are exact, losers are named.'
  )
  .site('hq', { nodes: 4 })
  .lasts('30m')
  .workload(
    { every: '6s' },
    set({ points: 6 }),
    remove({ points: 6 }),
    batch({ points: 6 }),
    increment(),
    addElement(),
    removeElement()
  )
  .workload({ every: '20s' }, override(), writePriority(), editDocument(), editConfig())
  .workload({ every: '15s', clients: 2, stays: '3m' }, read({ points: 6 }), set({ points: 6 }))
  .workload({ every: '1m' }, set({ space: 'local' }))
  .faults(({ at }) => [
    at('3m').partition(['hq-1', 'hq-2'], ['hq-3', 'hq-4', 'relay']).for('6m'),
    at('12m').partition(['hq-1', 'hq-3'], ['hq-2', 'hq-4']).for('5m'),
    at('20m').partition(['hq-1'], ['hq-2'], ['hq-3'], ['hq-4', 'relay']).for('4m')
  ])
  .sometimes('a merge had conflicts', ({ nodes }) =>
    nodes().some(({ site }) => site.healReports().some(({ conflicts }) => conflicts > 0))
  )
