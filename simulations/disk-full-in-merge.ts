/**
 * A disk that fills up in the middle of a merge. Two halves of a building have each written for minutes, and while they merge, one
 * node's disk has no more room. What it can't store it does not claim to have; it says that its disk is full, and goes on when there is room.
 */
import { batch, fc, increment, remove, scenario, set } from '@selvedge/simulator'

const long = fc.string({ minLength: 200, maxLength: 400 })

export default scenario('disk full in the middle of a merge')
  .shows(
    'A node whose disk fills up while it merges acknowledges nothing that it has not stored, and catches up when there is room.'
  )
  .site('hq', { nodes: 3 })
  .lasts('10m')
  .workload(
    { every: '2s' },
    set({ points: 60, value: long }),
    remove({ points: 60 }),
    batch({ points: 60, value: long }),
    increment()
  )
  .faults(({ at }) => [
    at('1m').partition(['hq-1'], ['hq-2', 'hq-3', 'relay']).for('3m'),
    at('3.9m').fillDisk('hq-1', { roomBytes: 3_000 }).for('1m'),
    at('6m').partition(['hq-2'], ['hq-1', 'hq-3', 'relay']).for('1m'),
    at('6.9m').fillDisk('hq-2').for('1m'),
    at('7.5m').kill('hq-2').for('10s')
  ])
  .sometimes('a node says that its disk is full', ({ nodes }) =>
    nodes().some(({ site }) => site.health.alarms.some(({ code }) => code === 'STORE_FULL'))
  )
  .without('documents-equal', 'session-guarantees', 'residency')
