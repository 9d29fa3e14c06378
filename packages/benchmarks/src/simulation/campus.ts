/** What the simulator is measured with: nodes of a few buildings and a relay, under moderate load. */
import { increment, read, scenario, set, type AnyScenario, type SwarmChoice } from '@selvedge/simulator'

export interface Campus {
  readonly sites: number
  /** Of each site. */
  readonly nodes: number
  readonly lasts: '10m' | '1h'
  readonly faults?: SwarmChoice
}

/** A write every ten seconds somewhere, as people at switches make them, and a read every minute. */
export function campus({ sites, nodes, lasts, faults }: Campus): AnyScenario {
  const calm = scenario(`${sites * nodes} nodes and a relay`)
    .sites('b', sites, { nodes })
    .lasts(lasts)
    .workload({ every: '10s' }, set({ weight: 4 }), increment())
    .workload({ every: '1m' }, read())
  return faults ? calm.swarm(faults) : calm
}
