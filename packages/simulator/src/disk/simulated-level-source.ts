/** What the Level store stands on in a simulation: a database on a simulated disk, as one process opens it. */
import type { LevelDatabase, LevelOperation, LevelRange, LevelSource, OpenedLevel, Recovery, Watermark } from '@selvedge/store'
import { fullDisk } from './level-errors.js'
import type { SimulatedDisk } from './simulated-disk.js'
import { SimulatedLevel } from './simulated-level.js'

const encodings = { keyEncoding: 'utf8', valueEncoding: 'view' } as const

/** A page, which a new file takes. */
const pageBytes = 4096

export class SimulatedLevelSource implements LevelSource {
  readonly location: string
  readonly watermark: Watermark

  /** @param epoch of the disk when its process was started: one that was gone before it came here opens nothing */
  constructor(
    private readonly disk: SimulatedDisk,
    private readonly epoch = disk.epoch
  ) {
    this.location = `/simulated/${disk.name}/store`
    this.watermark = {
      read: () => this.alive(() => disk.watermark.read()),
      write: sequence =>
        this.alive(() => {
          if (!disk.watermark.write(sequence, disk.roomBytes >= pageBytes)) throw fullDisk()
        }),
      close: () => this.alive(() => undefined)
    }
  }

  async open(recovery: Recovery): Promise<OpenedLevel> {
    const { disk } = this
    await this.alive(() => undefined)
    let damage: string | undefined
    if (recovery !== 'none') {
      if (disk.isInUse) throw Object.assign(new Error('already held by process'), { code: 'LEVEL_LOCKED' })
      await disk.takes(disk.speed.openMs, recovery === 'repair' ? 'repaired' : 'moved aside')
      if (recovery === 'repair') disk.repair()
      else disk.moveAside()
      damage =
        recovery === 'repair'
          ? 'it could not be opened and was repaired'
          : `it could not be opened and was moved to ${this.location}.corrupt-${disk.movedAside}`
    }
    try {
      const database = await this.openOnce(false)
      disk.makeBallast()
      return { database, damage }
    } catch (error) {
      if (!isFull(error) || !disk.mayUseBallast) throw error
    }
    return { database: await this.openOnce(true), damage, full: true }
  }

  async room(): Promise<void> {
    await this.alive(() => {
      if (this.disk.openingNeeds > this.disk.roomBytes) throw fullDisk()
    })
  }

  private async openOnce(withBallast: boolean): Promise<LevelDatabase> {
    const files = this.disk.open(this.epoch)
    files.withBallast = withBallast
    const level = new SimulatedLevel<string, Uint8Array>(files, encodings)
    await level.open()
    return {
      get: key => level.get(key),
      entries: (range: LevelRange) => level.iterator(range),
      batch: (operations: LevelOperation[]) => level.batch(operations, { sync: true } as object),
      close: () => level.close()
    }
  }

  /** Of a process that is gone nothing happens any more. */
  private alive<T>(run: () => T): Promise<T> {
    if (this.disk.epoch !== this.epoch) return new Promise(() => {})
    return new Promise(resolve => resolve(run()))
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error && error.cause.message === fullDisk().message
}
