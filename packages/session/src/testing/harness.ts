/**
 * Replicas in one process for tests of the session: real tables and real sessions, frames handed over by the test in any order of
 * links, cut anywhere. Each replica can lose what it had not stored, restart, and be lost for ever.
 */
import {
  decodeValue,
  encodeValue,
  hlcFromMs,
  ManualClock,
  nodeId,
  seededRandom,
  spaceId,
  TrustedClock,
  type HlcTime,
  type NodeId,
  type Random,
  type SpaceId,
  type Value
} from '@selvedge/core'
import {
  addressOf,
  Register,
  RegisterTable,
  type Entry,
  type TableAlarm,
  type VersionVector,
  type WriterKey
} from '@selvedge/documents'
import { MemberTable } from '../members.js'
import { nodeCompressor } from '../node-compressor.js'
import { CameBack } from '../came-back.js'
import { Contests, type Conflict } from '../contests.js'
import { Session, type SessionHost } from '../session.js'
import type { SessionTuning } from '../link-state.js'
import type { CatchUpReport, DurableState, SessionSpace } from '../session-space.js'

export const testSpace = spaceId('test/state')
const nothing: VersionVector = { seqs: new Map(), closed: new Map() }

/** What a replica has on disk. */
interface Stored {
  registers: Register[]
  vector: VersionVector
  floors: Map<WriterKey, number>
  hlc: HlcTime
}

export class TestReplica implements SessionSpace {
  readonly id: SpaceId = testSpace
  readonly node: NodeId
  readonly trusted: TrustedClock
  table: RegisterTable
  members = new MemberTable()
  durable: DurableState = { vector: nothing, changeIndex: 0, version: 0 }
  stored: Stored = { registers: [], vector: nothing, floors: new Map(), hlc: Number.MIN_SAFE_INTEGER }
  readonly conflicts: Conflict[] = []
  readonly alarms: TableAlarm[] = []
  readonly reports: CatchUpReport[] = []
  divergences = 0
  matches = 0
  readonly leftContests = new Contests()
  readonly cameBack = new CameBack()
  awaited = 0
  alive = true

  constructor(
    readonly world: TestWorld,
    name: string,
    readonly random: Random,
    readonly clock: ManualClock
  ) {
    this.node = nodeId(name)
    this.trusted = new TrustedClock(clock, world.maxClockSkewMs)
    this.table = this.newTable()
  }

  private newTable(): RegisterTable {
    return new RegisterTable({
      node: this.node,
      trusted: this.trusted,
      random: this.random,
      onAlarm: alarm => void this.alarms.push(alarm)
    })
  }

  /** Stores everything of this instant, as one batch does. */
  store(): void {
    const copy = (register: Register): Register => {
      const stored = new Register(register.path, register.slot, register)
      stored.shadow = register.shadow
      return stored
    }
    this.stored = {
      registers: [...this.table.all(), ...this.table.shadows.values()].map(copy),
      vector: this.table.vector(),
      floors: this.table.floors(),
      hlc: this.table.hlc.last
    }
    this.durable = { vector: this.stored.vector, changeIndex: this.table.changeIndex, version: this.durable.version + 1 }
    this.members.learn(this.node, 'node', this.stored.vector, this.clock.wallMs(), true)
  }

  /** The disk forgets some of what was stored, as a store finds out at open. */
  loseRecords(share: number): void {
    this.stored.registers = this.stored.registers.filter(() => this.world.random.float() >= share)
  }

  /** Dies and comes back with what it had stored. `lost`: the store noticed at open that records were missing. */
  restart(lost = false): void {
    this.world.disconnect(this)
    const { registers, vector, floors, hlc } = this.stored
    this.table = this.newTable()
    this.members = new MemberTable()
    this.table.beginLoad().all(
      registers.map(stored => {
        const register = new Register(stored.path, stored.slot, {
          ...copyEntry(stored),
          writer: this.table.writer(stored.writer.key)
        })
        register.shadow = stored.shadow
        return register
      })
    )
    if (hlc <= this.table.skewLimit()) this.table.hlc.observe(hlc)
    if (lost) this.table.forgetCoverage()
    else {
      this.table.seal(vector)
      for (const [key, seq] of floors) this.table.raiseFloor(key, seq)
    }
    this.durable = { vector: nothing, changeIndex: 0, version: this.durable.version + 1 }
    // As at a real open: a loss must not be found again with the old vector still in place.
    if (lost) this.store()
  }

