/**
 * Who is there, and who holds the trunk: each node tells its neighbours when that changes, and neighbours pass on what another can not
 * hear for itself. Presence serves the trunk election, status and the staleness of readings; nothing that must not be lost.
 */
import { decodeValue, encodeValue, type NodeId, type Value } from '@selvedge/core'

export interface Presence {
  readonly node: NodeId
  readonly name: string
  /** Orders what one node says: it rises each time, and across restarts. */
  readonly count: number
  /** Nodes that it has a session with. */
  readonly peers: readonly NodeId[]
  /** Wall milliseconds since which it holds the trunk; null: it does not. */
  readonly trunkSinceMs: number | null
  readonly readiness: Readiness
}

/** `loading`: the store is being read. `loaded`: read, no peer yet. `synced`: a first complete seal of every space. `alone`: by choice. */
export type Readiness = 'loading' | 'loaded' | 'synced' | 'alone'

export const presenceTopic = 'presence'
const peersMax = 1_024

export function encodePresence(presence: Presence): Uint8Array {
  const { node, name, count, peers, trunkSinceMs, readiness } = presence
  return encodeValue({ node, name, count, peers: [...peers], trunkSinceMs, readiness })
}

/** Reads presence from a peer; undefined when it is not valid. */
export function decodePresence(bytes: Uint8Array): Presence | undefined {
  const value = decodeValue(bytes)
  if (typeof value !== 'object' || value === null) return undefined
  const { node, name, count, peers, trunkSinceMs, readiness } = value as Record<string, Value>
  if (typeof node !== 'string' || typeof name !== 'string' || typeof count !== 'number' || !Array.isArray(peers)) return undefined
  if (trunkSinceMs !== null && typeof trunkSinceMs !== 'number') return undefined
  if (readiness !== 'loading' && readiness !== 'loaded' && readiness !== 'synced' && readiness !== 'alone') return undefined
  const known = peers.filter((peer): peer is NodeId => typeof peer === 'string').slice(0, peersMax)
  return {
    node: node as NodeId,
    name,
    count,
    peers: known,
    trunkSinceMs,
    readiness
  }
}

/** What a node said last, as it was sent. */
export interface Word {
  readonly presence: Presence
  readonly payload: Uint8Array
  /** Nodes that it has a session with. */
  readonly peers: ReadonlySet<NodeId>
  readonly atMs: number
}

/**
 * Who is in this partition component: each node that a path of sessions leads to, by what the nodes on it said last. A word counts
 * until it is not renewed any more, and may come ahead of the one that leads to its node.
 */
export class PresenceTable {
  private readonly words = new Map<NodeId, Word>()
  private reached: ReadonlySet<NodeId> = new Set()

  /**
   * @param keptMs how long a word counts that is not renewed
   * @param neighbours nodes that this one has a session with
   */
  constructor(
    private readonly keptMs: number,
    private readonly neighbours: () => Iterable<NodeId>
  ) {}

  /**
   * Takes up what a node said; false: it is no news.
   * @param direct By itself, and not by hearsay: it is the latest, whatever was said before (its clock may have been set back).
   */
  learn(presence: Presence, payload: Uint8Array, nowMs: number, direct: boolean): boolean {
    const known = this.words.get(presence.node)?.presence.count ?? Number.NEGATIVE_INFINITY
    if (direct ? known === presence.count : known >= presence.count) return false
    this.words.set(presence.node, { presence, payload, peers: new Set(presence.peers), atMs: nowMs })
    return true
  }

  /** What can be reached may have changed: gives who came, and who is gone. */
  look(nowMs: number): { readonly came: Presence[]; readonly gone: NodeId[] } {
    const before = this.reached
    for (const [node, { atMs }] of this.words) if (nowMs - atMs > this.keptMs) this.words.delete(node)
    this.reached = this.reach()
    const came = [...this.reached].filter(node => !before.has(node)).map(node => this.words.get(node)!.presence)
    const gone = [...before].filter(node => !this.reached.has(node))
    return { came, gone }
  }

  /** The word of a node that can be reached. */
  get(node: NodeId): Word | undefined {
    return this.reached.has(node) ? this.words.get(node) : undefined
  }

  /** Words of all nodes that can be reached. */
  *present(): IterableIterator<Word> {
    for (const node of this.reached) yield this.words.get(node)!
  }

  /** Whether a node that can be reached holds the trunk. */
  holds(node: NodeId): boolean {
    return (this.get(node)?.presence.trunkSinceMs ?? null) !== null
  }

  private reach(): Set<NodeId> {
    const reached = new Set<NodeId>()
    const next = [...this.neighbours()]
    for (let node = next.pop(); node !== undefined; node = next.pop()) {
      const word = this.words.get(node)
      if (!word || reached.has(node)) continue
      reached.add(node)
      next.push(...word.peers)
    }
    return reached
  }
}
