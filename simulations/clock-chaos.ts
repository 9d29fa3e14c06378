/**
 * Clock chaos. Clocks that are minutes or days off, that run too fast, that are set back while somebody writes, and one that believes
 * it is 1970. Within five minutes the later writer wins; beyond it a wrong clock must win nothing by being wrong.
 */
import { addElement, batch, increment, remove, scenario, set, untimely } from '@selvedge/simulator'

export default scenario('clock chaos')
  .shows('Wrong clocks lose and reorder nothing that was acknowledged, and a clock that is far off is named and not obeyed.')
  .site('a', { nodes: 3 })
  .site('b', { nodes: 1 })
  .lasts('15m')
  .workload({ every: '5s' }, set(), remove(), batch(), increment(), addElement())
  .faults(({ at }) => [
    at('1m').setClock('a-1', { ahead: '4m' }).for('3m'),
    at('3m').setClock('a-2', { behind: '20000d' }).for('3m'),
    at('5m').drift('a-3', 50_000).for('5m'),
    at('7m').setClock('b-1', { ahead: '2d' }).for('3m'),
    at('9m').setClock('relay', { behind: '1h' }).for('3m'),
    // A clock is at its worst when nobody is there to compare it with.
    at('6m').partition(['a-2'], ['a-1', 'a-3', 'relay']).for('2m')
  ])
  .swarm({ kinds: untimely, every: '2m', upTo: '4m' })
  .sometimes('a node is told that its clock is off', ({ nodes }) =>
    nodes().some(({ site }) => site.health.alarms.some(({ code }) => code === 'CLOCK_SKEW' || code === 'CLOCK_AHEAD'))
  )
  .without('documents-equal', 'session-guarantees', 'residency')
