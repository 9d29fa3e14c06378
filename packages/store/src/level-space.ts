/**
 * The records of one space in a Level store. The checksum of every record is kept in memory (records are few and large), so that
 * the manifest follows each commit without a read, and a record that goes missing under a running store is noticed when it is read.
 */
import { SelvedgeError, assert, type SpaceId, type SpaceStore, type StoreBatch, type StoreLoss } from '@selvedge/core'
import type { SetDigest } from './digest.js'
import { storeErrors } from './errors.js'
import { isClosedUnder, storeFault } from './fault.js'
import type { LevelConnection } from './level-connection.js'
import type { LevelRange } from './level-source.js'
import {
  assertRecordKey,
  carriedChecksum,
  encodeManifest,
  frame,
  isSound,
  manifestKey,
  payloadOf,
  recordEnd,
  recordPrefix,
  type Frame
} from './record.js'
import type { FoundSpace } from './verify.js'

/** A batch as it waits: framed, so that the caller may reuse its bytes. */
export interface FramedBatch {
  readonly space: LevelSpace
  readonly puts: readonly { readonly key: string; readonly frame: Frame }[]
  readonly deletes: readonly string[]
  readonly bytes: number
}

/** What a space needs of its store. */
export interface LevelSpaceHost {
  readonly location: string
  readonly connection: LevelConnection
  enqueue(batch: FramedBatch): Promise<void>
  /** Number of the latest commit when none is under way, else `undefined`: what is in memory is then ahead of the disk. */
  settledSequence(): number | undefined
}

export class LevelSpace implements SpaceStore {
  private readonly prefix: string
  private readonly checksums: Map<string, number>
  private readonly digest: SetDigest
  /** Records found corrupt at opening. */
  private readonly drops: ReadonlySet<string>
  /** Whether a commit, the first one, has deleted them. */
  private dropped = false
  private manifestChecksum: number | undefined

  constructor(
    private readonly host: LevelSpaceHost,
    readonly space: SpaceId,
    found: FoundSpace,
    readonly loss: StoreLoss | undefined
  ) {
    this.prefix = recordPrefix(space)
    this.checksums = found.checksums
    this.digest = found.digest
    this.drops = new Set(found.corrupt.keys())
    this.manifestChecksum = found.manifestChecksum
  }

  /** Records, those of a commit under way included. */
  get size(): number {
    return this.checksums.size
  }

  commit(batch: StoreBatch): Promise<void> {
    const seen = new Set<string>()
    const check = (key: string): void => {
      assertRecordKey(key)
      assert(!seen.has(key), `the key ${key} stands in a batch once`)
      seen.add(key)
    }
    let bytes = 0
    const puts = batch.puts.map(({ key, value }) => {
      check(key)
      const framed = frame(this.prefix + key, value)
      bytes += this.prefix.length + key.length + framed.bytes.length
      return { key, frame: framed }
    })
    for (const key of batch.deletes) {
      check(key)
      bytes += this.prefix.length + key.length
    }
    return this.host.enqueue({ space: this, puts, deletes: batch.deletes.slice(), bytes })
  }

  /** Enters a batch into `changes` (Level key → framed value, or `undefined` to delete it) and into what the manifest will say. */
  stage(batch: FramedBatch, changes: Map<string, Uint8Array | undefined>): void {
    if (!this.dropped) for (const key of this.drops) changes.set(this.prefix + key, undefined)
    this.dropped = true
    for (const { key, frame } of batch.puts) {
      this.forget(key)
      this.checksums.set(key, frame.checksum)
      this.digest.add(frame.checksum)
      changes.set(this.prefix + key, frame.bytes)
    }
    for (const key of batch.deletes) if (this.forget(key)) changes.set(this.prefix + key, undefined)
  }

  private forget(key: string): boolean {
    const checksum = this.checksums.get(key)
    if (checksum === undefined) return false
    this.checksums.delete(key)
    this.digest.remove(checksum)
    return true
  }

  /** The manifest that goes with what was staged; `manifests` follows. */
  makeManifest(sequence: number, manifests: SetDigest): { key: string; value: Uint8Array } {
    const key = manifestKey(this.space)
    const { bytes, checksum } = frame(key, encodeManifest({ digest: this.digest, sequence }))
    if (this.manifestChecksum !== undefined) manifests.remove(this.manifestChecksum)
    manifests.add(checksum)
    this.manifestChecksum = checksum
    return { key, value: bytes }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    assertRecordKey(key)
    const before = this.host.settledSequence()
    const bytes = await this.host.connection.read(database => database.get(this.prefix + key))
    const settled = before !== undefined && before === this.host.settledSequence()
    return this.checked(key, bytes, settled)
  }

  async *read(prefix = ''): AsyncGenerator<{ key: string; value: Uint8Array }> {
    const first = this.prefix + prefix
    const lt = recordEnd(this.space)
    const before = this.host.settledSequence()
    const isSettled = (): boolean => before !== undefined && before === this.host.settledSequence()
    let given = 0
    let range: LevelRange = { gte: first, lt }
    for (let resumed = 0; ; resumed++) {
      const database = await this.host.connection.use()
      try {
        for await (const [levelKey, bytes] of database.entries(range)) {
          if (!levelKey.startsWith(first)) break
          range = { gt: levelKey, lt }
          const key = levelKey.slice(this.prefix.length)
          const value = this.checked(key, bytes, isSettled())
          if (!value) continue
          given++
          yield { key, value }
        }
        if (isSettled()) this.assertAllGiven(prefix, given)
        return
      } catch (error) {
        // A store that reopens its database closes this iteration: it goes on behind the last record given.
        if (!isClosedUnder(error) || resumed === resumesMax) throw storeFault(error, this.host.location)
      }
    }
  }

  private assertAllGiven(prefix: string, given: number): void {
    let expected = 0
    for (const key of this.checksums.keys()) if (key.startsWith(prefix)) expected++
    if (given !== expected) throw this.lost(`${prefix}*`, 'is missing')
  }

  /**
   * The payload of a record, if it is what was stored. Its own checksum must always be true; when the disk is `settled` (no commit
   * was under way, so that memory and disk agree) it must be the checksum in memory too.
   */
  private checked(key: string, bytes: Uint8Array | undefined, settled: boolean): Uint8Array | undefined {
    const expected = settled ? this.checksums.get(key) : undefined
    if (bytes === undefined) {
      if (expected !== undefined) throw this.lost(key, 'is missing')
      return undefined
    }
    if (!isSound(this.prefix + key, bytes)) {
      // Found corrupt at opening: as good as absent until a commit has replaced it.
      if (this.drops.has(key) && expected === undefined) return undefined
      throw this.lost(key, 'is corrupt')
    }
    if (expected !== undefined && carriedChecksum(bytes) !== expected) throw this.lost(key, 'is an older one')
    return settled && expected === undefined ? undefined : payloadOf(bytes)
  }

  private lost(key: string, how: string): SelvedgeError {
    return new SelvedgeError(
      storeErrors.corrupt,
      `record ${key} of space ${this.space} ${how} since the store was opened: restart it`,
      {
        details: { space: this.space, key, location: this.host.location }
      }
    )
  }
}

/** Times that one reading goes on after the database was closed under it. */
const resumesMax = 64
