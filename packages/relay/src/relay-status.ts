/** What a relay tells of itself, as plain JSON: `selvedge status --json` prints just this, and metrics are made of it. */
import type { Clock, NodeId, SiteId, Store, StoreStats } from '@selvedge/core'
import { joinVectors, emptyVector, PeerView, type RegisterTable } from '@selvedge/documents'
import type { MemberTable } from '@selvedge/session'
import { spaceStatus, type Replica, type SpaceReplica, type SpaceStatus } from '@selvedge/replica'
import type { Health } from './health.js'
import type { Times, SiteContact } from './site-contact.js'
import type { LoadingState } from './trunk-spaces.js'

export interface RelaySpaceStatus extends SpaceStatus {
  /** Registers that no node of the site is known to hold durably: what the site is still owed. */
  readonly backlog: number
}

export interface RelaySiteStatus {
  readonly site: SiteId
  readonly connected: boolean
  /** Whether the catch-up of a session that stands is over. */
  readonly caughtUp: boolean
  readonly sessions: number
  /** Name of the node whose session is the newest. */
  readonly holder: string | undefined
  readonly address: string | undefined
  /** Trusted wall milliseconds since which that session stands. */
  readonly sessionSinceMs: number | undefined
  readonly roundTripMs: number | undefined
  /** How far that node's clock is from trusted time. */
  readonly clockOffsetMs: number | undefined
  readonly lastSeenMs: number | undefined
  /** Time since the relay last knew that it had all that the site had: see `site-contact.ts`. */
  readonly lagMs: number
  /** Bytes of sessions since the relay started. */
  readonly bytesIn: number
  readonly bytesOut: number
  readonly backlog: number
  /** Those that are open; a site that never called has none. */
  readonly spaces: readonly RelaySpaceStatus[]
}

/** Why `/readyz` says no. */
export interface NotReady {
  readonly code: string
  readonly message: string
}

export interface RelayStatus {
  readonly node: NodeId
  readonly startedAtMs: number
  readonly uptimeMs: number
  /** Where trunks are taken; undefined: not yet, or not any more. */
  readonly url: string | undefined
  /** Empty: ready. */
  readonly notReady: readonly NotReady[]
  readonly health: Health
  readonly store: StoreStats & { readonly state: 'ok' | 'degraded'; readonly code: string | undefined }
  readonly clock: { readonly offsetMs: number; readonly peers: number }
  readonly loading: LoadingState | undefined
  readonly sessions: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly sites: readonly RelaySiteStatus[]
}

export interface SiteParts {
  readonly site: SiteId
  readonly contact: SiteContact
  readonly spaces: readonly SpaceReplica[]
}

export function relaySiteStatus({ site, contact, spaces }: SiteParts, replica: Replica, now: Times): RelaySiteStatus {
  const { session: peer } = contact
  const told = spaces.map(space => ({ ...spaceStatus(space), backlog: backlogOf(space.table, space.members) }))
  return {
    site,
    connected: contact.connected,
    caughtUp: contact.caughtUp,
    sessions: contact.sessions.size,
    holder: peer?.connection.remote.name,
    address: peer?.connection.remote.address,
    sessionSinceMs: rounded(peer?.sinceMs),
    roundTripMs: peer?.session.roundTripMs === undefined ? undefined : Math.round(peer.session.roundTripMs * 10) / 10,
    clockOffsetMs: rounded(peer && replica.trusted.offsetOf(peer.session)),
    lastSeenMs: rounded(contact.lastSeenMs(now)),
    lagMs: Math.round(contact.lagMs(now)),
    bytesIn: contact.bytesIn,
    bytesOut: contact.bytesOut,
    backlog: told.reduce((sum, { backlog }) => sum + backlog, 0),
    spaces: told
  }
}

export function storeStatus(store: Store): RelayStatus['store'] {
  return { ...store.stats(), state: store.health.state, code: store.health.code }
}

export function timesOf(clock: Clock, trustedMs: number): Times {
  return { trustedMs, monotonicMs: clock.monotonicMs() }
}

// From the nodes' durable vectors, which are stored: so it is known while the site is cut off, and after a restart. It costs
// O(what is owed), not O(registers).
function backlogOf(table: RegisterTable, members: MemberTable): number {
  let durable = emptyVector
  for (const { role, vector } of members.all()) if (role === 'node') durable = joinVectors(durable, vector)
  const view = new PeerView()
  for (const [key, seq] of durable.seqs) {
    const writer = table.writers.get(key)
    if (writer) view.raise(writer, seq)
  }
  for (const [node, time] of durable.closed) view.close(node, time)
  return table.owedTo(view).length
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value)
}
