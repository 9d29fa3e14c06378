/** A node of a building as users run it: `openSite`, a mesh on loopback, a trunk, a store on disk. */
import { openSite, type Site } from '@selvedge/site'
import { answering } from '../child.js'
import { processMemory } from './process-memory.js'

export interface SiteChoice {
  readonly dataDir: string
  readonly roster: string
  readonly peers: readonly string[]
  readonly relay: string
}

let site: Site | undefined

function opened(): Site {
  if (!site) throw new Error('the site is not open')
  return site
}

answering({
  /** Gives the multiaddrs that it listens on. */
  open: async ({ dataDir, roster, peers, relay }: SiteChoice) => {
    const mesh = { listen: ['/ip4/127.0.0.1/tcp/0'], peers, mdns: false }
    site = await openSite({ site: 'hq', dataDir, roster, mesh, trunk: { url: relay }, bootAloneAfterMs: 1_000 })
    return site.status().mesh!.addresses
  },
  write: ({ from, count, round }: { from: number; count: number; round: number }) => {
    for (let point = from; point < from + count; point++)
      opened().points.set(`ahu/${point % 100}/sensor-${Math.floor(point / 100)}/value`, point + round / 10)
  },
  status: () => {
    const { peers, trunk, spaces } = opened().status()
    return {
      peers: peers.filter(({ role }) => role === 'node').length,
      holdsTrunk: trunk?.held ?? false,
      registers: spaces.find(({ space }) => space === 'hq/state')?.registers ?? 0,
      caughtUp:
        peers.every(({ caughtUp, backlog }) => caughtUp && backlog === 0) && spaces.every(({ unstored }) => unstored === 0)
    }
  },
  memory: () => processMemory()
})
