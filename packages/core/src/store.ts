/**
 * Where a replica keeps what must outlive the process. A space is a set of records (key → bytes), changed only by atomic batches
 * that are fsynced before `commit` resolves. Every record is checksummed, and the set of records is digested in the same batch,
 * so that a corrupt or missing record is noticed at open.
 *
 * The conformance suite in `@selvedge/store` holds for every implementation.
 */
import type { SpaceId } from './ids.js'

/** Changes of one space that are stored whole or not at all. A key stands in it once. */
export interface StoreBatch {
  puts: readonly { key: string; value: Uint8Array }[]
  deletes: readonly string[]
}

export interface Store {
  /** Opens (or makes) the records of a space, verifying every one. A space is opened once. */
  open(space: SpaceId): Promise<SpaceStore>
  /** Spaces that have records. */
  spaces(): Promise<SpaceId[]>
  readonly health: StoreHealth
  /** Called whenever `health` changes; returns an unsubscriber. */
  onHealth(listener: (health: StoreHealth) => void): () => void
  /** Bytes and counters for metrics. */
  stats(): StoreStats
  /** Waits for commits under way, then releases the directory. Idempotent. While degraded it gives up waiting after one try. */
  close(): Promise<void>
}

export interface SpaceStore {
  readonly space: SpaceId
  /** What verification found at open; `undefined` when every record was there and sound. */
  readonly loss: StoreLoss | undefined
  /** Sound records whose key starts with `prefix`, in order of key. */
  read(prefix?: string): AsyncIterable<{ key: string; value: Uint8Array }>
  get(key: string): Promise<Uint8Array | undefined>
  /**
   * Stores a batch; resolves once it is fsynced. Batches of one space are stored in the order given; those under way at one time
   * share a fsync. While the disk fails the promise stays pending and the batch is retried (see {@link Store.health}).
   * @throws SelvedgeError `STORE_CLOSED` when closed before it could be stored.
   */
  commit(batch: StoreBatch): Promise<void>
}

/**
 * Records that were stored and are gone or unreadable. It is told at every open until the space's first commit, which puts the
 * store's books in order: so that commit must be the replica's answer to the loss, and a crash before it hides nothing.
 */
export interface StoreLoss {
  /** Keys of records whose checksum failed. */
  readonly corrupt: readonly string[]
  /** Whether the digest says that further records are missing, or stale ones came back. */
  readonly incomplete: boolean
  readonly message: string
}

export interface StoreHealth {
  readonly state: 'ok' | 'degraded'
  /** Why it is degraded: stable code of the cause, such as `STORE_FULL` or `STORE_IO`. */
  readonly code?: string
  readonly message?: string
  /** Wall milliseconds since which the state holds. */
  readonly sinceMs: number
}

export interface StoreStats {
  readonly commits: number
  readonly syncs: number
  readonly bytesWritten: number
  /** Batches that wait for the disk. */
  readonly pendingBatches: number
}
