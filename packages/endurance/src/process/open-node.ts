/** A node of the building, as services open it: real mesh, Level, trunk. */
import { loadRoster } from '@selvedge/network'
import { openSite } from '@selvedge/site'
import { healsOf } from './heals-of.js'
import type { ProcessConfig } from './protocol.js'
import { configId, notesId, total, type Served } from './served.js'

export async function openNode(config: ProcessConfig): Promise<Served> {
  const site = await openSite({
    site: config.site,
    dataDir: config.dataDir,
    roster: loadRoster(config.roster),
    mesh: {
      listen: [`/ip4/127.0.0.1/tcp/${config.port}`],
      peers: config.peerPorts.map(port => `/ip4/127.0.0.1/tcp/${port}`),
      mdns: false
    },
    trunk: { url: `ws://127.0.0.1:${config.trunkPort}/trunk` },
    timing: config.timing,
    election: config.election
  })
  return {
    points: site.points,
    state: site.space('state'),
    configSpace: site.space('config'),
    notes: site.document(notesId),
    config: await site.config(configId),
    standing() {
      const { spaces, peers, health } = site.status()
      const synchronised = spaces.filter(({ residency }) => residency === 'trunk')
      return {
        hashes: Object.fromEntries(synchronised.map(({ space, hash }) => [space, hash])),
        backlog: total(peers, ({ backlog }) => backlog) + total(spaces, ({ backlog, unstored }) => (backlog ?? 0) + unstored),
        sessions: peers.filter(({ role, caughtUp }) => role === 'node' && caughtUp).length,
        trunkSinceMs: undefined,
        caughtUp: peers.every(({ caughtUp }) => caughtUp),
        alarms: health.alarms.map(({ code }) => code),
        divergences: total(spaces, ({ divergences }) => divergences),
        registers: total(spaces, ({ registers, tombstones }) => registers + tombstones)
      }
    },
    backlog: () => Object.fromEntries(site.status().peers.map(({ name, backlog }) => [name, backlog])),
    storedBytes: () => total(site.status().spaces, ({ storedBytes }) => storedBytes),
    pendingReceipts: () => site.status().receiptsPending,
    heals: () => healsOf(site.healReports()),
    close: () => site.close()
  }
}
