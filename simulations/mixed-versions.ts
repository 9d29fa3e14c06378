/**
 * Mixed versions. A building is updated node by node, and the relay in between; versions that know less or more than each other work
 * together meanwhile. One that is too far ahead is refused, works alone, and merges when the rest has followed.
 */
import { batch, editConfig, editDocument, increment, remove, scenario, set } from '@selvedge/simulator'

export default scenario('mixed versions')
  .shows('An update may take as long as it likes: old and new understand each other or refuse each other, and nothing is lost.')
  .site('hq', { nodes: 3 })
  .lasts('14m')
  .workload({ every: '4s' }, set(), remove(), batch(), increment())
  .workload({ every: '30s' }, editDocument(), editConfig())
  .faults(({ at }) => [
    at('1m').runAs('older', 'hq-1', 'hq-2').for('3m'),
    at('2m').runAs('newer', 'relay').for('4m'),
    at('5m').runAs('newer', 'hq-3').for('5m'),
    at('7m').runAs('apart', 'hq-1').for('3m'),
    at('11m').runAs('apart', 'relay').for('2m')
  ])
  .sometimes('a node is refused by all the others', ({ node }) => {
    const alone = node('hq-1')
    return alone !== undefined && alone.site.presentNodes().length === 1
  })
  .without('session-guarantees', 'residency')
