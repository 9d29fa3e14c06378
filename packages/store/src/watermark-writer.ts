/**
 * Writes a watermark behind the commits: one write at a time, always of the latest number, and nobody waits for it. It lags behind
 * by an interval at most: a write for each of a thousand commits a second would cost them a sixth of their time.
 */
import type { Clock, Logger, Timer } from '@selvedge/core'
import type { Watermark } from './level-source.js'

/** Between the beginnings of two writes. */
const intervalMs = 20

export class WatermarkWriter {
  private latest = 0
  private written = 0
  private writing: Promise<void> | undefined
  private failing = false
  private timer: Timer | undefined
  private writtenAtMs = Number.NEGATIVE_INFINITY
  private closed = false

  constructor(
    private readonly watermark: Watermark | undefined,
    private readonly clock: Clock,
    private readonly log: Logger
  ) {}

  /** Commit `sequence` is fsynced. */
  advance(sequence: number): void {
    this.latest = sequence
    if (!this.watermark || this.timer || this.writing || this.closed) return
    const waitMs = this.writtenAtMs + intervalMs - this.clock.monotonicMs()
    if (waitMs > 0) this.timer = this.clock.setTimer(waitMs, () => this.begin())
    else this.begin()
  }

  private begin(): void {
    this.timer?.cancel()
    this.timer = undefined
    if (!this.watermark || this.written >= this.latest) return
    this.writtenAtMs = this.clock.monotonicMs()
    this.writing = this.write(this.watermark, this.latest)
  }

  private async write(watermark: Watermark, sequence: number): Promise<void> {
    try {
      await watermark.write(sequence)
      this.written = sequence
      this.failing = false
    } catch (error) {
      // A watermark that lags behind only makes the check at the next opening weaker; it is tried again with the next commit.
      if (!this.failing) this.log.warn({ error }, 'the watermark of the store was not written')
      this.failing = true
    } finally {
      this.writing = undefined
      if (this.written < this.latest && !this.failing) this.advance(this.latest)
    }
  }

  /** Waits until the latest number is written, or its writing has failed. */
  async close(): Promise<void> {
    this.closed = true
    await this.writing
    this.begin()
    await this.writing
    await this.watermark?.close().catch((error: unknown) => this.log.warn({ error }, 'closing the watermark failed'))
  }
}
