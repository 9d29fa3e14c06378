/** The machine as a relay sees it: real clocks and randomness, a key file, Level, HTTP with WebSocket, and a control socket. */
import { join } from 'node:path'
import { pino } from 'pino'
import { systemClock, systemRandom } from '@selvedge/core'
import { generateNodeKey, loadNodeKey, loadRosters } from '@selvedge/network'
import { serveControl } from '@selvedge/replica'
import { MemoryStore, openLevelStore } from '@selvedge/store'
import type { RelaySystem } from '../relay-options.js'
import { listen } from './listener.js'
import { processMetrics } from './process-metrics.js'

export const relayMachine: RelaySystem = {
  clock: systemClock,
  random: systemRandom,
  defaultLog: level => pino({ level }, pino.destination({ dest: 2, sync: true })),
  loadKey(dataDir, log) {
    if (dataDir === 'memory') return generateNodeKey()
    const file = join(dataDir, 'node.key')
    const { key, created, exposed } = loadNodeKey(file)
    if (created) log.info({ file, node: key.node }, 'a key was made for this relay: name it in the rosters of its sites')
    if (exposed) log.warn({ file }, 'the key file can be read by others: chmod 600 it')
    return key
  },
  loadRosters,
  openStore: (dataDir, environment) =>
    dataDir === 'memory'
      ? Promise.resolve(new MemoryStore({ clock: environment.clock }))
      : openLevelStore({ directory: join(dataDir, 'store'), ...environment }),
  listen,
  processMetrics,
  serveControl: (dataDir, routes, log) => serveControl({ directory: dataDir, routes, log })
}
