/** Nodes of many small sites in one process, each with a key, a replica and a trunk of its own. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isSelvedgeError, seededRandom, silentLogger, spaceId, systemClock, type Connection, type NodeId } from '@selvedge/core'
import { dialTrunk } from '@selvedge/network'
import { Replica, SpaceApi, type Peer } from '@selvedge/replica'
import { MemoryStore } from '@selvedge/store'
import { answering } from '../child.js'
import { loadPath, nodeKey, roster, siteName } from './test-sites.js'

export interface ClientsChoice {
  readonly relayNode: NodeId
  readonly sites: number
  readonly nodesPerSite: number
  /** Written once by the first node of each site. */
  readonly pointsPerSite: number
}

/** Dials under way at one time. */
const dialsAtOnce = 16

class TrunkClient {
  readonly key
  readonly roster
  readonly environment
  readonly store
  readonly replica
  state!: SpaceApi
  private peer: Peer | undefined

  constructor(
    readonly site: number,
    readonly index: number,
    choice: ClientsChoice
  ) {
    this.key = nodeKey(site, index)
    this.roster = roster(site, choice.nodesPerSite, choice.relayNode)
    this.environment = { clock: systemClock, random: seededRandom(site * 16 + index), log: silentLogger }
    this.store = new MemoryStore(this.environment)
    this.replica = new Replica({ node: this.key.node, role: 'node', environment: this.environment, store: this.store })
  }

  async open(): Promise<void> {
    const members = () => [
      ...this.roster.nodes.map(({ node }) => ({ node, role: 'node' as const })),
      { node: this.roster.relay!.node, role: 'relay' as const }
    ]
    for (const name of ['state', 'config']) {
      const space = await this.replica.openSpace(spaceId(`${siteName(this.site)}/${name}`), { residency: 'trunk', members })
      if (name === 'state')
        this.state = new SpaceApi(space, undefined, { isPresent: () => undefined, nameOf: node => this.roster.nameOf(node) })
    }
  }

  async connect(url: string): Promise<void> {
    const connection = await this.dial(url)
    this.peer = this.replica.attach(connection, { admits: () => true })
  }

  /** On a busy machine a handshake may take longer than the relay waits for it: a node dials again, and so does this. */
  private async dial(url: string): Promise<Connection> {
    for (let left = 20; ; left--)
      try {
        return await dialTrunk({ ...this.environment, url, key: this.key, roster: this.roster, timeoutMs: 60_000 })
      } catch (error) {
        if (left === 0 || !isSelvedgeError(error, 'TRUNK_TIMEOUT')) throw error
        await sleep(500)
      }
  }

  disconnect(): void {
    this.peer?.session.close({ code: 'CLOSED', message: 'the client leaves' })
    this.peer = undefined
  }

  get connected(): boolean {
    return this.peer !== undefined
  }
}

const clients: TrunkClient[] = []

async function atOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const next = items.values()
  await Promise.all(
    Array.from({ length: dialsAtOnce }, async () => {
      for (const item of next) await work(item)
    })
  )
}

answering({
  open: async (choice: ClientsChoice) => {
    for (let site = 0; site < choice.sites; site++)
      for (let node = 0; node < choice.nodesPerSite; node++) clients.push(new TrunkClient(site, node, choice))
    for (const client of clients) {
      await client.open()
      if (client.index > 0) continue
      for (let point = 0; point < choice.pointsPerSite; point++) client.state.points.set(`ahu/${point}/temp`, point / 10)
    }
  },
  /** Connects the first so many clients that are not connected. */
  connect: async ({ url, upTo }: { url: string; upTo: number }) =>
    atOnce(
      clients.slice(0, upTo).filter(client => !client.connected),
      client => client.connect(url)
    ),
  /**
   * In each site the first node writes and the second watches, for so long: of each site at most `window` updates are under way, of
   * points that are all different, so that none is overtaken by the next. Ends when every write is on the relay's disk.
   */
  load: async ({ durationMs, window }: { durationMs: number; window: number }) => {
    const pairs = clients
      .filter(({ index }) => index === 0)
      .map(writer => ({ writer, reader: clients.find(({ site, index }) => site === writer.site && index === 1)! }))
    let delivered = 0
    let writing = true
    const stored: Promise<unknown>[] = []
    const stops = pairs.map(({ writer, reader }) => {
      let written = 0
      let seen = 0
      const write = (): void => {
        if (!writing) return
        while (written - seen < window) writer.state.points.set(loadPath(written % (2 * window)), written++)
      }
      const stopWatching = reader.state.points.watch(
        'load/**',
        () => {
          seen++
          delivered++
          if (written - seen <= window / 2) write()
        },
        { initial: false }
      )
      write()
      return () => {
        const receipt = writer.state.points.set('load/end', written)
        stored.push(receipt.durable('relay'))
        stopWatching()
      }
    })
    const start = performance.now()
    await sleep(durationMs)
    const perSecond = delivered / ((performance.now() - start) / 1e3)
    writing = false
    for (const stop of stops) stop()
    await Promise.all(stored)
    return { perSecond, delivered }
  },
  disconnect: () => {
    for (const client of clients) client.disconnect()
  }
})
