/**
 * A relay from yesterday's backup. The relay's disk breaks, and it is set up anew from a copy that is a day old. The buildings have what
 * it has forgotten, and give it all back; nobody takes the relay's old state for news.
 */
import { batch, editDocument, increment, remove, scenario, set } from '@selvedge/simulator'

export default scenario("relay from yesterday's backup")
  .shows('A relay that is set back by a day learns again what it had forgotten, and takes nothing back from the buildings.')
  .site('a', { nodes: 2 })
  .site('b', { nodes: 1 })
  .lasts('24h')
  .workload({ every: '12m' }, set(), remove(), batch(), increment())
  .workload({ every: '1h' }, editDocument())
  .faults(({ at }) => [
    at('5m').rollBack('relay').for('23.8h'),
    // The night, in which all machines sleep, costs a simulation nothing.
    at('10m').suspend('a-1', 'a-2', 'b-1', 'relay').for('23.6h')
  ])
  .sometimes('a building learns that the relay has forgotten something', ({ nodes, nowMs }) =>
    nodes().some(
      ({ site }) =>
        nowMs > 23.8 * 3_600_000 &&
        site.healReports().some(({ peerRole, registersSent }) => peerRole === 'relay' && registersSent > 0)
    )
  )
  .without('session-guarantees')
