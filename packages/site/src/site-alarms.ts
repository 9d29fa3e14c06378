/** Turns what parts of a node report into alarms that stand on its board, and into log lines. */
import type { Environment, NodeId, StoreHealth, Timer } from '@selvedge/core'
import type { TableAlarm } from '@selvedge/documents'
import type { SpaceReplica } from '@selvedge/replica'
import type { AlarmBoard } from './health.js'

const divergenceShownMs = 60_000

const tableTexts: Readonly<Record<TableAlarm['kind'], { code: string; text: string }>> = {
  equivocation: {
    code: 'EQUIVOCATION',
    text: 'another process wrote with this node’s identity: is its disk or memory cloned? A new incarnation was taken'
  },
  'clock-ahead': {
    code: 'CLOCK_AHEAD',
    text: 'this node’s clock was ahead and has been repaired; what it wrote with stamps of the future is held back'
  },
  'incarnation-closed': { code: 'INCARNATION_CLOSED', text: 'this node’s incarnation was closed elsewhere: a new one was taken' }
}

export class SiteAlarms {
  private readonly timers = new Map<string, Timer>()

  constructor(
    private readonly board: AlarmBoard,
    private readonly environment: Environment,
    private readonly nameOf: (node: NodeId) => string
  ) {}

  /** Replicas that should have been equal were not; a full compare is mending it. */
  diverged(space: SpaceReplica, peer: NodeId): void {
    const key = `divergence ${space.id}`
    const message = `${space.id} differed from ${this.nameOf(peer)} though nothing was owed: a full compare is mending it`
    this.environment.log.error({ space: space.id, peer }, message)
    this.board.raise(key, 'DIVERGENCE', 'critical', message)
    this.timers.get(key)?.cancel()
    this.timers.set(key, this.environment.clock.setTimer(divergenceShownMs, () => this.board.clear(key)))
  }

  table(space: SpaceReplica, alarm: TableAlarm): void {
    const { code, text } = tableTexts[alarm.kind]
    this.environment.log.error({ space: space.id, alarm }, text)
    this.board.raise(`${alarm.kind} ${space.id}`, code, 'critical', text)
  }

  store(health: StoreHealth): void {
    if (health.state === 'ok') return this.board.clear('store')
    const message = `the disk fails (${health.message ?? health.code}): the node goes on from memory, nothing new is durable here`
    this.environment.log.error({ code: health.code }, message)
    this.board.raise('store', health.code ?? 'STORE_IO', 'critical', message)
  }

  /** What was stored of a space had losses. */
  loss(space: SpaceReplica): void {
    const message = `stored records of ${space.id} were missing or corrupt: this node takes from its peers what it lost`
    this.environment.log.error({ space: space.id }, message)
    this.board.raise(`loss ${space.id}`, 'STORE_LOSS', 'critical', message)
  }

  /** A peer has given everything back. */
  lossMended(space: SpaceReplica): void {
    this.board.clear(`loss ${space.id}`)
  }

  close(): void {
    for (const timer of this.timers.values()) timer.cancel()
  }
}
