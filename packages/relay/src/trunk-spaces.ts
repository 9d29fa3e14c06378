/**
 * Which spaces the relay has, and their opening: those of its sites, under the configured names, and none other. This is the relay's
 * one gate of residency and of sites: what it does not let through is never opened, so nothing of it reaches the disk, a session, the
 * status or a metric.
 */
import { siteOfSpace, spaceId, type Logger, type NodeId, type SiteId, type SpaceId, type Store } from '@selvedge/core'
import type { Roster } from '@selvedge/network'
import type { Replica, SpaceReplica } from '@selvedge/replica'

/** Spaces read from disk at one time: each reads and checks all of its records. */
const loadsAtOnce = 4

export interface TrunkSpacesOptions {
  readonly replica: Replica
  readonly self: NodeId
  /** Short names. */
  readonly names: readonly string[]
  readonly rosterOf: (site: SiteId) => Roster | undefined
  readonly log: Logger
  readonly opened: (space: SpaceReplica) => void
  /** A space can not be opened. It stays so until the next start. */
  readonly unreadable: (space: SpaceId, error: unknown) => void
}

export interface LoadingState {
  readonly loaded: number
  readonly total: number
}

export class TrunkSpaces {
  private readonly opening = new Map<SpaceId, Promise<SpaceReplica>>()
  private state: LoadingState & { readonly done: boolean } = { loaded: 0, total: 0, done: false }

  constructor(private readonly options: TrunkSpacesOptions) {}

  /** Whether a session of `site` may synchronise the space. */
  admits(site: SiteId, space: SpaceId): boolean {
    return siteOfSpace(space) === site && this.isKept(space)
  }

  /** Opens a space that a session of `site` offers; undefined: it may not. */
  async offered(site: SiteId, space: SpaceId): Promise<SpaceReplica | undefined> {
    if (this.admits(site, space)) return this.open(space)
    this.options.log.warn({ site, space }, 'a space was offered that the relay does not keep for this site: refused')
    return undefined
  }

  /** The spaces of a site, by short name. */
  async openSite(site: SiteId): Promise<ReadonlyMap<string, SpaceReplica>> {
    return new Map(await Promise.all(this.options.names.map(async name => [name, await this.open(idOf(site, name))] as const)))
  }

  /** The spaces of a site that are open now. */
  openOf(site: SiteId): SpaceReplica[] {
    return this.options.names.flatMap(name => this.options.replica.spaces.get(idOf(site, name)) ?? [])
  }

  get loading(): LoadingState | undefined {
    return this.state.done ? undefined : this.state
  }

  /** Opens every space that the store has from earlier runs, so that status and metrics tell of sites that have not called yet. */
  async loadStored(store: Store, stopped: () => boolean): Promise<void> {
    const stored = await store.spaces()
    const kept = stored.filter(space => this.isKept(space))
    if (kept.length < stored.length)
      this.options.log.warn(
        { spaces: stored.filter(space => !kept.includes(space)).slice(0, 20) },
        'stored spaces of no site or name of this relay are left alone'
      )
    this.state = { loaded: 0, total: kept.length, done: false }
    const next = kept.values()
    const load = async (): Promise<void> => {
      for (const space of next) {
        if (stopped()) return
        // Told as an alarm; it must not keep the others from being served.
        await this.open(space).catch(() => {})
        this.state = { ...this.state, loaded: this.state.loaded + 1 }
      }
    }
    await Promise.all(Array.from({ length: loadsAtOnce }, load))
    this.state = { ...this.state, done: !stopped() }
  }

  private isKept(space: SpaceId): boolean {
    const site = siteOfSpace(space)
    return this.options.rosterOf(site) !== undefined && this.options.names.includes(space.slice(site.length + 1))
  }

  private open(id: SpaceId): Promise<SpaceReplica> {
    const known = this.opening.get(id)
    if (known) return known
    const opening = this.openNew(id)
    this.opening.set(id, opening)
    return opening
  }

  private async openNew(id: SpaceId): Promise<SpaceReplica> {
    const { replica, self, rosterOf } = this.options
    // A site that was taken out of the rosters, by mistake perhaps, keeps its members: they hold back what is collected.
    let nodes = rosterOf(siteOfSpace(id))?.nodes ?? []
    try {
      const space = await replica.openSpace(id, {
        residency: 'trunk',
        members: () => {
          nodes = rosterOf(siteOfSpace(id))?.nodes ?? nodes
          return [...nodes.map(({ node }) => ({ node, role: 'node' as const })), { node: self, role: 'relay' as const }]
        }
      })
      this.options.opened(space)
      return space
    } catch (error) {
      this.options.unreadable(id, error)
      throw error
    }
  }
}

function idOf(site: SiteId, name: string): SpaceId {
  return spaceId(`${site}/${name}`)
}
