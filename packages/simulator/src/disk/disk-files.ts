/** The files of a database as one process has them open. Writes are made one after another, as LevelDB makes them. */
import type { Random } from '@selvedge/core'
import type { Trace } from '../trace.js'
import { changed } from './damage.js'
import { brokenDisk, fullDisk } from './level-errors.js'
import type { Entries, LevelFiles, LevelWrite } from './simulated-level.js'

type Range = readonly [least: number, most: number]

/** What the files need of their disk. */
export interface Device {
  readonly speed: { readonly syncMs: Range; readonly openMs: Range }
  readonly trouble: 'writes' | 'reads' | 'everything' | undefined
  readonly random: Random
  readonly trace: Trace
  /** What an opening would find. */
  readonly entries: Entries
  /** Rises with each end of a process. */
  readonly epoch: number
  /** Resolves after a time drawn from `range`, unless the process is gone by then. */
  takes(range: Range, label: string): Promise<void>
  /** The same for what happens to the disk itself. */
  after(range: Range, label: string, run: () => void): void
  /** Something happens to the process: at once, or when it goes on. */
  happen(run: () => void): void
  /** @throws Level's `LEVEL_LOCKED`, or what it says of a database that is there or is not */
  lock(files: DiskFiles, options: OpenOptions): void
  unlock(files: DiskFiles): void
  /** What an opening does with what it finds. */
  load(withBallast: boolean): void
  /** Takes room for a batch; false: there is none. */
  append(bytes: number): boolean
  wrote(entries: Entries): void
  /** Everything written is fsynced. */
  sync(): void
}

export interface OpenOptions {
  readonly createIfMissing: boolean
  readonly errorIfExists: boolean
}

interface Pending {
  readonly write: LevelWrite
  resolve(): void
  reject(error: Error): void
}

export class DiskFiles implements LevelFiles {
  entries: Entries
  /** Let an opening use the ballast. */
  withBallast = false
  private readonly queue: Pending[] = []
  private gone = false
  /** After a failed fsync LevelDB fails every write, until it is opened again. */
  private failed: Error | undefined
  /** After a write that failed half-way what follows in the log is not found by the next opening. */
  private torn = false
  private closing: (() => void) | undefined

  /** @param epoch of the disk when the process began: one that is gone by now opens nothing */
  constructor(
    private readonly disk: Device,
    private readonly epoch = disk.epoch
  ) {
    this.entries = disk.entries
  }

  async open(options: OpenOptions): Promise<void> {
    const { disk } = this
    if (disk.epoch !== this.epoch) return new Promise(() => {})
    disk.lock(this, options)
    await disk.takes(disk.speed.openMs, 'opened')
    try {
      disk.load(this.withBallast)
      this.entries = disk.entries
    } catch (error) {
      disk.unlock(this)
      throw error
    }
  }

  write(write: LevelWrite): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.gone) return
      this.queue.push({ write, resolve, reject })
      if (this.queue.length === 1) this.begin()
    })
  }

  check(): void {
    const { trouble } = this.disk
    if (trouble === 'reads' || trouble === 'everything') throw brokenDisk()
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      if (this.gone) return
      this.closing = () => {
        this.disk.unlock(this)
        resolve()
      }
      if (this.queue.length === 0) this.closing()
    })
  }

  /** The process is gone. The batches that were under way. */
  abandon(): LevelWrite['changes'][] {
    this.gone = true
    const pending = this.torn || this.failed ? [] : this.queue.map(({ write }) => write.changes)
    this.queue.length = 0
    return pending
  }

  /** Makes the first of the queue, and those behind it that need not wait. */
  private begin(): void {
    for (let next = this.queue[0]; next; next = this.queue[0]) {
      const { write } = next
      if (this.failed) this.end(next, this.failed)
      else if (!this.disk.append(write.bytes)) {
        this.torn = true
        this.end(next, fullDisk())
      } else if (write.sync) {
        this.disk.after(this.disk.speed.syncMs, 'synced', () => {
          const error = this.synced(next)
          this.disk.happen(() => {
            if (this.gone) return
            this.end(next, error)
            this.begin()
          })
        })
        return
      } else this.end(next, this.store(write))
    }
    this.closing?.()
  }

  private synced({ write }: Pending): Error | undefined {
    const error = this.store(write)
    if (error) this.failed = error
    else if (!this.torn) this.disk.sync()
    return error
  }

  private store(write: LevelWrite): Error | undefined {
    const { trouble } = this.disk
    const failing = write.sync && (trouble === 'writes' || trouble === 'everything')
    const after = changed(this.entries, write.changes)
    // Of a write that failed nobody knows whether it is there.
    const arrives = !failing || this.disk.random.float() < 0.5
    if (arrives && !this.torn) this.disk.wrote(after)
    if (failing) return brokenDisk()
    this.entries = after
    for (const { value } of write.changes) if (value) this.disk.trace.bytes(value.subarray(0, 4))
    return undefined
  }

  private end(pending: Pending, error: Error | undefined): void {
    this.queue.shift()
    if (error) pending.reject(error)
    else pending.resolve()
  }
}
