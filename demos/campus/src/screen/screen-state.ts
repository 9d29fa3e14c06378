/** What the live screen shows. Plain data: whoever runs the campus fills it in, the screen decides nothing. */

export type ProcessState = 'up' | 'starting' | 'down' | 'killed'

export interface NodeView {
  readonly name: string
  readonly state: ProcessState
  /** Whether it holds the trunk: `cut` when it should and can't, `-` when another does. */
  readonly trunk: 'held' | 'cut' | '-'
  /** Sessions with other nodes of the building. */
  readonly peers: number
  readonly writesPerSecond: number
  /** Registers not known to have reached the relay. */
  readonly backlog: number
  /** Milliseconds from a write here until it was seen on another node; undefined: not measured lately. */
  readonly lagMs: number | undefined
  /** The state space's hash; undefined while it is not known. */
  readonly hash: string | undefined
  /**
   * Milliseconds since a comparison of hashes found it equal to a neighbour's. Under load hashes read one after the other always
   * differ; a comparison leaves out what is under way. Undefined: none has yet.
   */
  readonly provenAgoMs: number | undefined
}

export interface SiteView {
  readonly name: string
  /** Whether the wire of its trunk is cut. */
  readonly trunkCut: boolean
  /** Whether it is split in two. */
  readonly split: boolean
  readonly nodes: readonly NodeView[]
  /** The relay's copy of it. */
  readonly cloudHash: string | undefined
  /** Milliseconds since the relay's copy was compared, and found equal. */
  readonly cloudProvenAgoMs: number | undefined
}

export interface EventView {
  /** Milliseconds since the campus started. */
  readonly atMs: number
  readonly text: string
  readonly tone?: 'good' | 'bad' | 'plain'
}

export interface ScreenState {
  /** Milliseconds since the campus started. */
  readonly elapsedMs: number
  readonly relay: ProcessState
  readonly sites: readonly SiteView[]
  /** Index of the building that keys act on. */
  readonly selected: number
  /** Oldest first; the newest that fit are shown. */
  readonly events: readonly EventView[]
}

/** Whether the replicas of a site are equal: `undefined` while fewer than two of them are known. */
export function siteEqual({ nodes, split }: SiteView): boolean | undefined {
  const up = nodes.filter(({ state, hash }) => state === 'up' && hash !== undefined)
  if (!split && up.length >= 2 && up.every(({ provenAgoMs }) => isProven(provenAgoMs))) return true
  const hashes = nodes.flatMap(({ state, hash }) => (state === 'up' && hash !== undefined ? [hash] : []))
  return hashes.length < 2 ? undefined : hashes.every(hash => hash === hashes[0])
}

/** Whether the relay's copy equals that of every node that is up. */
export function cloudEqual({ nodes, cloudHash, trunkCut, cloudProvenAgoMs }: SiteView): boolean | undefined {
  if (!trunkCut && isProven(cloudProvenAgoMs)) return true
  const hashes = nodes.flatMap(({ state, hash }) => (state === 'up' && hash !== undefined ? [hash] : []))
  return cloudHash === undefined || hashes.length === 0 ? undefined : hashes.every(hash => hash === cloudHash)
}

const provenWithinMs = 8_000

function isProven(agoMs: number | undefined): boolean {
  return agoMs !== undefined && agoMs <= provenWithinMs
}
