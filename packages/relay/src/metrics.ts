/**
 * The relay's metrics, in a registry of its own, made from its status. Labels come from the rosters and the configured spaces alone,
 * never from what a peer says, and their number is bounded: sites beyond `sitesMax` are told together as `_other`, which no site can
 * be called. There is nothing of a site's `site` spaces: the relay does not have them.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import type { RelaySiteStatus, RelayStatus } from './relay-status.js'

const otherSites = '_other'
/** A text is given again for so long: what it costs to make is bounded, however often it is asked for. */
const keptMs = 1_000

interface Sums {
  readonly site: string
  connected: number
  lagMs: number
  readonly spaces: Map<string, Record<PerSpace, number>>
}

const perSpace = {
  registers: ['selvedge_registers', 'Live registers held.'],
  backlog: ['selvedge_backlog_registers', 'Registers that no node of the site is known to hold durably.'],
  heldBack: ['selvedge_held_back', 'Writes held back because their stamps are too far ahead (quarantine).'],
  unstored: ['selvedge_unstored_changes', 'Changes that the disk has not taken yet.'],
  documents: ['selvedge_documents', 'Documents in the catalogue.'],
  storedBytes: ['selvedge_stored_bytes', 'Bytes of registers on disk.']
} as const

const perSpaceTotal = {
  divergences: [
    'selvedge_divergences_total',
    'Times a hash differed though nothing was owed; each was mended by a full compare.'
  ],
  conflicts: ['selvedge_conflicts_total', 'Concurrent writes of one register that this relay recorded.']
} as const

type PerSpace = keyof typeof perSpace | keyof typeof perSpaceTotal

export interface RelayMetricsOptions {
  readonly status: () => RelayStatus
  readonly monotonicMs: () => number
  readonly processMetrics: () => Promise<string>
  readonly sitesMax: number
}

