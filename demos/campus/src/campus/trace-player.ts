/** Plays a measured trend export as points, a row every 50 ms, over and over: real data's shape, at a pace one can watch. */
import type { Clock } from '@selvedge/core'
import type { Site } from '@selvedge/site'
import type { CampusPoints } from '../plant/index.js'
import type { Trace, TraceRow } from '../trace/index.js'
import type { DriverTally } from './driver-tally.js'

const rowEveryMs = 50
/** What surely fits into one batch. */
const batchMax = 500

export class TracePlayer {
  private readonly standing = new Map<string, number>()
  private timer: { cancel(): void } | undefined
  private running = false
  private reading = false

  private constructor(
    private readonly site: Site<CampusPoints>,
    private readonly trace: Trace,
    private readonly clock: Clock,
    private readonly tally: DriverTally,
    private rows: AsyncIterator<TraceRow>,
    private next: TraceRow | undefined
  ) {}

  /** Reads the first row, so that a file which can't be played is refused at the start. */
  static async open(site: Site<CampusPoints>, trace: Trace, clock: Clock, tally: DriverTally): Promise<TracePlayer> {
    const rows = trace[Symbol.asyncIterator]()
    const first = await rows.next()
    return new TracePlayer(site, trace, clock, tally, rows, first.done ? undefined : first.value)
  }

  setRunning(running: boolean): void {
    if (running === this.running) return
    this.running = running
    this.timer?.cancel()
    if (running && !this.reading) this.playLater()
  }

  private playLater(): void {
    this.timer = this.clock.setTimer(rowEveryMs, () => void this.play())
  }

  private async play(): Promise<void> {
    if (this.next) this.write(this.next)
    this.reading = true
    try {
      this.next = await this.read()
    } catch (error) {
      // The file was there at the start and is not any more: the building goes on without it.
      process.stderr.write(
        `${this.site.name}: the trend export ends here: ${error instanceof Error ? error.message : String(error)}\n`
      )
      this.next = undefined
    } finally {
      this.reading = false
    }
    if (this.next && this.running) this.playLater()
  }

  private async read(): Promise<TraceRow | undefined> {
    const result = await this.rows.next()
    if (!result.done) return result.value
    this.rows = this.trace[Symbol.asyncIterator]()
    const first = await this.rows.next()
    return first.done ? undefined : first.value
  }

  // The columns of a row travel together (of a very wide export in parts); those that have not changed stay as they are.
  private write({ values }: TraceRow): void {
    const changed = values.filter(({ path, value }) => this.standing.get(path) !== value)
    for (const { path, value } of changed) this.standing.set(path, value)
    for (let at = 0; at < changed.length; at += batchMax)
      this.site.points.batch(writer => changed.slice(at, at + batchMax).forEach(({ path, value }) => writer.set(path, value)))
    this.tally.wrote(changed.length)
    this.tally.playedRow()
  }

  close(): void {
    this.setRunning(false)
    void this.rows.return?.()
  }
}
