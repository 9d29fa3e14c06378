/** What a node tells of itself, as plain JSON: `selvedge status --json` prints just this. */
import type { Clock, NodeId, SiteId, Store } from '@selvedge/core'
import type { Mesh, Roster } from '@selvedge/network'
import { type Health, type Peer, type Replica, type SpaceStatus, spaceStatus } from '@selvedge/replica'
import type { Presence, Readiness } from './presence.js'
import type { TrunkHolder } from './trunk-holder.js'

export interface PeerStatus {
  readonly node: NodeId
  readonly name: string
  readonly role: 'node' | 'relay'
  readonly address: string
  readonly sinceMs: number
  readonly roundTripMs: number | undefined
  /** Changes that the peer has not been sent yet. */
  readonly backlog: number
  /** Whether the catch-up of every space is over. */
  readonly caughtUp: boolean
  readonly bytesIn: number
  readonly bytesOut: number
  /** How far the peer's clock is from trusted time. */
  readonly clockOffsetMs: number | undefined
}

export interface SiteStatus {
  readonly site: SiteId
  readonly node: NodeId
  readonly name: string
  readonly openedAtMs: number
  /** By the clock that never jumps. */
  readonly uptimeMs: number
  readonly readiness: Readiness
  readonly health: Health
  readonly store: { readonly state: 'ok' | 'degraded'; readonly code: string | undefined }
  readonly clock: { readonly offsetMs: number; readonly peers: number }
  readonly trunk:
    | {
        readonly url: string
        readonly held: boolean
        readonly holder: string | undefined
        readonly enabled: boolean
        readonly reachable: boolean
      }
    | undefined
  readonly mesh: { readonly addresses: readonly string[] } | undefined
  /** Nodes of this partition component, this one apart. */
  readonly present: readonly {
    readonly node: NodeId
    readonly name: string
    readonly readiness: Readiness
    readonly holdsTrunk: boolean
  }[]
  readonly peers: readonly PeerStatus[]
  readonly spaces: readonly SpaceStatus[]
  readonly receiptsPending: number
}

export interface StatusParts {
  readonly site: SiteId
  readonly node: NodeId
  readonly name: string
  readonly openedAtMs: number
  readonly openedMonotonicMs: number
  readonly readiness: Readiness
  readonly health: Health
  readonly roster: Roster
  readonly replica: Replica | undefined
  readonly store: Store | undefined
  readonly mesh: Mesh | undefined
  readonly trunk: { readonly url: string; readonly holder: TrunkHolder | undefined } | undefined
  readonly presence: readonly Presence[]
  readonly clock: Clock
}

export function siteStatus(parts: StatusParts): SiteStatus {
  const { replica, roster, trunk } = parts
  const spaces = [...(replica?.spaces.values() ?? [])]
  const holder = trunk?.holder?.holder
  return {
    site: parts.site,
    node: parts.node,
    name: parts.name,
    openedAtMs: parts.openedAtMs,
    uptimeMs: Math.round(parts.clock.monotonicMs() - parts.openedMonotonicMs),
    readiness: parts.readiness,
    health: parts.health,
    store: { state: parts.store?.health.state ?? 'ok', code: parts.store?.health.code },
    clock: { offsetMs: Math.round(replica?.trusted.ownOffsetMs ?? 0), peers: replica?.trusted.peers ?? 0 },
    trunk: trunk && {
      url: withoutSecrets(trunk.url),
      held: trunk.holder?.session !== undefined,
      holder: holder === undefined ? undefined : roster.nameOf(holder),
      enabled: trunk.holder?.isEnabled ?? false,
      reachable: holder !== undefined
    },
    mesh: parts.mesh && { addresses: parts.mesh.addresses },
    present: parts.presence.map(({ node, name, readiness, trunkSinceMs }) => ({
      node,
      name,
      readiness,
      holdsTrunk: trunkSinceMs !== null
    })),
    peers: [...(replica?.peers() ?? [])].map(peer => peerStatus(peer, roster, replica!)),
    spaces: spaces.map(spaceStatus),
    receiptsPending: spaces.reduce((sum, space) => sum + space.receipts.pending, 0)
  }
}

function peerStatus(peer: Peer, roster: Roster, replica: Replica): PeerStatus {
  const { node, role, connection, session, sinceMs } = peer
  return {
    node,
    name: roster.nameOf(node),
    role,
    address: connection.remote.address,
    sinceMs: Math.round(sinceMs),
    roundTripMs: session.roundTripMs === undefined ? undefined : Math.round(session.roundTripMs * 10) / 10,
    backlog: session.spaces.reduce((sum, link) => sum + link.backlog, 0),
    caughtUp: session.spaces.every(link => link.isCaughtUp),
    bytesIn: connection.bytesIn,
    bytesOut: connection.bytesOut,
    clockOffsetMs: rounded(replica.trusted.offsetOf(session))
  }
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value)
}

// A URL is not the place for a secret, but should one stand there, status does not repeat it.
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//')
}