export class RelayMetrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE
  private readonly registry = new Registry()
  private readonly gauges = new Map<string, Gauge>()
  private readonly counters = new Map<string, Counter>()
  private kept: { readonly text: Promise<string>; readonly atMs: number } | undefined

  constructor(private readonly options: RelayMetricsOptions) {
    this.gauge('selvedge_ready', 'Whether /readyz says yes.')
    this.gauge('selvedge_uptime_seconds', 'Seconds since the relay was started.')
    this.gauge('selvedge_sessions', 'Sessions whose hello completed.')
    this.gauge('selvedge_sites', 'Sites in the rosters.')
    this.gauge('selvedge_spaces', 'Spaces that are open.')
    this.gauge('selvedge_alarms', 'Alarms that stand.')
    this.gauge('selvedge_store_degraded', 'Whether the disk fails: nothing new is durable here.')
    this.gauge('selvedge_store_pending_batches', 'Batches that wait for the disk.')
    this.counter('selvedge_store_commits_total', 'Batches stored.')
    this.counter('selvedge_store_syncs_total', 'Times the disk was synced; commits share one.')
    this.counter('selvedge_store_written_bytes_total', 'Bytes given to the disk.')
    this.counter('selvedge_session_bytes_total', 'Bytes of sessions, as the transport counts them.', ['direction'])
    this.gauge('selvedge_site_connected', 'Whether a session with a node of the site stands.', ['site'])
    this.gauge('selvedge_lag_seconds', 'Seconds since the relay last knew that it had all that the site had.', ['site'])
    for (const [name, help] of Object.values(perSpace)) this.gauge(name, help, ['site', 'space'])
    for (const [name, help] of Object.values(perSpaceTotal)) this.counter(name, help, ['site', 'space'])
  }

  /** The text for a scrape, at most a second old. */
  text(): Promise<string> {
    const now = this.options.monotonicMs()
    if (!this.kept || now - this.kept.atMs >= keptMs) this.kept = { text: this.make(), atMs: now }
    return this.kept.text
  }

  private async make(): Promise<string> {
    this.fill(this.options.status())
    return `${await this.registry.metrics()}${await this.options.processMetrics()}`
  }

  private fill(status: RelayStatus): void {
    const { store } = status
    this.set('selvedge_ready', status.notReady.length === 0 ? 1 : 0)
    this.set('selvedge_uptime_seconds', status.uptimeMs / 1000)
    this.set('selvedge_sessions', status.sessions)
    this.set('selvedge_sites', status.sites.length)
    this.set(
      'selvedge_spaces',
      status.sites.reduce((sum, { spaces }) => sum + spaces.length, 0)
    )
    this.set('selvedge_alarms', status.health.alarms.length + status.health.more)
    this.set('selvedge_store_degraded', store.state === 'degraded' ? 1 : 0)
    this.set('selvedge_store_pending_batches', store.pendingBatches)
    this.count('selvedge_store_commits_total', store.commits)
    this.count('selvedge_store_syncs_total', store.syncs)
    this.count('selvedge_store_written_bytes_total', store.bytesWritten)
    this.count('selvedge_session_bytes_total', status.bytesIn, { direction: 'in' })
    this.count('selvedge_session_bytes_total', status.bytesOut, { direction: 'out' })
    this.fillSites(status.sites)
  }

  private fillSites(sites: readonly RelaySiteStatus[]): void {
    for (const [name] of [['selvedge_site_connected'], ['selvedge_lag_seconds'], ...Object.values(perSpace)])
      this.gauges.get(name)?.reset()
    for (const [name] of Object.values(perSpaceTotal)) this.counters.get(name)?.reset()
    for (const { site, connected, lagMs, spaces } of summed(sites, this.options.sitesMax)) {
      this.set('selvedge_site_connected', connected, { site })
      this.set('selvedge_lag_seconds', lagMs / 1000, { site })
      for (const [space, values] of spaces) {
        for (const [key, [name]] of Object.entries(perSpace)) this.set(name, values[key as PerSpace], { site, space })
        for (const [key, [name]] of Object.entries(perSpaceTotal))
          this.counters.get(name)?.inc({ site, space }, values[key as PerSpace])
      }
    }
  }

  private gauge(name: string, help: string, labelNames: readonly string[] = []): void {
    this.gauges.set(name, new Gauge({ name, help, labelNames, registers: [this.registry] }))
  }

  private counter(name: string, help: string, labelNames: readonly string[] = []): void {
    this.counters.set(name, new Counter({ name, help, labelNames, registers: [this.registry] }))
  }

  private set(name: string, value: number, labels: Record<string, string> = {}): void {
    this.gauges.get(name)?.set(labels, value)
  }

  // What is counted elsewhere already: the counter takes its value over.
  private count(name: string, value: number, labels: Record<string, string> = {}): void {
    const counter = this.counters.get(name)
    counter?.remove(labels)
    counter?.inc(labels, value)
  }
}

/** One entry a site; those beyond `max`, by name, in one: numbers added up, the greatest lag. */
function summed(sites: readonly RelaySiteStatus[], max: number): Sums[] {
  const sorted = [...sites].sort((a, b) => (a.site < b.site ? -1 : 1))
  const bySite = new Map<string, Sums>()
  sorted.forEach((status, i) => {
    const site = i < max ? status.site : otherSites
    const sums = bySite.get(site) ?? { site, connected: 0, lagMs: 0, spaces: new Map<string, Record<PerSpace, number>>() }
    bySite.set(site, sums)
    sums.connected += status.connected ? 1 : 0
    sums.lagMs = Math.max(sums.lagMs, status.lagMs)
    for (const space of status.spaces) {
      const name = space.space.slice(status.site.length + 1)
      const known = sums.spaces.get(name)
      const keys = [...Object.keys(perSpace), ...Object.keys(perSpaceTotal)] as PerSpace[]
      sums.spaces.set(
        name,
        Object.fromEntries(keys.map(key => [key, (known?.[key] ?? 0) + (space[key] ?? 0)])) as Record<PerSpace, number>
      )
    }
  })
  return [...bySite.values()]
}
