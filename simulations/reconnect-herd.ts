/**
 * A reconnect herd. Two hundred buildings on one relay, and the relay is away for half a minute: when it is back, all of them come at
 * once. It takes them in turn, tells the rest when to come again, and nobody is forgotten.
 */
import { increment, scenario, set, type SceneNode } from '@selvedge/simulator'

export default scenario('reconnect herd')
  .shows(
    'Two hundred buildings that find the relay again at one moment are all back within a minute, and none hammers at its door.'
  )
  .sites('s', 200, { nodes: 1, trunk: { latencyMs: 30, jitterMs: 30 } })
  .lasts('2m')
  .workload({ every: '250ms' }, set(), increment())
  .faults(({ at }) => [at('40s').kill('relay').for('20s')])
  .sometimes('every building is without the relay', ({ nodes, relay }) => relay === undefined && nodes().every(trunkIsDown))
  .sometimes('all two hundred are back', ({ nodes, nowMs }) => nowMs > 60_000 && !nodes().some(trunkIsDown))
  .invariant(
    'all are back a minute after the relay is',
    ({ nodes, nowMs }) => {
      if (nowMs < 119_000) return true
      const away = nodes().filter(trunkIsDown).length
      return away === 0 || `${away} buildings are still without the relay`
    },
    { every: '1s' }
  )
  // One node a building: nobody to be in conflict with.
  .without('conflicts-recorded', 'no-resurrection', 'documents-equal', 'residency', 'session-guarantees')

function trunkIsDown({ site }: SceneNode): boolean {
  return site.status().trunk?.reachable !== true
}
