/**
 * What the disk of one machine holds: the files of a Level database, its watermark and its ballast; and what can happen to them.
 *
 * - What was fsynced outlives everything but damage. What was only written outlives the process ({@link SimulatedDisk.kill}); of that a
 *   power loss ({@link SimulatedDisk.powerOff}) leaves a prefix, drawn at random. Batches are whole: a torn tail drops its batch.
 * - What is under way at a crash is stored or not, in order: a drawn prefix.
 * - An opening stores what it found, as LevelDB does, which writes its log as a table.
 */
import { assert, below, type Random, type Timer } from '@selvedge/core'
import type { Kernel } from '../kernel.js'
import type { Trace } from '../trace.js'
import { changed, damaged, lessRecords, type Damage } from './damage.js'
import { DiskFiles, type Device, type OpenOptions } from './disk-files.js'
import { brokenDisk, corruption, fullDisk } from './level-errors.js'
import type { Entries } from './simulated-level.js'
import { SortedMap } from './sorted-map.js'
import { WatermarkPage, type WatermarkImage } from './watermark-page.js'

export interface DiskSpeed {
  /** What a fsync takes: at random between these. Default 0.5 to 3. */
  readonly syncMs: readonly [least: number, most: number]
  /** What opening a database takes. Default 5 to 20. */
  readonly openMs: readonly [least: number, most: number]
}

export const usualSpeed: DiskSpeed = { syncMs: [0.5, 3], openMs: [5, 20] }

/** `writes`: every write fails; `reads`: every read; `everything`: both. As a bad controller or cable does, not a bad sector. */
export type DiskTrouble = 'writes' | 'reads' | 'everything'

/** A copy of a disk. It never changes, and can be restored on any number of disks. */
export interface DiskImage {
  readonly entries: Entries
  readonly exists: boolean
  readonly watermark: WatermarkImage
  readonly hasBallast: boolean
  readonly movedAside: number
}

const blank: DiskImage = {
  entries: SortedMap.empty(),
  exists: false,
  watermark: { stored: undefined, latest: undefined },
  hasBallast: false,
  movedAside: 0
}

/** States since the latest opening that a lost tail can go back to. */
const historyMax = 16
/** What an opening writes besides its log. */
const openingBytes = 64 * 1024
/** Room that an opening on a full disk gets from the ballast, about that of `store`'s. */
const ballastBytes = 17 * 1024 * 1024

export class SimulatedDisk implements Device {
  speed = usualSpeed
  trouble: DiskTrouble | undefined
  /** Bytes that may still be written: 0 is a full disk. */
  roomBytes = Number.POSITIVE_INFINITY
  readonly watermark: WatermarkPage
  /** Told when something happens to the disk that no promise outlives: damage, or another content in place of its own. */
  readonly onHarm: ((harm: 'corrupted' | 'replaced' | 'restored') => void)[] = []
  happen: (run: () => void) => void = run => run()
  /** Counts crashes: whoever began before is told nothing any more. */
  epoch = 0
  /** Databases that were moved aside for an empty one. */
  movedAside = 0
  private exists = false
  private hasBallast = false
  /** What a power loss leaves; the states after each write since, oldest first. */
  private stored: Entries = SortedMap.empty()
  private written: Entries[] = []
  /** The states that were stored since the latest opening, oldest first. */
  private history: Entries[] = []
  private logBytes = 0
  private files: DiskFiles | undefined
  private damages: { readonly damage: Damage; readonly count: number }[] = []
  private unopenable: 'repairable' | 'irreparable' | undefined
  private readonly timers = new Set<Timer>()
  private stalled = false
  private held: (() => void)[] = []

  constructor(
    readonly kernel: Kernel,
    /** Whose disk it is, for the trace. */
    readonly name: string,
    readonly random: Random
  ) {
    this.watermark = new WatermarkPage(kernel, random.fork('watermark'))
  }

  /** Whether a process has the database open, or is opening it. */
  get isInUse(): boolean {
    return this.files !== undefined
  }

  get entries(): Entries {
    return this.written.at(-1) ?? this.stored
  }

  get trace(): Trace {
    return this.kernel.trace
  }

  /** What a power loss would leave at least. */
  get synced(): Entries {
    return this.stored
  }

  /** The process is gone: what it had written stays. */
  kill(): void {
    this.epoch++
    for (const timer of this.timers) timer.cancel()
    this.timers.clear()
    this.held = []
    const pending = this.files?.abandon() ?? []
    this.files = undefined
    const survivors = pending.length === 0 ? 0 : below(this.random, pending.length + 1)
    for (const changes of pending.slice(0, survivors)) this.written.push(changed(this.entries, changes))
  }

  /** The machine is without power: of what was not fsynced a prefix stays. */
  powerOff(): void {
    this.kill()
    if (this.written.length > 0) {
      const survivors = below(this.random, this.written.length + 1)
      if (survivors > 0) this.stored = this.written[survivors - 1]!
    }
    this.written = []
    this.watermark.powerOff()
  }

