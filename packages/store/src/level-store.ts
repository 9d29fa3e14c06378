/**
 * A store over one Level database that holds all its spaces. See record.ts for the layout, verify.ts for what is noticed at
 * opening, commit-queue.ts for group commit and retries.
 *
 * - What `commit` acknowledged is on disk, together with manifests that account for every record (one atomic, fsynced batch).
 * - Nothing is read back that differs from what was written: a record that does is dropped and told as a loss, never returned.
 * - A failing disk makes the store wait, never lose order, never crash: the database is closed, opened and written again.
 */
import {
  assert,
  endsWithin,
  silentLogger,
  type Clock,
  type Logger,
  type SelvedgeError,
  type SpaceId,
  type SpaceStore,
  type Store,
  type StoreHealth,
  type StoreStats
} from '@selvedge/core'
import { CommitQueue, closedError, type CommitQueueOptions, type CommitTarget } from './commit-queue.js'
import type { SetDigest } from './digest.js'
import { isDamage, storeFault } from './fault.js'
import { HealthState } from './health.js'
import { LevelConnection } from './level-connection.js'
import { openVerified, type VerifiedLevel } from './level-opening.js'
import type { LevelOperation, LevelSource, OpenedLevel } from './level-source.js'
import { LevelSpace, type FramedBatch, type LevelSpaceHost } from './level-space.js'
import {
  commitKey,
  damageKey,
  decodeCommitMark,
  encodeCommitMark,
  encodeDamageMark,
  encodeVersion,
  frame,
  layoutVersion,
  versionKey,
  type DamageMark
} from './record.js'
import { FoundSpace, isWhole, lossOf } from './verify.js'
import { WatermarkWriter } from './watermark-writer.js'

export interface LevelStoreOptions extends CommitQueueOptions {
  readonly source: LevelSource
  readonly clock: Clock
  /** Default: silent. */
  readonly log?: Logger | undefined
  /** `close` waits for a disk that does not answer for this long. Default 10,000 ms. */
  readonly closeWithinMs?: number | undefined
}

interface Group {
  readonly sequence: number
  readonly operations: LevelOperation[]
  readonly bytes: number
}

export class LevelStore implements Store, LevelSpaceHost, CommitTarget<FramedBatch | undefined, Group> {
  readonly connection: LevelConnection
  /** Why every space is suspect, when the store as a whole was found damaged: repaired, moved aside or gone back in time. */
  damage: string | undefined
  private readonly source: LevelSource
  private readonly clock: Clock
  private readonly closeWithinMs: number
  private readonly log: Logger
  private readonly healthState: HealthState
  private readonly queue: CommitQueue<FramedBatch | undefined, Group>
  private readonly watermark: WatermarkWriter
  private readonly found: Map<SpaceId, FoundSpace>
  private readonly opened = new Map<SpaceId, LevelSpace>()
  private readonly manifests: SetDigest
  /** The latest commit prepared; the latest one stored. */
  private sequence: number
  private stored: number
  /** The number that the database says: less than the latest stored where commits were found gone, until the next one. */
  private onDisk: number
  private damageMark: DamageMark | undefined
  /** Operations that go with the next group, whatever it is. */
  private extra: LevelOperation[] = []
  /** Records were lost under the running store: the damage mark follows each commit, so that the next opening tells it. */
  private damagedSinceOpening = false
  private bytesWritten = 0
  private closing: Promise<void> | undefined

  /**
   * Opens the database and verifies every record of every space.
   * @throws SelvedgeError `STORE_LOCKED`, `STORE_UNUSABLE`, `STORE_VERSION_NEWER`, `STORE_FULL`, `STORE_IO`, `STORE_CORRUPT`
   */
  static async open(options: LevelStoreOptions): Promise<LevelStore> {
    const log = options.log ?? silentLogger
    return new LevelStore(options, log, await openVerified(options.source, options.clock, log))
  }

  private constructor(options: LevelStoreOptions, log: Logger, verified: VerifiedLevel) {
    this.source = options.source
    this.clock = options.clock
    this.closeWithinMs = options.closeWithinMs ?? 10_000
    this.log = log
    this.healthState = new HealthState(options.clock, log)
    this.connection = new LevelConnection(options.source, verified.database, () => this.health, log)
    this.queue = new CommitQueue(this, options.clock, log, this.healthState, options)
    this.watermark = new WatermarkWriter(options.source.watermark, options.clock, log)
    this.found = verified.spaces
    this.manifests = verified.manifests
    this.sequence = this.stored = verified.sequence
    this.onDisk = verified.committed
    this.damageMark = verified.damageMark
    this.damage = verified.damage
    if (verified.versionMissing) this.extra.push(put(versionKey, encodeVersion(layoutVersion)))
    const damaged = this.damage !== undefined && this.damageMark
    if (damaged) this.extra.push(put(damageKey, encodeDamageMark(damaged)))
    // Stored at once: a commit of one space must not wipe out the trace of what another one lost; and a full disk is to show in
    // `health` now, not when somebody next writes.
    if (damaged || verified.full) this.queue.push(undefined, 0).catch(() => undefined)
  }

