/**
 * Sixty days away. A node is taken out of its cabinet and put back two months later, when the others have long forgotten what was
 * deleted meanwhile. It must not bring deleted points back unseen: what returns stands in the heal report.
 */
import { batch, increment, remove, scenario, set, type SceneNode } from '@selvedge/simulator'

export default scenario('sixty days away')
  .shows('A node that returns after deletes were collected brings nothing back in silence: heal reports name what it returned.')
  .site('hq', { nodes: 3 })
  .withoutRelay()
  .without('documents-equal', 'residency', 'session-guarantees')
  .lasts('60d')
  .workload({ every: '4h' }, set(), remove(), remove(), batch(), increment())
  .faults(({ at, every }) => [
    at('1d').cutPower('hq-3').for('58.995d'),
    // Of most of each day nothing is simulated: the machines sleep.
    at('2m').suspend('hq-1', 'hq-2', 'hq-3').for('23h'),
    every('1d', { from: '24.02h', until: '60d' }).suspend('hq-1', 'hq-2').for('23.95h')
  ])
  .sometimes(
    'deletes are collected while it is away',
    ({ nodes, node, nowMs }) => !node('hq-3') && nowMs > 40 * 86_400_000 && nodes().some(({ site }) => tombstones(site) < 5),
    { every: '1h' }
  )
  .sometimes(
    'a heal report names what a late returner brought back or gave up',
    ({ nodes }) =>
      nodes().some(({ site }) => site.healReports().some(({ returned, dropped }) => returned.length > 0 || dropped > 0)),
    { every: '1m' }
  )

function tombstones(site: SceneNode['site']): number {
  return site.status().spaces.reduce((sum, space) => sum + space.tombstones, 0)
}