  /** Nothing ends until {@link resume}. */
  stall(): void {
    this.stalled = true
  }

  resume(): void {
    this.stalled = false
    for (const run of this.held.splice(0)) run()
  }

  /** The stored files are damaged; it shows at the next opening. */
  damage(damage: Damage, count = 1): void {
    this.damages.push({ damage, count })
    this.tellHarm('corrupted')
  }

  /** A copy of the whole device, taken at once: what is fsynced. */
  snapshot(): DiskImage {
    const { stored: entries, exists, hasBallast, movedAside } = this
    return { entries, exists, watermark: this.watermark.image, hasBallast, movedAside }
  }

  /** Puts a copy in place of what is there; the machine is off. Without a copy the disk is new. */
  restore(image: DiskImage = blank): void {
    assert(!this.isInUse, 'a disk is restored while nothing uses it')
    this.stored = image.entries
    this.written = []
    this.history = []
    this.exists = image.exists
    this.hasBallast = image.hasBallast
    this.movedAside = image.movedAside
    this.watermark.restore(image.watermark)
    this.logBytes = 0
    this.damages = []
    this.unopenable = undefined
    this.tellHarm(image === blank ? 'replaced' : 'restored')
  }

  private tellHarm(harm: 'corrupted' | 'replaced' | 'restored'): void {
    for (const told of this.onHarm) told(harm)
  }

  /** The files of the database, for one process to open. */
  open(epoch = this.epoch): DiskFiles {
    return new DiskFiles(this, epoch)
  }

  // What follows is for the files and for the source.

  takes(range: readonly [number, number], label: string): Promise<void> {
    const { epoch } = this
    const told = (resolve: () => void) => () => {
      if (this.epoch === epoch) resolve()
    }
    return new Promise(resolve => this.after(range, label, () => this.happen(told(resolve))))
  }

  after([least, most]: readonly [number, number], label: string, run: () => void): void {
    const timer = this.kernel.after(least + this.random.float() * (most - least), this.name, label, () => {
      this.timers.delete(timer)
      if (this.stalled) this.held.push(run)
      else run()
    })
    this.timers.add(timer)
  }

  lock(files: DiskFiles, options: OpenOptions): void {
    if (this.files) throw Object.assign(new Error(`lock ${this.name}/LOCK: already held by process`), { code: 'LEVEL_LOCKED' })
    if (this.exists && options.errorIfExists) throw new Error(`${this.name} exists (error_if_exists is true)`)
    if (!this.exists && !options.createIfMissing) throw new Error(`${this.name} does not exist (create_if_missing is false)`)
    this.files = files
  }

  unlock(files: DiskFiles): void {
    if (this.files === files) this.files = undefined
  }

  load(withBallast: boolean): void {
    this.wear()
    if (this.trouble) throw brokenDisk()
    if (this.unopenable) throw corruption()
    if (this.openingNeeds > this.roomBytes + (withBallast ? ballastBytes : 0)) throw fullDisk()
    this.stored = this.entries
    this.written = []
    this.history = [this.stored]
    this.logBytes = 0
    this.exists = true
  }

  get openingNeeds(): number {
    return this.logBytes + openingBytes
  }

  /** Room that is set aside where there is plenty of it. */
  makeBallast(): void {
    if (this.roomBytes >= 4 * ballastBytes) this.hasBallast = true
  }

  get mayUseBallast(): boolean {
    return this.hasBallast
  }

  append(bytes: number): boolean {
    if (bytes > this.roomBytes) return false
    this.roomBytes -= bytes
    this.logBytes += bytes
    return true
  }

  wrote(entries: Entries): void {
    this.written.push(entries)
  }

  sync(): void {
    this.stored = this.entries
    this.written = []
    this.history.push(this.stored)
    if (this.history.length > historyMax) this.history.shift()
  }

  /** What LevelDB's repair leaves: a part of the records may be in files that it could not use. */
  repair(): void {
    if (this.trouble) throw brokenDisk()
    if (this.unopenable === 'irreparable') throw corruption()
    if (this.openingNeeds > this.roomBytes) throw fullDisk()
    if (this.unopenable) this.stored = lessRecords(this.entries, this.random, below(this.random, 3))
    this.written = []
    this.unopenable = undefined
  }

  /** Moves the database aside for an empty one. */
  moveAside(): void {
    if (this.trouble) throw brokenDisk()
    this.restore({ ...blank, movedAside: this.movedAside + 1 })
  }

  /** Damage done since the latest opening. */
  private wear(): void {
    for (const { damage, count } of this.damages.splice(0)) {
      if (damage === 'unopenable') this.unopenable ??= 'repairable'
      else if (damage === 'irreparable') this.unopenable = damage
      else if (damage === 'watermark') this.watermark.restore(blank.watermark)
      else {
        const states = this.history.at(-1) === this.entries ? this.history : [...this.history, this.entries]
        this.stored = damaged(damage, count, states, this.random)
        this.written = []
        // What was written since the damage may be gone as well.
        this.tellHarm('corrupted')
      }
    }
  }
}
