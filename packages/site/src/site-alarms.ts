/** Turns what parts of a node report into alarms that stand on its board, and into log lines. */
import type { Environment, NodeId, StoreHealth, Timer } from '@selvedge/core'
import type { TableAlarm } from '@selvedge/documents'
import type { AlarmBoard, Replica, SpaceReplica } from '@selvedge/replica'

const divergenceShownMs = 60_000
const watchMs = 4_000
const namedMax = 3
/** A relay that restarts, or a holder that dies, is no alarm. */
const trunkGraceMs = 15_000

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
  /** Nodes whose clock an alarm names. */
  private readonly skewed = new Set<NodeId>()
  /** Writes held back that an alarm speaks of, by space. */
  private readonly held = new Map<SpaceReplica, number>()
  private cloned = false
  private trunkSeenAtMs: number | undefined

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
    this.board.raise(key, { code: 'DIVERGENCE', severity: 'critical', message })
    this.timers.get(key)?.cancel()
    this.timers.set(
      key,
      this.environment.clock.setTimer(divergenceShownMs, () => this.board.clear(key))
    )
  }

  table(space: SpaceReplica, alarm: TableAlarm): void {
    const { code, text } = tableTexts[alarm.kind]
    this.environment.log.error({ space: space.id, alarm }, text)
    this.board.raise(`${alarm.kind} ${space.id}`, { code, severity: 'critical', message: text })
  }

  store(health: StoreHealth): void {
    if (health.state === 'ok') return this.board.clear('store')
    const message = `the disk fails (${health.message ?? health.code}): the node goes on from memory, nothing new is durable here`
    this.environment.log.error({ code: health.code }, message)
    this.board.raise('store', { code: health.code ?? 'STORE_IO', severity: 'critical', message })
  }

  /** What was stored of a space had losses. */
  loss(space: SpaceReplica): void {
    const message = `stored records of ${space.id} were missing or corrupt: this node takes from its peers what it lost`
    this.environment.log.error({ space: space.id }, message)
    this.board.raise(`loss ${space.id}`, { code: 'STORE_LOSS', severity: 'critical', message })
  }

  /** A peer has given everything back. */
  lossMended(space: SpaceReplica): void {
    this.board.clear(`loss ${space.id}`)
  }

  /** Looks at a replica, and at who holds its trunk, every four seconds from now on. */
  watch(replica: Replica, trunk: { readonly holder: NodeId | undefined } | undefined): void {
    this.timers.set(
      'watch',
      this.environment.clock.setTimer(watchMs, () => this.watch(replica, trunk))
    )
    this.look(replica, trunk)
  }

  /** Clocks that are further off than what is obeyed, whose they are, and what is held back because of them. */
  look(replica: Replica, trunk: { readonly holder: NodeId | undefined } | undefined): void {
    if (trunk) this.trunk(trunk.holder)
    const { trusted } = replica
    const off = new Map<NodeId, number>([[replica.node, trusted.ownOffsetMs]])
    // Two clocks that differ do not tell which is wrong: with one peer only the own clock is judged, by the time last stored.
    if (trusted.peers > 1) for (const { node, session } of replica.peers()) off.set(node, trusted.offsetOf(session) ?? 0)
    for (const [node, offsetMs] of off) {
      if (Math.abs(offsetMs) <= trusted.maxClockSkewMs) continue
      this.skewed.add(node)
      const whose = node === replica.node ? 'this node’s clock' : `the clock of ${this.nameOf(node)}`
      const message = `${whose} is ${roughly(offsetMs)} the time that its peers agree on: set it right`
      this.board.raise(`skew ${node}`, { code: 'CLOCK_SKEW', severity: 'warning', message })
    }
    for (const node of this.skewed)
      if (Math.abs(off.get(node) ?? 0) <= trusted.maxClockSkewMs && this.skewed.delete(node)) this.board.clear(`skew ${node}`)
    for (const space of replica.spaces.values()) {
      this.watchHeldBack(space)
      this.watchClones(space)
    }
  }

  // Each process takes an incarnation newer than all that its node had: a newer one yet is of another process that is running too.
  private watchClones({ id, table }: SpaceReplica): void {
    const own = table.ownWriterKey === undefined ? undefined : table.writers.get(table.ownWriterKey)
    if (!own) return
    const limit = table.skewLimit()
    for (const writer of table.writers.values()) {
      if (writer.node !== own.node || writer.createdAt <= own.createdAt || writer.createdAt > limit) continue
      const message =
        'another process runs with this node’s key and data: was its disk cloned? Stop one of the two, and give it a key of its own'
      if (!this.cloned) this.environment.log.error({ space: id, writer: writer.key }, message)
      this.cloned = true
      return this.board.raise('cloned', { code: 'NODE_CLONED', severity: 'critical', message })
    }
  }

  /** Who holds the trunk, as far as is known here; undefined: nobody. */
  trunk(holder: NodeId | undefined): void {
    const now = this.environment.clock.monotonicMs()
    if (holder !== undefined) {
      this.trunkSeenAtMs = now
      return this.board.clear('trunk')
    }
    this.trunkSeenAtMs ??= now
    if (now - this.trunkSeenAtMs > trunkGraceMs)
      this.board.raise('trunk', {
        code: 'TRUNK_DOWN',
        severity: 'warning',
        message: 'no node of this building reaches the relay: what is written waits here until it can'
      })
  }

  private watchHeldBack(space: SpaceReplica): void {
    const { shadows } = space.table
    if ((this.held.get(space) ?? 0) === shadows.size) return
    this.held.set(space, shadows.size)
    if (shadows.size === 0) return this.board.clear(`held ${space.id}`)
    const writers = [...new Set([...shadows.values()].map(({ writer }) => this.nameOf(writer.node)))].sort()
    const named = `${writers.slice(0, namedMax).join(', ')}${writers.length > namedMax ? ` and ${writers.length - namedMax} more` : ''}`
    const message = `${shadows.size} writes in ${space.id} are held back: the clock of ${named} was too far ahead; release or discard them`
    this.environment.log.warn({ space: space.id, writers }, message)
    this.board.raise(`held ${space.id}`, { code: 'HELD_BACK', severity: 'warning', message })
  }

  close(): void {
    for (const timer of this.timers.values()) timer.cancel()
  }
}

// In whole units, so that an alarm's message does not change at every look.
function roughly(offsetMs: number): string {
  const minutes = Math.abs(offsetMs) / 60_000
  const amount =
    minutes < 120
      ? `${Math.round(minutes)} min`
      : minutes < 2_880
        ? `${Math.round(minutes / 60)} h`
        : `${Math.round(minutes / 1_440)} d`
  return `${amount} ${offsetMs > 0 ? 'ahead of' : 'behind'}`
}
