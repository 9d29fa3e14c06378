import { below } from '@selvedge/core'
import type { FaultKind } from './fault.js'

/** No node of a building reaches the relay, nor it them: what is sent gets no answer. */
export const trunkCut: FaultKind<{ readonly site: string }> = {
  kind: 'trunk-cut',
  draw: (random, { sites }) => ({ site: sites[below(random, sites.length)]!.id }),
  begin: ({ nodes, network }, { site }) => {
    for (const { name, site: of } of nodes) {
      if (of !== site) continue
      network.impair(`trunk-cut ${site}`, name, 'relay', { state: 'silent' })
      network.impair(`trunk-cut ${site}`, 'relay', name, { state: 'silent' })
    }
  },
  end: ({ network }, { site }) => network.mend(`trunk-cut ${site}`)
}
