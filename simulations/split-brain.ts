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
  .lasts('15m')
  .workload(
    { every: '4s' },
    set({ points: 6 }),
    remove({ points: 6 }),
    batch({ points: 6 }),
    increment(),
    addElement(),
    removeElement()
  )
  .workload({ every: '12s' }, override(), writePriority(), editDocument(), editConfig())
  .workload({ every: '9s', clients: 2, stays: '90s' }, read({ points: 6 }), set({ points: 6 }))
  .workload({ every: '30s' }, set({ space: 'local' }))
  .faults(({ at }) => [
    at('1m').partition(['hq-1', 'hq-2'], ['hq-3', 'hq-4', 'relay']).for('4m'),
    at('6m').partition(['hq-1', 'hq-3'], ['hq-2', 'hq-4']).for('3m'),
    at('10m').partition(['hq-1'], ['hq-2'], ['hq-3'], ['hq-4', 'relay']).for('3m')
  ])
  .sometimes('a merge had conflicts', ({ nodes }) =>
    nodes().some(({ site }) => site.healReports().some(({ conflicts }) => conflicts > 0))
  )
