/**
 * A cloned disk image. Somebody copies a node's disk to another machine, and both run: two processes that say they are the same node.
 * No write may mean two things for it, and an alarm tells the operator until the machine has an identity of its own.
 */
import { batch, increment, remove, scenario, set, type SceneNode } from '@selvedge/simulator'

export default scenario('cloned disk image')
  .shows('Two machines with the disk of one node corrupt nothing, and the site says that there are two.')
  .site('hq', { nodes: 3 })
  .lasts('12m')
  .workload({ every: '4s' }, set(), remove(), batch(), increment())
  .faults(({ at }) => [
    at('3m').clone('hq-1', 'hq-2').for('5m'),
    // The two do not always see one another.
    at('4m').partition(['hq-1'], ['hq-2', 'hq-3', 'relay']).for('1m')
  ])
  .sometimes('the alarm is raised', ({ nodes }) => nodes().some(isCloned))
  .atEnd('the alarm names the nodes that were cloned and no other', ({ nodes }) => {
    const wrongly = nodes().filter(node => isCloned(node) && node.name === 'hq-3')
    return wrongly.length === 0 || `${wrongly[0]!.name} says that it was cloned`
  })
  .without('documents-equal', 'session-guarantees', 'residency')

function isCloned({ site }: SceneNode): boolean {
  return site.health.alarms.some(({ code }) => code === 'NODE_CLONED')
}
