/** The store of production: a Level database in a directory. */
import { silentLogger, type Clock, type Logger } from '@selvedge/core'
import type { CommitQueueOptions } from './commit-queue.js'
import { LevelStore } from './level-store.js'
import { LevelDirectory } from './system/level-database.js'

export interface OpenLevelStoreOptions extends CommitQueueOptions {
  /** Made when it is missing, with those above it. One process at a time has it. */
  readonly directory: string
  readonly clock: Clock
  /** Default: silent. */
  readonly log?: Logger | undefined
  /** `close` waits for a disk that does not answer for this long. Default 10,000 ms. */
  readonly closeWithinMs?: number | undefined
}

/**
 * Opens the store in a directory, and verifies every record in it. Damage does not keep it from opening: what was lost is told by
 * each space's `loss`, and by `damage` when the store as a whole is concerned.
 *
 * @throws SelvedgeError `STORE_LOCKED`, `STORE_UNUSABLE`, `STORE_VERSION_NEWER`, `STORE_FULL`, `STORE_IO`, `STORE_CORRUPT`
 * @example
 * const store = await openLevelStore({ directory: '/var/lib/selvedge', clock: systemClock })
 * const space = await store.open(spaceId('hq/state'))
 * await space.commit({ puts: [{ key: 'table/0', value }], deletes: [] })
 */
export function openLevelStore(options: OpenLevelStoreOptions): Promise<LevelStore> {
  const { directory, ...rest } = options
  return LevelStore.open({ ...rest, source: new LevelDirectory(directory, options.log ?? silentLogger) })
}
