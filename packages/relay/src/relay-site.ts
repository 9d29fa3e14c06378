/**
 * A site as cloud services use it on the relay: the same points, documents and config as on its nodes. What is written here is
 * readable here at once and reaches the building when its trunk stands; the building decides for itself meanwhile.
 */
import { SelvedgeError, type NodeId, type SiteId } from '@selvedge/core'
import type { AnyPointSchema, AutomergeDocument, AutomergeDocumentOptions, YjsDocument } from '@selvedge/documents'
import {
  replicaErrors,
  SpaceApi,
  type HealReportWithConflicts,
  type Points,
  type PointsContext,
  type SpaceReplica
} from '@selvedge/replica'
import { configSpace, stateSpace } from './relay-options.js'

/** What the relay knows of its contact with a site. */
export interface SitePresence {
  /** Whether a session with a node of the site stands. */
  readonly connected: boolean
  /** Trusted wall milliseconds when the site was last heard; undefined: not since the relay started. */
  readonly lastSeenMs: number | undefined
}

export interface RelaySiteParts<S extends AnyPointSchema> {
  readonly id: SiteId
  /** By short name. */
  readonly spaces: ReadonlyMap<string, SpaceReplica>
  readonly points: S | undefined
  readonly context: PointsContext
  readonly presence: () => SitePresence
  readonly nodes: () => readonly NodeId[]
}

/**
 * Receipts of writes made here: `local` and `relay` both mean fsynced on this relay, `site` on a node of the building. What reached no
 * node is lost with the relay's disk.
 */
export class RelaySite<S extends AnyPointSchema = AnyPointSchema> {
  readonly id: SiteId
  private readonly apis: ReadonlyMap<string, SpaceApi>

  /** Use {@link Relay.site}. */
  constructor(private readonly parts: RelaySiteParts<S>) {
    this.id = parts.id
    this.apis = new Map(
      [...parts.spaces].map(([name, space]) => [name, new SpaceApi<AnyPointSchema>(space, this.schemaOf(name), parts.context)])
    )
  }

  /** Points of the `state` space. While the site is not connected, readings of its nodes are stale: `writer-gone`. */
  get points(): Points<S> {
    return this.space(stateSpace).points as unknown as Points<S>
  }

  /** A shared document of the `state` space: the real `Y.Doc`. */
  document(id: string): YjsDocument {
    return this.space(stateSpace).document(id)
  }

  /** A config document of the `config` space. */
  config(id: string, options?: AutomergeDocumentOptions): Promise<AutomergeDocument> {
    return this.space(configSpace).config(id, options)
  }

  /**
   * A space by its short name.
   * @throws SelvedgeError `SPACE_UNKNOWN`: the relay keeps no such space; a site's `site` spaces never leave the building
   */
  space(name: string): SpaceApi {
    const api = this.apis.get(name)
    if (api) return api
    throw new SelvedgeError(
      replicaErrors.spaceUnknown,
      `the relay keeps no space "${name}" of ${this.id}: there are ${this.spaceNames.join(', ')}`,
      {
        details: { site: this.id, space: name }
      }
    )
  }

  get spaceNames(): string[] {
    return [...this.apis.keys()]
  }

  /** Heal reports of every space, newest first. */
  healReports(): (HealReportWithConflicts & { readonly space: string })[] {
    return [...this.apis]
      .flatMap(([space, api]) => api.healReports().map(report => ({ ...report, space })))
      .sort((a, b) => b.atMs - a.atMs)
  }

  /** Whether a session with a node of the site stands now. */
  get connected(): boolean {
    return this.parts.presence().connected
  }

  /** Trusted wall milliseconds when the site was last heard; undefined: not since the relay started. */
  get lastSeenMs(): number | undefined {
    return this.parts.presence().lastSeenMs
  }

  /** The name of a node in its roster, or the id of a stranger. */
  nameOf(node: NodeId): string {
    return this.parts.context.nameOf(node)
  }

  /** Definitions of the points of a space; undefined: any path and value is taken. */
  schemaOf(space: string): S | undefined {
    return space === stateSpace ? this.parts.points : undefined
  }

  /** The nodes of its roster. */
  get nodes(): readonly NodeId[] {
    return this.parts.nodes()
  }
}
