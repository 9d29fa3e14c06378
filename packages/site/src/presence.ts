/**
 * Who is there, and who holds the trunk: each node tells its neighbours twice a second, and neighbours pass on what another can not
 * hear for itself. Presence serves the trunk election, status and the staleness of readings; nothing that must not be lost.
 */
import { ByteReader, decodeValue, encodeValue, type NodeId, type Value } from '@selvedge/core'

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

/**
 * Reads what nodes say of themselves again and again: as a rule what each said before, but for the count, and then it is not decoded
 * anew.
 */
export class PresenceReader {
  private readonly last = new Map<NodeId, Read>()

  /** @param node whom it must be of; undefined: it is of another, or not valid */
  read(node: NodeId, bytes: Uint8Array): Presence | undefined {
    const counted = readCount(bytes)
    const last = this.last.get(node)
    if (counted && last && bytes[1] === last.bytes[1] && isSame(bytes, counted.end, last.bytes, last.end))
      return { ...last.presence, count: counted.count }
    const presence = decodePresence(bytes)
    if (presence?.node !== node) return undefined
    if (counted) this.last.set(node, { bytes, end: counted.end, presence })
    return presence
  }
}

interface Read {
  readonly bytes: Uint8Array
  /** Where its count ends. */
  readonly end: number
  readonly presence: Presence
}

/** Keys are sorted: presence begins with its count, behind these bytes, of which the second is the number of keys. */
const head = encodeValue({ count: 0 }).slice(0, -1)

function readCount(bytes: Uint8Array): { readonly count: number; readonly end: number } | undefined {
  if (bytes.length <= head.length) return undefined
  for (let i = 0; i < head.length; i++) if (i !== 1 && bytes[i] !== head[i]) return undefined
  const reader = new ByteReader(bytes, head.length)
  const count = reader.int()
  return { count, end: bytes.length - reader.remaining }
}

/** Whether two are the same from there on. */
function isSame(a: Uint8Array, aFrom: number, b: Uint8Array, bFrom: number): boolean {
  if (a.length - aFrom !== b.length - bFrom) return false
  for (let i = aFrom, j = bFrom; i < a.length; i++, j++) if (a[i] !== b[j]) return false
  return true
}

/** What is known of the nodes of this partition component. */
export class PresenceTable {
  private readonly heard = new Map<NodeId, { presence: Presence; atMs: number }>()

  constructor(private readonly staleMs: number) {}

  /** Takes up what a node said; false: it is no news. */
  learn(presence: Presence, nowMs: number): boolean {
    const known = this.heard.get(presence.node)
    if (known && known.presence.count >= presence.count) return false
    this.heard.set(presence.node, { presence, atMs: nowMs })
    return true
  }

  /** A node's mesh session closed: unless a neighbour still hears it, it is gone. */
  forget(node: NodeId): void {
    this.heard.delete(node)
  }

  get(node: NodeId, nowMs: number): Presence | undefined {
    const known = this.heard.get(node)
    return known && nowMs - known.atMs <= this.staleMs ? known.presence : undefined
  }

  /** Nodes heard lately. */
  *present(nowMs: number): IterableIterator<Presence> {
    for (const { presence, atMs } of this.heard.values()) if (nowMs - atMs <= this.staleMs) yield presence
  }

  /** Whether a node that was heard lately holds the trunk. */
  holds(node: NodeId, nowMs: number): boolean {
    const presence = this.get(node, nowMs)
    return presence !== undefined && presence.trunkSinceMs !== null
  }

  /** Forgets who has been silent for too long, and names them. */
  expire(nowMs: number): NodeId[] {
    const gone: NodeId[] = []
    for (const [node, { atMs }] of this.heard) if (nowMs - atMs > this.staleMs) gone.push(node)
    for (const node of gone) this.heard.delete(node)
    return gone
  }
}