  admitsMember(): boolean {
    return true
  }
  merged(): void {}
  sealed(): void {}
  conflict(conflict: Conflict): void {
    this.conflicts.push(conflict)
  }
  caughtUp(report: CatchUpReport): void {
    this.reports.push(report)
  }
  diverged(): void {
    this.divergences++
  }
  matched(): void {
    this.matches++
  }

  /** Live content as text, for comparing replicas. */
  shown(): string {
    return JSON.stringify(
      [...this.table.all()]
        .filter(register => register.value !== undefined)
        .sort((a, b) => (addressOf(a.path, a.slot) < addressOf(b.path, b.slot) ? -1 : 1))
        .map(register => [register.path, register.slot, register.time, register.writer.node, canonical(register.value!)])
    )
  }
}

/** Equal values are equal JSON, whatever order their keys were set in. */
function canonical(value: Value): Value {
  return decodeValue(encodeValue(value))
}

/** One session between two replicas: frames under way in each direction. */
export class TestLink {
  readonly sessions: [Session, Session]
  readonly wires: [Uint8Array[], Uint8Array[]] = [[], []]
  cut = false

  constructor(
    readonly world: TestWorld,
    readonly a: TestReplica,
    readonly b: TestReplica,
    source: number
  ) {
    const make = (own: TestReplica, peer: TestReplica): Session => {
      const session = new Session({
        source,
        peer: { node: peer.node, role: 'node' },
        host: hostOf(own, world),
        compressor: nodeCompressor,
        keepaliveMs: 500,
        timeoutMs: 1e12,
        tuning: world.tuning
      })
      session.addSpace(own)
      session.start(world.now)
      return session
    }
    this.sessions = [make(a, b), make(b, a)]
  }

  /** Lets side `from` (0 or 1) put at most `frames` frames on the wire. */
  send(from: 0 | 1, frames = 1): number {
    this.world.now++
    let sent = 0
    for (; sent < frames; sent++) {
      const frame = this.sessions[from].poll(this.world.now)
      if (!frame) break
      this.wires[from].push(frame)
    }
    return sent
  }

  /** Delivers one frame that side `from` sent. */
  deliver(from: 0 | 1): boolean {
    const frame = this.wires[from].shift()
    if (!frame) return false
    this.sessions[from === 0 ? 1 : 0].receive(frame, this.world.now)
    return true
  }

  /** Sends and delivers until nothing moves. */
  settle(): void {
    for (let round = 0, quiet = 0; round < 10_000; round++) {
      let moved = 0
      for (const side of [0, 1] as const) {
        moved += this.send(side, 16)
        while (this.deliver(side)) moved++
      }
      // Time passes between the sides: what fell due behind one's back is seen in the next round.
      quiet = moved === 0 && !this.waits ? quiet + 1 : 0
      if (quiet === 2) return
    }
    throw new Error('the session does not come to rest')
  }

  /** Whether something waits for its time. */
  get waits(): boolean {
    return this.sessions.some(session => session.pollAgainInMs(this.world.now) !== undefined)
  }

  /** Lets a few frames of each side onto the wire and a few off it. */
  shuffle(framesMax = 5): void {
    for (const side of [0, 1] as const) {
      this.send(side, this.world.below(framesMax))
      for (let n = this.world.below(framesMax); n > 0; n--) this.deliver(side)
    }
  }

  tick(): void {
    for (const session of this.sessions) session.tick(this.world.now)
  }

  assertHealthy(): void {
    for (const session of this.sessions)
      if (session.closeReason) throw new Error(`session closed: ${session.closeReason.code} ${session.closeReason.message}`)
  }
}

function hostOf(replica: TestReplica, world: TestWorld): SessionHost {
  return {
    wallMs: () => replica.clock.wallMs(),
    nowMs: () => replica.trusted.nowMs(),
    opened() {},
    heard: (session, wallMs) => {
      if (world.clocksCount) replica.trusted.heard(session, wallMs)
    },
    offered: (session, space) => session.refuseSpace(space),
    signal() {},
    // Who hears whom is hearsay: nothing but time may depend on it.
    hears: () => world.random.float() < world.hearsay,
    wake() {}
  }
}

