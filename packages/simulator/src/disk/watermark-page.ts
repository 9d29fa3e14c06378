/**
 * The file of the watermark: one page that is written over and never fsynced. The operating system writes it back when it likes; after
 * a power loss it says what it said at one of those moments, or is not there yet. So it lags and never leads: its number was fsynced
 * in the database before it was written here.
 */
import { below, type Random } from '@selvedge/core'
import type { Kernel } from '../kernel.js'

export interface WatermarkImage {
  /** What is on the device. */
  readonly stored: number | undefined
  /** What reads give. */
  readonly latest: number | undefined
}

/** A page stays dirty for so long, as Linux lets it. */
const writeBackMs = { least: 5_000, most: 35_000 }

export class WatermarkPage {
  private stored: number | undefined
  private latest: number | undefined
  private writeBackAtMs = Number.POSITIVE_INFINITY

  constructor(
    private readonly kernel: Kernel,
    private readonly random: Random
  ) {}

  /** As a copy of the device has it. */
  get image(): WatermarkImage {
    return { stored: this.stored, latest: this.stored }
  }

  restore({ stored, latest }: WatermarkImage): void {
    this.stored = stored
    this.latest = latest
    this.writeBackAtMs = Number.POSITIVE_INFINITY
  }

  read(): number | undefined {
    return this.latest
  }

  /** False: the file is new and there is no room for it. */
  write(sequence: number, hasRoom: boolean): boolean {
    if (this.latest === undefined && !hasRoom) return false
    if (this.kernel.nowMs >= this.writeBackAtMs) {
      this.stored = this.latest
      this.writeBackAtMs = Number.POSITIVE_INFINITY
    }
    if (this.writeBackAtMs === Number.POSITIVE_INFINITY)
      this.writeBackAtMs = this.kernel.nowMs + writeBackMs.least + below(this.random, writeBackMs.most - writeBackMs.least)
    this.latest = sequence
    return true
  }

  powerOff(): void {
    const writtenBack = this.kernel.nowMs >= this.writeBackAtMs || this.random.float() < 0.3
    this.restore(writtenBack ? { stored: this.latest, latest: this.latest } : { stored: this.stored, latest: this.stored })
  }
}
