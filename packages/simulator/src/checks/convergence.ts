/**
 * Convergence: once every fault is healed, all replicas are equal within a time that follows from the figures of the links. Equal means
 * the same coverage, the same dots above it, the same hash, and every document complete. And while faults last, a site where
 * nothing changes gets on too ({@link SiteLiveness}).
 */
import type { SpaceId } from '@selvedge/core'
import { hashesEqual } from '@selvedge/documents'
import type { LinkQuality } from '../simulated-network.js'
import type { Run } from '../run.js'
import type { Check, HappenedEvent } from './check.js'
import { observerOf, type Observer, type Watched } from './observer.js'
import { SiteLiveness } from './site-liveness.js'
import { isSiteOf } from './space-names.js'

const lookEveryMs = 250
const lookAtSitesEveryMs = 1_000
/** From one node of a site to another, beside what its links take. */
const arrivesMs = 10_000
/** A trunk's session notices silence after this; a mesh's sooner. */
const noticedMs = 8_000
/** A dial may be under way into nothing, and then waits for its turn at most this long (`Backoff`). */
const dialMs = 10_000
const backoffMs = 10_000
/** Between two looks at what a kill left uncovered for ever: what is found is given new dots (REG-6). */
const strayMs = 60_000
/** A trunk that is taken back, and what is left to its writer. */
const electionMs = 5_000
/** Trips of a handshake, an announcement, a cut, what answers it, documents, and acks; and over how many links. */
const trips = 24
const hops = 3
const admittedAtOnce = 100
const admittedPerSecond = 50
const bytesPerRegister = 400

/** How long it may take from the heal until all are equal, in milliseconds. */
export function convergenceBoundMs(run: Run, registers: number): number {
  const { sites } = run.plan.world
  const links = sites.flatMap(({ lan, trunk }) => [lan, trunk])
  const waiting = Math.max(0, sites.length - admittedAtOnce)
  const linkMs = Math.max(0, ...links.map(link => linkBoundMs(link, registers)))
  return noticedMs + dialMs + 2 * backoffMs + strayMs + electionMs + (waiting / admittedPerSecond) * 2_000 + hops * linkMs
}

function lanBoundMs(run: Run, registers: number): number {
  return hops * Math.max(...run.plan.world.sites.map(({ lan }) => linkBoundMs(lan, registers)))
}

function linkBoundMs({ latencyMs = 1, jitterMs = 0, bytesPerSecond, loss = 0 }: LinkQuality, registers: number): number {
  // What is lost is sent again after 200 ms, then twice as long: of many messages some are lost more than once.
  const againMs = loss > 0 ? 200 * 2 ** Math.min(8, Math.ceil(Math.log(1e-5) / Math.log(loss))) : 0
  const transferMs = bytesPerSecond ? ((registers * bytesPerRegister) / bytesPerSecond) * 1_000 : 0
  return trips * (latencyMs + jitterMs) + 4 * againMs + 2 * transferMs
}

/** Why the replicas of a run are not all equal now; undefined: they are. */
export function unconverged(run: Run): { readonly space: string; readonly why: string; readonly hosts: string[] } | undefined {
  const observer = observerOf(run)
  // Whether or not a check of this run looks too.
  observer.look()
  // Until its disk has taken what waits, an edit may be known to nobody else.
  const degraded = observer.machines.filter(({ replica }) => replica?.['store'].health.state === 'degraded')
  if (degraded.length > 0) return { space: '', why: 'a disk still fails', hosts: degraded.map(({ name }) => name) }
  const down = observer.machines.filter(({ running }) => !running).map(({ name }) => name)
  if (down.length > 0) return { space: '', why: 'not running', hosts: down }
  for (const [space, ledger] of observer.ledgers) {
    if (ledger.authors.size === 0) continue
    const replicas = observer.replicas(space)
    const missing = missingOf(observer, space, replicas)
    if (missing.length > 0) return { space, why: 'not open', hosts: missing }
    const [first, ...others] = replicas
    for (const other of others) {
      const why = differenceOf(first!, other)
      if (why) return { space, why, hosts: [first!.host, other.host] }
    }
    for (const { space: replica, host } of replicas)
      for (const copy of replica.documents['copies'].values())
        if (copy['pending'].hasLocal) return { space, why: 'an edit waits to be stored', hosts: [host] }
    const incomplete = incompleteAt(run, replicas)
    if (incomplete) return { space, why: 'a document is not complete', hosts: [incomplete] }
  }
  return undefined
}

