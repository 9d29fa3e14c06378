/** The relay, and a cloud service on it that uses the same API as services in the building do. */
import { openRelay } from '@selvedge/relay'
import { healsOf } from './heals-of.js'
import type { ProcessConfig } from './protocol.js'
import { configId, notesId, total, type Served } from './served.js'

export async function openCloud(config: ProcessConfig): Promise<Served> {
  const relay = await openRelay({
    dataDir: config.dataDir,
    rosters: config.roster,
    listen: { host: '127.0.0.1', port: config.port },
    logLevel: 'warn',
    timing: config.timing
  })
  const site = await relay.site(config.site)
  const standing = () => {
    const status = relay.status()
    const own = status.sites.find(({ site: id }) => id === config.site)
    if (!own) throw new Error(`the relay does not know ${config.site}`)
    return { status, own }
  }
  const spaces = [site.space('state'), site.space('config')]
  return {
    points: site.points,
    state: site.space('state'),
    configSpace: site.space('config'),
    notes: site.document(notesId),
    config: await site.config(configId),
    standing() {
      const { status, own } = standing()
      return {
        hashes: Object.fromEntries(own.spaces.map(({ space, hash }) => [space, hash])),
        backlog: own.backlog + total(own.spaces, ({ unstored }) => unstored),
        sessions: own.connected && own.caughtUp ? 1 : 0,
        trunkSinceMs: own.connected ? own.sessionSinceMs : undefined,
        caughtUp: own.connected && own.caughtUp,
        alarms: status.health.alarms.map(({ code }) => code),
        divergences: total(own.spaces, ({ divergences }) => divergences),
        registers: total(own.spaces, ({ registers, tombstones }) => registers + tombstones)
      }
    },
    backlog: () => ({ building: standing().own.backlog }),
    storedBytes: () => total(standing().own.spaces, ({ storedBytes }) => storedBytes),
    pendingReceipts: () => total(spaces, ({ replica }) => replica.receipts.pending),
    heals: () => healsOf(site.healReports()),
    close: () => relay.close()
  }
}
