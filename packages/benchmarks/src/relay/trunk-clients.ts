/** Nodes of many small sites in one process, each with a key, a replica and a trunk of its own. */
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom, silentLogger, spaceId, systemClock, type Connection, type NodeId } from '@selvedge/core'
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

/** Lets so many dials be under way at one time. */
class Turns {
  private readonly waiting: (() => void)[] = []

  constructor(private left: number) {}

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.left > 0) this.left--
    else await new Promise<void>(resolve => this.waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.waiting.shift()
      if (next) next()
      else this.left++
    }
  }
}

const turns = new Turns(16)

class TrunkClient {
  readonly key
  readonly roster
  readonly environment
  readonly store
  readonly replica
  state!: SpaceApi
  private peer: Peer | undefined
  /** Where its trunk is to stand. */
  private url: string | undefined

  constructor(
    readonly site: number,
    readonly index: number,
    choice: ClientsChoice
  ) {
    this.key = nodeKey(site, index)
    this.roster = roster(site, choice.nodesPerSite, choice.relayNode)
    this.environment = { clock: systemClock, random: seededRandom(site * 16 + index), log: silentLogger }
    this.store = new MemoryStore(this.environment)
    this.replica = new Replica({
      node: this.key.node,
      role: 'node',
      environment: this.environment,
      store: this.store,
      // A session, too, may time out then.
      events: { peerDown: () => void (this.url === undefined || this.connect(this.url)) }
    })
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
    this.url = url
    // On a busy machine a handshake may take longer than the relay waits for it: a node dials again, and so does this.
    for (let left = 20; this.url === url; left--)
      try {
        const connection = await turns.take(() => this.dial(url))
        this.peer = this.replica.attach(connection, { admits: () => true })
        return
      } catch (error) {
        if (left === 0) throw error
        await sleep(500)
      }
  }

  private dial(url: string): Promise<Connection> {
    return dialTrunk({ ...this.environment, url, key: this.key, roster: this.roster, timeoutMs: 60_000 })
  }

  disconnect(): void {
    this.url = undefined
    this.peer?.session.close({ code: 'CLOSED', message: 'the client leaves' })
    this.peer = undefined
  }

  get connected(): boolean {
    return this.peer !== undefined
  }
}

const clients: TrunkClient[] = []

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
    Promise.all(
      clients
        .slice(0, upTo)
        .filter(client => !client.connected)
        .map(client => client.connect(url))
    ),
  /**
   * In each site the first node writes and the second watches, `updates` of them in all: of each site at most `window` are under way,
   * of points that are all different, so that none is overtaken by the next. Gives updates a second; ends when every write is on the
   * relay's disk.
   */
  load: async ({ updates, window }: { updates: number; window: number }) => {
    const pairs = clients.flatMap(writer => {
      const reader = clients.find(({ site, index }) => site === writer.site && index === 1)
      return writer.index === 0 && reader ? [{ writer, reader }] : []
    })
    const each = Math.ceil(updates / pairs.length)
    const start = performance.now()
    await Promise.all(
      pairs.map(
        ({ writer, reader }) =>
          new Promise<void>(resolve => {
            let written = 0
            let seen = 0
            const write = (): void => {
              for (; written < each && written - seen < window; written++)
                writer.state.points.set(loadPath(written % (2 * window)), written)
            }
            const stop = reader.state.points.watch(
              'load/**',
              () => {
                if (++seen === each) {
                  stop()
                  resolve()
                } else if (written - seen <= window / 2) write()
              },
              { initial: false }
            )
            write()
          })
      )
    )
    const perSecond = (each * pairs.length) / ((performance.now() - start) / 1e3)
    await Promise.all(pairs.map(({ writer }) => writer.state.points.set('end', each).durable('relay')))
    return { perSecond, delivered: each * pairs.length }
  },
  disconnect: () => {
    for (const client of clients) client.disconnect()
  }
})
