/** Codes that this package throws or shows as the code of a store's health. */
export const storeErrors = {
  /** The store was closed before the batch could be stored, or is closed. */
  closed: 'STORE_CLOSED',
  /** More bytes wait for the disk than are allowed; nothing of the batch was taken. */
  backlog: 'STORE_BACKLOG',
  /** Another process, or another store of this one, has the directory. */
  locked: 'STORE_LOCKED',
  /** The directory can't be made, read or written. */
  unusable: 'STORE_UNUSABLE',
  /** The records were written by a later version. */
  versionNewer: 'STORE_VERSION_NEWER',
  /** No space left on the device. */
  full: 'STORE_FULL',
  /** The device refuses to read or write. */
  io: 'STORE_IO',
  /** A record can't be read as it was written. */
  corrupt: 'STORE_CORRUPT'
} as const
