/** A node of a site as users have it: Level store, real mesh, public API. Asked over IPC. */
import { openSite, type Site } from '@selvedge/site'
import { arrived, takePart, writeLoad, type Load } from './part.js'

export interface NodeConfig {
  readonly dataDir: string
  readonly roster: string
  readonly peers: readonly string[]
  readonly receives: boolean
}

let site: Site | undefined

takePart({
  open: async ({ dataDir, roster, peers, receives }: NodeConfig) => {
    site = await openSite({
      site: 'bench',
      dataDir,
      roster,
      mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], peers, mdns: false },
      control: false
    })
    if (receives)
      site.points.watch('**', ({ path, value }) => {
        if (typeof value === 'number') arrived(path, value)
      })
    return site.addresses
  },
  neighbours: () => site!.presentNodes().length - 1,
  write: (load: Load) => writeLoad(load, (path, value) => void site!.points.set(path, value)),
  close: () => site!.close()
})
