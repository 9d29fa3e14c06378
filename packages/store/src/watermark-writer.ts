/** Writes a watermark behind the commits: one write at a time, always of the latest number, and nobody waits for it. */
import type { Logger } from '@selvedge/core'
import type { Watermark } from './level-source.js'

export class WatermarkWriter {
  private latest = 0
  private written = 0
  private writing: Promise<void> | undefined
  private failing = false

  constructor(
    private readonly watermark: Watermark | undefined,
    private readonly log: Logger
  ) {}

  /** Commit `sequence` is fsynced. */
  advance(sequence: number): void {
    this.latest = sequence
    if (this.watermark) this.writing ??= this.write(this.watermark)
  }

  private async write(watermark: Watermark): Promise<void> {
    try {
      while (this.written < this.latest) {
        const sequence = this.latest
        await watermark.write(sequence)
        this.written = sequence
        this.failing = false
      }
    } catch (error) {
      // A watermark that lags behind only makes the check at the next opening weaker; it is tried again with the next commit.
      if (!this.failing) this.log.warn({ error }, 'the watermark of the store was not written')
      this.failing = true
    } finally {
      this.writing = undefined
    }
  }

  /** Waits until the latest number is written, or its writing has failed. */
  async close(): Promise<void> {
    await this.writing
    await this.watermark?.close().catch((error: unknown) => this.log.warn({ error }, 'closing the watermark failed'))
  }
}
