/**
 * Keeps a space's table on disk (I3, I4). A flush takes, in one turn, what changed since the last and the vector of that instant;
 * one commit is under way at a time, and what changes meanwhile coalesces in the table. So a slow or failing disk costs no memory
 * beyond the points themselves, and nobody who writes waits for it.
 */
import { isSelvedgeError, type Clock, type Logger, type SpaceStore, type StoreBatch, type Timer } from '@selvedge/core'
import { emptyVector, type Register, type RegisterTable, type VersionVector } from '@selvedge/documents'
import type { DurableState, MemberTable } from '@selvedge/session'
import { SpaceLog, type LogTuning } from './space-log.js'
import { decodeMembers, decodeState, encodeMembers, encodeState, type StoredMember } from './space-state.js'

const stateKey = 'state'
const membersKey = 'members'
/** Members' vectors serve GC alone: storing them seldom costs only that tombstones stay a little longer. */
const membersIntervalMs = 10_000
/** Between the beginnings of two flushes that nobody waits for: what changes meanwhile costs no commit of its own. */
const writtenIntervalMs = 20
/** The same when all that changed came from peers, which have it until they are told that it is durable here. */
const receivedIntervalMs = 100

export interface SpacePersisterOptions {
  readonly store: SpaceStore
  readonly table: RegisterTable
  readonly members: MemberTable
  readonly clock: Clock
  readonly log: Logger
  /** Whether somebody waits for what is not durable yet: then a flush is not put off. Default never. */
  readonly isAwaited?: () => boolean
  /** More is durable than before. */
  readonly onDurable: () => void
  readonly logTuning?: Partial<LogTuning> | undefined
}

export class SpacePersister {
  private readonly registerLog: SpaceLog
  private readonly options: SpacePersisterOptions
  private state: DurableState = { vector: emptyVector, changeIndex: 0, version: 0 }
  private takenVector = emptyVector
  private storedVectorVersion = -1
  private flushTimer: Timer | undefined
  private flushedAt = Number.NEGATIVE_INFINITY
  private flushing: Promise<void> | undefined
  private storedMembersVersion = 0
  private storedMembersAt = Number.NEGATIVE_INFINITY
  /** As it is on disk. */
  private ceilingMs = 0
  private written = false
  private closed = false

  constructor(options: SpacePersisterOptions) {
    this.options = options
    this.registerLog = new SpaceLog(options.logTuning)
  }

  /** What is durable, as of the last commit. */
  get durable(): DurableState {
    return this.state
  }

  /** What the flush under way stores, or the last one has stored: a new object whenever it covers more. */
  get taken(): VersionVector {
    return this.takenVector
  }

  get logSize(): { readonly totalBytes: number; readonly liveBytes: number; readonly records: number } {
    return this.registerLog.size
  }

  /** A log up to this size is never rewritten, in bytes. */
  get logSlackBytes(): number {
    return this.registerLog.slackBytes
  }

  /** Changes that the disk has not taken yet. */
  get backlog(): number {
    return this.options.table.changeIndex - this.state.changeIndex
  }

  /** Fills the table. After a loss the registers stay, and what they cover is forgotten (I4): peers give back the rest. */
  async load(): Promise<{ readonly members: readonly StoredMember[]; readonly rejoining: boolean }> {
    const { store, table, log } = this.options
    let unreadable = false
    const read = <T>(bytes: Uint8Array | undefined, decode: (bytes: Uint8Array) => T): T | undefined => {
      if (!bytes) return undefined
      try {
        return decode(bytes)
      } catch (error) {
        // What a later version wrote is not ours to drop: the caller must not go on.
        if (isSelvedgeError(error, 'STATE_VERSION_NEWER')) throw error
        unreadable = true
        log.error({ err: error, space: store.space }, 'a stored record can not be read')
        return undefined
      }
    }
    const state = read(await store.get(stateKey), decodeState)
    const members = read(await store.get(membersKey), decodeMembers) ?? []
    await this.registerLog.load(store, table)
    // Registers without a state are no loss: the very first flush was cut short, and nothing is covered.
    const rejoining = store.loss !== undefined || unreadable
    if (state) {
      this.ceilingMs = state.ceilingMs
      table.trusted.startFrom(state.ceilingMs)
      if (state.hlc <= table.skewLimit()) table.hlc.observe(state.hlc)
    }
    if (rejoining) table.forgetCoverage()
    else if (state) {
      table.seal(state.vector)
      for (const [key, seq] of state.floors) table.raiseFloor(key, seq)
    }
    // A loss must not be found again at the next open with an old vector still in place.
    this.state = { vector: rejoining ? emptyVector : table.vector(), changeIndex: table.changeIndex, version: 1 }
    this.takenVector = this.state.vector
    this.storedVectorVersion = rejoining ? -1 : table.vectorVersion
    // The first commit of a space answers for its loss (see `StoreLoss`): it must be this one. It is not waited for, since a node
    // whose disk fails at present must start all the same.
    if (rejoining) this.flushLogged()
    return { members: rejoining ? [] : members, rejoining }
  }

