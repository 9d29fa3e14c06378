/** A relay in a process of its own, as `selvedge relay` runs one: Level in a directory, `ws` on loopback. */
import { silentLogger } from '@selvedge/core'
import { openRelay, type Relay } from '@selvedge/relay'
import { answering } from '../child.js'
import { settledBytes } from '../memory.js'

export interface RelayChoice {
  readonly dataDir: string
  readonly rosters: string
}

let relay: Relay | undefined

function opened(): Relay {
  if (!relay) throw new Error('the relay is not open')
  return relay
}

answering({
  /** Gives where it listens, and how long it took until all stored spaces were read. */
  open: async ({ dataDir, rosters }: RelayChoice) => {
    const start = performance.now()
    relay = await openRelay({
      dataDir,
      rosters,
      listen: { port: 0 },
      // The ramp spreads reconnects over time; what is asked here is what a connection costs that stands.
      admission: { perSecond: 10_000, burst: 10_000 },
      log: silentLogger
    })
    await relay.loaded()
    return { url: relay.url!, loadedMs: performance.now() - start }
  },
  /** Opens every site, as a service in the cloud does that works with all of them. */
  openSites: async () => {
    for (const site of opened().sites()) await opened().site(site)
  },
  sessions: () => {
    const { sites, sessions } = opened().status()
    return {
      sessions,
      caughtUp: sites.filter(({ caughtUp }) => caughtUp).length,
      unstored: sites.flatMap(({ spaces }) => spaces).reduce((sum, { unstored }) => sum + unstored, 0)
    }
  },
  memory: () => settledBytes(),
  cpu: () => process.cpuUsage(),
  close: () => opened().close()
})
