/** The machine as a site sees it: real clocks and randomness, a key file, Level, libp2p, WebSocket and a control socket. */
import { join } from 'node:path'
import { pino } from 'pino'
import { systemClock, systemRandom } from '@selvedge/core'
import { checkTrunkUrls, dialTrunk, generateNodeKey, loadNodeKey, loadRoster, openMesh } from '@selvedge/network'
import { serveControl } from '@selvedge/replica'
import { MemoryStore, openLevelStore } from '@selvedge/store'
import { siteRoutes } from '../control-routes.js'
import type { SiteSystem } from '../site-options.js'

export const nodeSystem: SiteSystem = {
  clock: systemClock,
  random: systemRandom,
  defaultLog: () => pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true })),
  loadKey(dataDir, log) {
    if (dataDir === 'memory') return generateNodeKey()
    const file = join(dataDir, 'node.key')
    const { key, created, exposed } = loadNodeKey(file)
    if (created) log.info({ file, node: key.node }, 'a key was made for this node')
    if (exposed) log.warn({ file }, 'the key file can be read by others: chmod 600 it')
    return key
  },
  loadRoster,
  openStore: (dataDir, environment) =>
    dataDir === 'memory'
      ? Promise.resolve(new MemoryStore({ clock: environment.clock }))
      : openLevelStore({ directory: join(dataDir, 'store'), ...environment }),
  openMesh,
  dialTrunk,
  checkTrunk: checkTrunkUrls,
  serveControl: (dataDir, site, log) => serveControl({ directory: dataDir, routes: siteRoutes(site), log })
}