export class TestWorld {
  readonly random: Random
  readonly replicas: TestReplica[]
  links: TestLink[] = []
  /** One register a frame, and cuts of more than two are long: a few registers are cut up as a million would be. */
  tuning: SessionTuning = {
    registersFrameBytes: 1,
    liveRegistersMax: 2,
    haveRunsPerFrame: 1,
    patienceMs: 5,
    heardSealMs: 5,
    ackIntervalMs: 0,
    membersIntervalMs: 0,
    heardMembersIntervalMs: 0
  }
  /** Monotonic milliseconds of everybody. */
  now = 0
  /** How often a replica believes that a peer hears a writer for itself. */
  hearsay = 0.5
  private source = 0

  constructor(
    seed: number,
    size: number,
    readonly maxClockSkewMs = 300_000,
    readonly clocksCount = false
  ) {
    this.random = seededRandom(seed)
    const startMs = Date.UTC(2026, 0, 1)
    this.replicas = Array.from(
      { length: size },
      (_, i) => new TestReplica(this, `node${i}`, this.random.fork(`node${i}`), new ManualClock(startMs))
    )
  }

  below(bound: number): number {
    return Math.floor(this.random.float() * bound)
  }

  advance(ms: number): void {
    this.now += ms
    for (const replica of this.replicas) {
      replica.clock.advance(ms)
      if (replica.alive) replica.table.advance()
    }
  }

  linkOf(a: TestReplica, b: TestReplica): TestLink | undefined {
    return this.links.find(link => (link.a === a && link.b === b) || (link.a === b && link.b === a))
  }

  connect(a: TestReplica, b: TestReplica): TestLink {
    const known = this.linkOf(a, b)
    if (known) return known
    const link = new TestLink(this, a, b, ++this.source)
    this.links.push(link)
    return link
  }

  disconnect(replica: TestReplica): void {
    for (const link of this.links) if (link.a === replica || link.b === replica) this.cutLink(link)
  }

  cutLink(link: TestLink): void {
    link.cut = true
    for (const session of link.sessions) session.close({ code: 'TEST', message: 'cut' })
    link.a.trusted.forget(link.sessions[0])
    link.b.trusted.forget(link.sessions[1])
    this.links = this.links.filter(other => other !== link)
  }

  /** Connects everybody alive and lets all frames through until nothing moves. */
  heal(): void {
    const alive = this.replicas.filter(replica => replica.alive)
    for (const a of alive) for (const b of alive) if (a !== b) this.connect(a, b)
    this.settle()
  }

  settle(): void {
    for (let round = 0, quiet = 0; round < 1_000; round++) {
      let moved = 0
      for (const link of this.links)
        for (const side of [0, 1] as const) {
          moved += link.send(side, 16)
          while (link.deliver(side)) moved++
        }
      quiet = moved === 0 && !this.links.some(link => link.waits) ? quiet + 1 : 0
      if (quiet === 2) break
    }
    for (const link of this.links) link.assertHealthy()
  }

  /**
   * Compares hashes until no replica finds a divergence any more: what a full compare gave one replica is new to its other peers.
   * False: they don't become equal.
   */
  compareUntilEqual(): boolean {
    for (let round = 0; round < 16; round++) {
      const before = this.replicas.reduce((sum, replica) => sum + replica.divergences, 0)
      this.compare()
      if (this.replicas.reduce((sum, replica) => sum + replica.divergences, 0) === before) return true
    }
    return false
  }

  /** Sessions that are idle ask for a comparison; the frames are under way like any others. */
  askForHashes(): void {
    this.now += 20_000
    for (const link of this.links) link.tick()
  }

  /** Lets idle spaces compare hashes. */
  compare(): void {
    this.askForHashes()
    this.settle()
  }
}

/** An entry as it stands now: registers change in place. */
export function copyEntry(register: Register): Entry {
  const { path, slot, value, time, writer, seq, quality, expiresAtMs, batch } = register
  return { path, slot, value, time, writer, seq, quality, expiresAtMs, batch }
}

/** The hybrid time of a wall time, for forged stamps. */
export const hlcOf = hlcFromMs
