/**
 * A cold boot without a cloud. The power of a whole building fails while its trunk is cut, so nobody outside can help it up. The nodes
 * come back one after the other with what their disks have, find one another, and the building is controlled again within seconds.
 */
import { batch, increment, override, remove, scenario, set, writePriority } from '@selvedge/simulator'

const minuteMs = 60_000

export default scenario('cold boot offline')
  .shows('A building that loses its power while it is cut off boots by itself, with every write that had been acknowledged.')
  .site('hq', { nodes: 3 })
  .lasts('12m')
  .workload({ every: '3s' }, set(), remove(), batch(), increment())
  .workload({ every: '15s' }, override(), writePriority())
  .faults(({ at }) => [
    at('1m').cutTrunk('hq').for('10m'),
    at('4m').cutPower('hq-1', 'hq-2', 'hq-3').for('1m'),
    at('7m').cutPower('hq-2').for('20s'),
    at('7m').cutPower('hq-3').for('30s'),
    at('7m').cutPower('hq-1').for('40s')
  ])
  .sometimes('the building is dark', ({ nodes }) => nodes().length === 0)
  .sometimes('a node is up and knows that it is alone so far', ({ node }) => node('hq-2')?.site.readiness === 'loaded')
  .invariant(
    'half a minute after the power is back every node is ready to act, without the relay',
    ({ nodes, nowMs }) => {
      const due = (nowMs > 5.5 * minuteMs && nowMs < 7 * minuteMs) || (nowMs > 8.5 * minuteMs && nowMs < 11 * minuteMs)
      if (!due) return true
      const late = ['hq-1', 'hq-2', 'hq-3'].filter(name => nodes().find(node => node.name === name)?.site.readiness !== 'synced')
      return late.length === 0 || `${late.join(' and ')} can not act yet`
    },
    { every: '1s' }
  )
  .without('conflicts-recorded', 'documents-equal', 'session-guarantees', 'residency')