  get location(): string {
    return this.source.location
  }

  get health(): StoreHealth {
    return this.healthState.current
  }

  onHealth(listener: (health: StoreHealth) => void): () => void {
    return this.healthState.listen(listener)
  }

  async open(space: SpaceId): Promise<SpaceStore> {
    if (this.closing) throw closedError()
    assert(!this.opened.has(space), `space ${space} is opened once`)
    const found = this.found.get(space) ?? new FoundSpace()
    const loss = lossOf(found, this.damageMark)
    if (loss)
      this.log.error(
        { space, corrupt: loss.corrupt.length, incomplete: loss.incomplete, reason: loss.message },
        'records were lost'
      )
    const opened = new LevelSpace(this, space, found, loss)
    this.opened.set(space, opened)
    this.found.delete(space)
    return opened
  }

  async spaces(): Promise<SpaceId[]> {
    const spaces: SpaceId[] = []
    for (const [id, space] of this.found) if (space.checksums.size > 0) spaces.push(id)
    for (const [id, space] of this.opened) if (space.size > 0) spaces.push(id)
    return spaces.sort()
  }

  stats(): StoreStats {
    return {
      commits: this.queue.commits,
      syncs: this.queue.syncs,
      bytesWritten: this.bytesWritten,
      pendingBatches: this.queue.pending
    }
  }

  close(): Promise<void> {
    this.closing ??= this.shut()
    return this.closing
  }

  // A disk may neither store nor fail: then the database is left as it is, which a kill -9 would do, too.
  private async shut(): Promise<void> {
    const closing = this.shutInOrder()
    if (await endsWithin(this.clock, this.closeWithinMs, closing)) return
    this.log.error({ location: this.location }, 'the disk does not answer: the store is let go without it')
    closing.catch(() => undefined)
    this.queue.abandon()
  }

  private async shutInOrder(): Promise<void> {
    await this.queue.close()
    await this.watermark.close()
    await this.connection.close()
  }

  enqueue(batch: FramedBatch): Promise<void> {
    const refusal = this.queue.refusal(batch.bytes)
    return refusal ? Promise.reject(refusal) : this.queue.push(batch, batch.bytes)
  }

  settledSequence(): number | undefined {
    return this.stored === this.sequence ? this.sequence : undefined
  }

  prepare(batches: readonly (FramedBatch | undefined)[]): Group {
    const sequence = ++this.sequence
    const changes = new Map<string, Uint8Array | undefined>()
    const spaces = new Set<LevelSpace>()
    let bytes = 0
    for (const batch of batches) {
      if (!batch) continue
      batch.space.stage(batch, changes)
      spaces.add(batch.space)
    }
    const operations = this.extra
    this.extra = []
    for (const [key, value] of changes) {
      operations.push(value ? { type: 'put', key, value } : { type: 'del', key })
      bytes += key.length + (value?.length ?? 0)
    }
    for (const space of spaces) operations.push({ type: 'put', ...space.makeManifest(sequence, this.manifests) })
    operations.push(put(commitKey, encodeCommitMark({ sequence, manifests: this.manifests })))
    return { sequence, operations, bytes }
  }

  async store(group: Group): Promise<void> {
    const database = await this.connection.use()
    let operations = group.operations
    if (this.damagedSinceOpening && this.damage !== undefined) {
      this.damageMark = { sequence: group.sequence, message: this.damage }
      operations = [...operations, put(damageKey, encodeDamageMark(this.damageMark))]
    }
    await database.batch(operations)
    this.stored = this.onDisk = group.sequence
    this.bytesWritten += group.bytes
    this.watermark.advance(group.sequence)
  }

  async recover(): Promise<void> {
    await this.source.room?.()
    const { database, damage } = await this.reopen()
    const bytes = await database.get(commitKey)
    const mark = bytes === undefined ? undefined : decodeCommitMark(bytes)
    const sequence = mark === undefined || mark === 'corrupt' ? 0 : mark.sequence
    // The group that failed may have reached the disk after all.
    const expected = sequence === this.onDisk || sequence === this.sequence
    // A repair of what was only out of reach for a moment loses nothing.
    if (expected && (damage === undefined || (await isWhole(database)))) return
    this.damage = damage ?? `when it was opened again after a failure it held commit ${sequence} instead of ${this.onDisk}`
    this.damagedSinceOpening = true
    this.log.error({ reason: this.damage }, 'the store lost records while it was running; the next start will tell every space')
  }

  fault(error: unknown): SelvedgeError {
    return storeFault(error, this.location)
  }

  // What failed like damaged files may have been a cable, and be over: a repair would make a loss of it, which is told to everybody.
  private async reopen(): Promise<OpenedLevel> {
    try {
      return await this.connection.reopen('none')
    } catch (error) {
      if (!isDamage(error)) throw error
      return await this.connection.reopen('repair')
    }
  }
}

function put(key: string, payload: Uint8Array): LevelOperation {
  return { type: 'put', key, value: frame(key, payload).bytes }
}