  noteDrop(register: Register): void {
    this.registerLog.noteDrop(register)
    this.schedule()
  }

  /** Something may have changed: flush at the end of this turn, or after the flush under way; under load at a steady pace. */
  schedule(): void {
    if (this.closed || this.flushing || this.flushTimer || !this.isDirty()) return
    const { clock, isAwaited } = this.options
    const flush = (): void => {
      this.flushTimer = undefined
      this.flushLogged()
    }
    const intervalMs = isAwaited?.() ? 0 : this.written ? writtenIntervalMs : receivedIntervalMs
    const waitMs = this.flushedAt + intervalMs - clock.monotonicMs()
    this.flushTimer = waitMs > 0 ? clock.setTimer(waitMs, flush) : clock.soon(flush)
  }

  /** Something was written here: no peer may have it yet. */
  noteWritten(): void {
    if (this.written) return
    this.written = true
    this.hurry()
  }

  /** Somebody waits for what changed: a flush that was put off is due now, or earlier. */
  hurry(): void {
    if (!this.flushTimer) return
    this.flushTimer.cancel()
    this.flushTimer = undefined
    this.schedule()
  }

  private flushLogged(): void {
    this.flushNow().catch((error: unknown) =>
      this.options.log.error({ err: error, space: this.options.store.space }, 'a flush failed')
    )
  }

  /** Resolves when everything of this instant is durable; while the disk fails, it waits. */
  async flushNow(): Promise<void> {
    while (this.flushing) await this.flushing
    if (!this.isDirty()) return
    this.flushedAt = this.options.clock.monotonicMs()
    this.flushing = this.flush()
    try {
      await this.flushing
    } finally {
      this.flushing = undefined
    }
    this.schedule()
  }

  private isDirty(): boolean {
    const { table } = this.options
    return (
      table.changeIndex > this.state.changeIndex || table.vectorVersion !== this.storedVectorVersion || this.registerLog.hasDrops
    )
  }

  private async flush(): Promise<void> {
    const { table, store } = this.options
    const ceilingMs = this.nextCeilingMs()
    this.written = false
    const changed = table.changedSince(this.state.changeIndex)
    const changeIndex = table.changeIndex
    const vectorVersion = table.vectorVersion
    const vector = (this.takenVector = table.vector())
    const state = encodeState({ vector, floors: table.floors(), hlc: table.hlc.last, ceilingMs })
    try {
      for (let next = 0, last = false; !last;) {
        const batch: { puts: StoreBatch['puts'][number][]; deletes: string[] } = { puts: [], deletes: [] }
        next = this.registerLog.fill(batch, changed, next)
        last = next >= changed.length
        if (last) batch.puts.push({ key: stateKey, value: state })
        if (last) this.addMembers(batch.puts)
        await store.commit(batch)
      }
    } catch (error) {
      if (isSelvedgeError(error, 'STORE_CLOSED')) return void (this.closed = true)
      throw error
    }
    this.ceilingMs = ceilingMs
    table.trusted.raiseCeiling(ceilingMs)
    this.storedVectorVersion = vectorVersion
    this.state = { vector, changeIndex, version: this.state.version + 1 }
    this.options.onDurable()
  }

  // A clock that peers doubt raises no ceiling: who starts with that clock again still has the doubt. Nor do they lower it.
  private nextCeilingMs(): number {
    const { trusted } = this.options.table
    const nowMs = trusted.nowMs()
    return trusted.isDoubted ? Math.min(nowMs, Math.max(this.ceilingMs, trusted.undisputedMs())) : nowMs
  }

  private addMembers(puts: StoreBatch['puts'][number][]): void {
    const { members, clock } = this.options
    const now = clock.monotonicMs()
    if (members.version === this.storedMembersVersion || now - this.storedMembersAt < membersIntervalMs) return
    this.storedMembersVersion = members.version
    this.storedMembersAt = now
    puts.push({ key: membersKey, value: encodeMembers(members.all()) })
  }

  /** Stores what is left, unless the disk fails. */
  async close(options: { degraded: boolean }): Promise<void> {
    if (!options.degraded) await this.flushNow()
    this.closed = true
    this.flushTimer?.cancel()
    this.flushTimer = undefined
  }
}
