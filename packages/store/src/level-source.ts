/**
 * The seam between the Level store and what it stands on: production passes `system/level-database.ts`, a simulator its own.
 * The store itself touches neither the disk nor the `level` package.
 */

export interface LevelPut {
  type: 'put'
  key: string
  value: Uint8Array
}

export interface LevelDelete {
  type: 'del'
  key: string
}

export type LevelOperation = LevelPut | LevelDelete

/** Keys between which to iterate: `gte`/`gt` to `lt`, in order of their UTF-8 bytes. */
export interface LevelRange {
  gte?: string
  gt?: string
  lt?: string
}

/** What the store needs of an open Level database. Failures carry Level's codes (`LEVEL_CORRUPTION`, `LEVEL_IO_ERROR`, …). */
export interface LevelDatabase {
  /** `undefined` when there is no such key. */
  get(key: string): Promise<Uint8Array | undefined>
  /** Entries as they stood when the iteration began. */
  entries(range: LevelRange): AsyncIterable<[key: string, value: Uint8Array]>
  /** Writes all or nothing and resolves once it is fsynced. */
  batch(operations: LevelOperation[]): Promise<void>
  /** Waits for calls under way. Idempotent. */
  close(): Promise<void>
}

/** How far to go so that a damaged database opens: as it is; repaired; or moved aside for an empty one. */
export type Recovery = 'none' | 'repair' | 'replace'

export interface OpenedLevel {
  readonly database: LevelDatabase
  /** Says that records may be gone without a trace in the database itself: it was repaired, or another one was moved aside. */
  readonly damage?: string | undefined
  /** The disk is full: it opened in room that was set aside for that. */
  readonly full?: boolean | undefined
}

export interface LevelSource {
  /** For messages: the directory. */
  readonly location: string
  open(recovery: Recovery): Promise<OpenedLevel>
  /**
   * Rejects while the disk has no room for what an opening writes. Asked before a database that a full disk stopped is closed: it can
   * still be read, and closed it could not be opened again. Absent: there is always room.
   */
  room?(): Promise<void>
  /** Absent: a database that went back to an earlier state as a whole is not noticed. */
  readonly watermark?: Watermark
}

/**
 * Number of the latest commit known to be fsynced, kept beside the database. It is written without a fsync behind the commits,
 * so it may lag behind and is never ahead: a database that is behind its watermark has lost commits, such as when the tail of its log
 * is damaged, which Level takes for writes that were never finished.
 */
export interface Watermark {
  /** `undefined` when there is none, or none that can be read. */
  read(): Promise<number | undefined>
  write(sequence: number): Promise<void>
  close(): Promise<void>
}
