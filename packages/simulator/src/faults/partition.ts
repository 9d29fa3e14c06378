import { below } from '@selvedge/core'
import type { FaultKind } from './fault.js'

interface Groups {
  readonly groups: readonly (readonly string[])[]
  readonly [key: string]: readonly (readonly string[])[]
}

/** Groups of machines that can't reach one another. */
export const partition: FaultKind<Groups> = {
  kind: 'partition',
  draw: (random, { sites }) => {
    const { nodes } = sites[below(random, sites.length)]!
    const sides = nodes.map(() => random.float() < 0.5)
    return { groups: [nodes.filter((_, i) => sides[i]), nodes.filter((_, i) => !sides[i])] }
  },
  begin: ({ network }, { groups }) => {
    for (const from of groups)
      for (const to of groups)
        if (from !== to) for (const a of from) for (const b of to) network.impair(keyOf(groups), a, b, { state: 'silent' })
  },
  end: ({ network }, { groups }) => network.mend(keyOf(groups))
}

function keyOf(groups: Groups['groups']): string {
  return `partition ${groups.map(group => group.join('+')).join('|')}`
}
