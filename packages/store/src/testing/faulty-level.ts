/** For tests: a Level source whose batches can be held, failed and counted, and one that is all in memory. */
import type { LevelDatabase, LevelOperation, LevelRange, LevelSource, OpenedLevel, Recovery, Watermark } from '../level-source.js'

/** What happens to syncs. */
export class SyncFaults {
  /** Level's error for every batch from now on. */
  failure: Error | undefined
  /** The same, but what it says failed has been stored. */
  lateFailure: Error | undefined
  /** Batches that reached the database, and operations in each. */
  readonly batches: number[] = []
  private gate: Promise<void> | undefined

  /** Keeps batches from being stored until what is returned is called. */
  hold(): () => void {
    let release = (): void => {}
    this.gate = new Promise(resolve => (release = resolve))
    return () => {
      this.gate = undefined
      release()
    }
  }

  async before(operations: number): Promise<void> {
    await this.gate
    if (this.failure) throw this.failure
    this.batches.push(operations)
  }
}

export function levelError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

export const diskFull = (): Error => levelError('LEVEL_IO_ERROR', 'IO error: 000003.log: No space left on device')
export const diskBroken = (): Error => levelError('LEVEL_IO_ERROR', 'IO error: 000003.log: Input/output error')

export function withFaults(source: LevelSource, faults: SyncFaults): LevelSource {
  const open = async (recovery: Recovery): Promise<OpenedLevel> => {
    const opened = await source.open(recovery)
    const inner = opened.database
    const database: LevelDatabase = {
      get: key => inner.get(key),
      entries: range => inner.entries(range),
      close: () => inner.close(),
      async batch(operations) {
        await faults.before(operations.length)
        await inner.batch(operations)
        if (faults.lateFailure) throw faults.lateFailure
      }
    }
    return { ...opened, database }
  }
  return { location: source.location, open, ...(source.watermark && { watermark: source.watermark }) }
}

/** A Level database in memory that outlives its closing, with Level's codes. */
export class MemoryLevel implements LevelSource {
  readonly location = 'memory'
  readonly entries = new Map<string, Uint8Array>()
  /** What each opening was asked for. */
  readonly openings: Recovery[] = []
  /** Thrown by openings. */
  openFailure: Error | undefined
  /** A repair mends what they fail of. */
  repairs = false
  /** What the next opening tells. */
  damage: string | undefined
  sequence: number | undefined
  private current: MemoryLevelDatabase | undefined

  readonly watermark: Watermark = {
    read: () => Promise.resolve(this.sequence),
    write: sequence => {
      this.sequence = sequence
      return Promise.resolve()
    },
    close: () => Promise.resolve()
  }

  open(recovery: Recovery): Promise<OpenedLevel> {
    this.openings.push(recovery)
    if (this.current?.isOpen) return Promise.reject(levelError('LEVEL_LOCKED', 'lock memory: already held by process'))
    if (this.openFailure && !(this.repairs && recovery === 'repair')) return Promise.reject(this.openFailure)
    if (recovery === 'replace') this.entries.clear()
    const damage = this.damage
    this.damage = undefined
    this.current = new MemoryLevelDatabase(this.entries)
    return Promise.resolve({ database: this.current, damage })
  }
}

class MemoryLevelDatabase implements LevelDatabase {
  isOpen = true

  constructor(private readonly map: Map<string, Uint8Array>) {}

  private assertOpen(code = 'LEVEL_DATABASE_NOT_OPEN'): void {
    if (!this.isOpen) throw levelError(code, 'Database is not open')
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    await Promise.resolve()
    this.assertOpen()
    const value = this.map.get(key)
    return value && Uint8Array.from(value)
  }

  async *entries(range: LevelRange): AsyncGenerator<[string, Uint8Array]> {
    this.assertOpen()
    const inRange = (key: string): boolean =>
      (range.gte === undefined || utf8Order(key, range.gte) >= 0) &&
      (range.gt === undefined || utf8Order(key, range.gt) > 0) &&
      (range.lt === undefined || utf8Order(key, range.lt) < 0)
    const snapshot = [...this.map].filter(([key]) => inRange(key)).sort(([a], [b]) => utf8Order(a, b))
    for (const [key, value] of snapshot) {
      await Promise.resolve()
      this.assertOpen('LEVEL_ITERATOR_NOT_OPEN')
      yield [key, Uint8Array.from(value)]
    }
  }

  async batch(operations: LevelOperation[]): Promise<void> {
    await Promise.resolve()
    this.assertOpen()
    for (const operation of operations) {
      if (operation.type === 'put') this.map.set(operation.key, operation.value)
      else this.map.delete(operation.key)
    }
  }

  close(): Promise<void> {
    this.isOpen = false
    return Promise.resolve()
  }
}

function utf8Order(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