/** A machine where a document lacks what another has, or what no lost disk accounts for. */
function incompleteAt(run: Run, replicas: readonly Watched[]): string | undefined {
  const complete = new Set<string>()
  const lacking = new Map<string, string>()
  for (const { space, host } of replicas)
    for (const { id, status } of space.documents.list()) {
      if (status === 'complete') complete.add(id)
      else if (!lacking.has(id)) lacking.set(id, host)
    }
  const diskLost = run.history.all('diskHarmed').length > 0
  for (const [id, host] of lacking) if (!diskLost || complete.has(id)) return host
  return undefined
}

function missingOf(observer: Observer, space: SpaceId, replicas: readonly Watched[]): string[] {
  const onTrunk = replicas.some(({ space: { residency } }) => residency === 'trunk')
  return observer.machines
    .filter(({ site, role }) => (role === 'relay' ? onTrunk : isSiteOf(space, site)))
    .filter(({ name }) => !replicas.some(({ host }) => host === name))
    .map(({ name }) => name)
}

function differenceOf(one: Watched, other: Watched): string | undefined {
  if (!sameCoverage(one, other)) return 'other coverage'
  return hashesEqual(one.table.hash(), other.table.hash()) ? undefined : 'another hash'
}

function sameCoverage({ table: one }: Watched, { table: other }: Watched): boolean {
  for (const [a, b] of [
    [one, other],
    [other, one]
  ] as const)
    for (const writer of a.writers.values()) {
      if (a.isClosed(writer)) continue
      const theirs = b.writers.get(writer.key)
      if (writer.covered > 0 && (!theirs || !b.covers(theirs, writer.covered))) return false
      for (let at = writer.newest; at && at.seq > writer.covered; at = at.older) {
        const held = b.peek(at.path, at.slot) ?? b.shadows.get(at.path)
        if (!held || held.time < at.time) return false
      }
    }
  return true
}

export class Convergence implements Check {
  readonly name = 'convergence'
  readonly kind = 'liveness'
  private run!: Run
  private observer!: Observer
  private lookAtMs = 0
  private convergedAtMs: number | undefined
  private sites!: SiteLiveness
  private sitesAtMs = 0

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.sites = new SiteLiveness(run, this.observer, () => arrivesMs + lanBoundMs(run, this.registers()))
  }

  afterEvent(event: HappenedEvent): void {
    this.lookAtSites(event)
    const { healedAtMs, nowMs } = this.run
    if (healedAtMs === undefined || this.convergedAtMs !== undefined || nowMs < this.lookAtMs) return
    this.lookAtMs = nowMs + lookEveryMs
    const difference = unconverged(this.run)
    if (!difference) {
      this.convergedAtMs = nowMs
      return
    }
    const boundMs = convergenceBoundMs(this.run, this.registers())
    if (nowMs - healedAtMs <= boundMs) return
    const { space, why, hosts } = difference
    this.run.fail(
      this,
      `not equal in time: ${why}`,
      `${Math.round((nowMs - healedAtMs) / 1_000)} s after everything was healed ${hosts.join(' and ')} ${hosts.length === 1 ? 'is' : 'are'} still not equal to the rest: ${why}.`,
      { space, hosts, boundMs, healedAtMs }
    )
  }

  private lookAtSites({ actor, label }: HappenedEvent): void {
    const { nowMs, plan } = this.run
    if (actor !== 'fault' && nowMs < this.sitesAtMs) return
    this.sitesAtMs = nowMs + lookAtSitesEveryMs
    const args = actor === 'fault' ? JSON.stringify(plan.faults.find(({ id }) => id === label)?.args ?? '') : ''
    const struck = this.observer.machines.filter(({ name }) => args.includes(JSON.stringify(name)))
    const stuck = this.sites.look(struck.map(({ name }) => name))
    if (!stuck) return
    const { what, site, hosts, sentence } = stuck
    this.run.fail(this, what, sentence, { site, hosts })
  }

  private registers(): number {
    let most = 0
    for (const { table } of this.observer.all()) most = Math.max(most, table.size)
    return most
  }

  atEnd(): void {
    if (this.convergedAtMs !== undefined || (this.run.healedAtMs !== undefined && !unconverged(this.run))) this.run.pass(this)
    else this.run.unknown(this, 'the run ended before the time to converge was over')
  }
}
