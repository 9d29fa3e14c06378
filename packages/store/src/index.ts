export * from './errors.js'
export type { CommitQueueOptions } from './commit-queue.js'
export type {
  LevelDatabase,
  LevelDelete,
  LevelOperation,
  LevelPut,
  LevelRange,
  LevelSource,
  OpenedLevel,
  Recovery,
  Watermark
} from './level-source.js'
export { LevelStore, type LevelStoreOptions } from './level-store.js'
export { MemoryDisk, MemoryStore, type MemoryStoreOptions } from './memory-store.js'
export { openLevelStore, type OpenLevelStoreOptions } from './open-level-store.js'
export { layoutVersion, recordKeyBytesMax } from './record.js'
export * as decoders from './decoders.js'
