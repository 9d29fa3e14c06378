/** The relay's alarms: what each event of store, spaces and rosters means to an operator, and when it is over. */
import { isSelvedgeError, type Environment, type NodeId, type SpaceId, type StoreHealth, type Timer } from '@selvedge/core'
import type { TableAlarm } from '@selvedge/documents'
import type { AlarmBoard, Health, SpaceReplica } from '@selvedge/replica'
import { relayErrors } from './errors.js'
import type { Rosters } from './relay-options.js'

/** A divergence is mended at once: its alarm stands long enough to be scraped. */
const divergenceShownMs = 60_000
const namedMax = 5

export class RelayAlarms {
  private readonly clearing = new Map<SpaceId, Timer>()

  constructor(
    private readonly board: AlarmBoard,
    private readonly environment: Environment
  ) {}

  get health(): Health {
    return this.board.health
  }

  /** Rosters that name another relay: their nodes refuse this one. */
  rosters(rosters: Rosters, self: NodeId): void {
    const foreign = [...rosters.values()].filter(({ relay }) => relay && relay.node !== self).map(({ site }) => site)
    if (foreign.length === 0) return this.board.clear('rosters')
    const named = `${foreign.slice(0, namedMax).join(', ')}${foreign.length > namedMax ? ` and ${foreign.length - namedMax} more` : ''}`
    const message = `the rosters of ${named} name another relay than this one, ${self}: their nodes will not trust it`
    this.environment.log.warn({ sites: foreign.length }, message)
    this.board.raise('rosters', { code: relayErrors.rosterForeign, severity: 'warning', message })
  }

  store(health: StoreHealth): void {
    if (health.state === 'ok') return this.board.clear('store')
    const message = `the disk fails (${health.message ?? health.code}): the relay goes on from memory, nothing new is durable here`
    this.environment.log.error({ code: health.code }, message)
    this.board.raise('store', { code: health.code ?? 'STORE_IO', severity: 'critical', message })
  }

  opened(space: SpaceReplica): void {
    if (!space.rejoined) return
    const message = `stored records of ${space.id} were missing or corrupt: the relay takes from the site what it lost`
    this.environment.log.error({ space: space.id }, message)
    this.board.raise(`loss ${space.id}`, { code: 'STORE_LOSS', severity: 'critical', message })
  }

  /** A node of the site has given back what it has. */
  mended(space: SpaceReplica): void {
    this.board.clear(`loss ${space.id}`)
  }

  /** @param space undefined: the store could not even tell which spaces it has */
  unreadable(space: SpaceId | undefined, error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error)
    const message = `${space ?? 'the store'} can not be read: ${problem}; it is not served until the relay is restarted`
    this.environment.log.error({ err: error, space, code: isSelvedgeError(error) ? error.code : undefined }, message)
    this.board.raise(`unreadable ${space}`, { code: relayErrors.spaceUnreadable, severity: 'critical', message })
  }

  diverged(space: SpaceReplica, peer: string): void {
    const key = `divergence ${space.id}`
    const message = `${space.id} differed from ${peer} though nothing was owed: a full compare is mending it`
    this.environment.log.error({ space: space.id, peer }, message)
    this.board.raise(key, { code: 'DIVERGENCE', severity: 'critical', message })
    this.clearing.get(space.id)?.cancel()
    const timer = this.environment.clock.setTimer(divergenceShownMs, () => {
      this.clearing.delete(space.id)
      this.board.clear(key)
    })
    this.clearing.set(space.id, timer)
  }

  table(space: SpaceReplica, alarm: TableAlarm): void {
    const text = {
      equivocation: 'another process wrote with this relay’s identity: is its disk or memory cloned? A new incarnation was taken',
      'clock-ahead': 'this relay’s clock was ahead and has been repaired; what it wrote with stamps of the future is held back',
      'incarnation-closed': 'this relay’s incarnation was closed elsewhere: a new one was taken'
    }[alarm.kind]
    this.environment.log.error({ space: space.id, alarm }, text)
    const code = alarm.kind.toUpperCase().replaceAll('-', '_')
    this.board.raise(`${alarm.kind} ${space.id}`, { code, severity: 'critical', message: `${space.id}: ${text}` })
  }

  close(): void {
    for (const timer of this.clearing.values()) timer.cancel()
    this.clearing.clear()
  }
}
