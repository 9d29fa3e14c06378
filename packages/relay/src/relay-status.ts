/** What a relay tells of itself, as plain JSON: `selvedge status --json` prints just this, and metrics are made of it. */
import type { NodeId, SiteId, Store, StoreStats } from '@selvedge/core'
import { type Health, type Replica, type SpaceStatus, spaceStatus } from '@selvedge/replica'
import type { Contacts } from './contacts.js'
import type { Times, SiteContact } from './site-contact.js'
import type { LoadingState, TrunkSpaces } from './trunk-spaces.js'

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
  readonly spaces: readonly SpaceStatus[]
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

export interface RelayStatusParts {
  readonly node: NodeId
  readonly startedAt: Times
  readonly now: Times
  readonly url: string | undefined
  readonly notReady: readonly NotReady[]
  readonly health: Health
  readonly sites: readonly SiteId[]
  readonly contacts: Contacts
  readonly store: Store | undefined
  readonly replica: Replica | undefined
  readonly spaces: TrunkSpaces | undefined
}

export function relayStatus(parts: RelayStatusParts): RelayStatus {
  const { contacts, store, replica, spaces } = parts
  return {
    node: parts.node,
    startedAtMs: parts.startedAt.trustedMs,
    uptimeMs: Math.round(parts.now.monotonicMs - parts.startedAt.monotonicMs),
    url: parts.url,
    notReady: parts.notReady,
    health: parts.health,
    store: { ...(store?.stats() ?? unopened), state: store?.health.state ?? 'ok', code: store?.health.code },
    clock: { offsetMs: Math.round(replica?.trusted.ownOffsetMs ?? 0), peers: replica?.trusted.peers ?? 0 },
    loading: spaces?.loading,
    sessions: contacts.sessions,
    bytesIn: contacts.bytesIn,
    bytesOut: contacts.bytesOut,
    sites: parts.sites.map(site => siteStatus(site, contacts.of(site), parts))
  }
}

const unopened: StoreStats = { commits: 0, syncs: 0, bytesWritten: 0, pendingBatches: 0 }

function siteStatus(site: SiteId, contact: SiteContact, { replica, spaces, now }: RelayStatusParts): RelaySiteStatus {
  const { session: peer } = contact
  const told = (spaces?.openOf(site) ?? []).map(spaceStatus)
  const roundTripMs = peer?.session.roundTripMs
  return {
    site,
    connected: contact.connected,
    caughtUp: contact.caughtUp,
    sessions: contact.sessions.size,
    holder: peer?.connection.remote.name,
    address: peer?.connection.remote.address,
    sessionSinceMs: rounded(peer?.sinceMs),
    roundTripMs: roundTripMs === undefined ? undefined : Math.round(roundTripMs * 10) / 10,
    clockOffsetMs: rounded(peer && replica?.trusted.offsetOf(peer.session)),
    lastSeenMs: rounded(contact.lastSeenMs(now)),
    lagMs: Math.round(contact.lagMs(now)),
    bytesIn: contact.bytesIn,
    bytesOut: contact.bytesOut,
    backlog: told.reduce((sum, { backlog }) => sum + (backlog ?? 0), 0),
    spaces: told
  }
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value)
}
