/** The one open database of a Level store; it can be closed and opened again under those who read. */
import { SelvedgeError, type Logger, type StoreHealth } from '@selvedge/core'
import { closedError } from './commit-queue.js'
import { storeErrors } from './errors.js'
import { isClosedUnder, storeFault } from './fault.js'
import type { LevelDatabase, LevelSource, OpenedLevel, Recovery } from './level-source.js'

/** Times that a read is begun anew because the database was closed under it. */
const rereadsMax = 8

export class LevelConnection {
  private database: LevelDatabase | undefined
  private reopening: Promise<unknown> = Promise.resolve()
  private closed = false

  constructor(
    private readonly source: LevelSource,
    opened: LevelDatabase,
    private readonly health: () => StoreHealth,
    private readonly log: Logger
  ) {
    this.database = opened
  }

  /**
   * The database, after a reopening under way.
   * @throws SelvedgeError `STORE_CLOSED`, or the code of the health while the disk keeps the database from being opened
   */
  async use(): Promise<LevelDatabase> {
    await this.reopening
    if (this.closed) throw closedError()
    if (this.database) return this.database
    const { code = storeErrors.io, message = 'the disk fails' } = this.health()
    throw new SelvedgeError(code, `nothing can be read at present: ${message}`, { details: { location: this.source.location } })
  }

  /** Reads, and reads again when the database was closed and opened in between. Failures are told in this package's codes. */
  async read<T>(fn: (database: LevelDatabase) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const database = await this.use()
      try {
        return await fn(database)
      } catch (error) {
        if (!isClosedUnder(error) || attempt === rereadsMax) throw storeFault(error, this.source.location)
      }
    }
  }

  /** Closes the database and opens it again. Calls don't overlap. When it fails there is no database until a later call succeeds. */
  async reopen(recovery: Recovery): Promise<OpenedLevel> {
    const opening = this.replace(recovery)
    this.reopening = opening.catch(() => undefined)
    return opening
  }

  private async replace(recovery: Recovery): Promise<OpenedLevel> {
    const previous = this.database
    this.database = undefined
    // Level may well complain when it closes over a failing disk; whether it let go shows when it is opened.
    await previous?.close().catch((error: unknown) => this.log.warn({ error }, 'closing the database failed'))
    const opened = await this.source.open(recovery)
    this.database = opened.database
    return opened
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.closed = true
    await this.reopening
    const database = this.database
    this.database = undefined
    await database?.close().catch((error: unknown) => this.log.warn({ error }, 'closing the database failed'))
  }
}
