/**
 * What gathers for a document until its next seal. Local edits are queued up to a bound; beyond it the queue is dropped, since the
 * instance holds them anyway, and the next seal takes a snapshot instead.
 */
import type { LiveUpdate } from './copy-contract.js'

export class PendingEdits {
  /** Updates from peers, to be stored. */
  remote: Uint8Array[] = []
  /** Live updates to pass on once they are stored, each with where it came from. */
  forwards: { live: LiveUpdate; origin: object }[] = []
  /** Content without a count must be made known: the next seal counts it as an edit. */
  announce = false
  compact = false
  header = false
  private queue: Uint8Array[] = []
  private queuedBytes = 0
  private unqueued = false
  private refused = false

  constructor(private readonly bytesMax: number) {}

  get local(): readonly Uint8Array[] {
    return this.queue
  }

  get localBytes(): number {
    return this.queuedBytes
  }

  /** Local edits that can be sealed. */
  get hasLocal(): boolean {
    return this.queue.length > 0 || (this.unqueued && !this.refused)
  }

  /** The instance holds local edits that are not in the queue. */
  get overflowed(): boolean {
    return this.unqueued
  }

  /** With them the document was too large to be stored. */
  get oversize(): boolean {
    return this.refused
  }

  get any(): boolean {
    return this.hasLocal || this.remote.length > 0 || this.announce || this.compact || this.header
  }

  /** Queues a local edit. False: it is one too many; it will be stored with a snapshot. */
  add(update: Uint8Array): boolean {
    if (this.refused) {
      // It may have made the document smaller: the next seal looks again.
      this.refused = false
      return true
    }
    if (this.unqueued || this.queuedBytes + update.length > this.bytesMax) {
      this.overflow()
      return false
    }
    this.queue.push(update)
    this.queuedBytes += update.length
    return true
  }

  /** The document is too large: its local edits stay in the instance, neither stored nor sent. */
  refuse(): void {
    this.overflow()
    this.refused = true
  }

  abandonLocal(): void {
    this.clearLocal()
  }

  /** One update takes the place of all local edits. */
  replaceLocal(update: Uint8Array): void {
    this.clearLocal()
    this.queue = [update]
    this.queuedBytes = update.length
  }

  /** A seal takes what can be stored. */
  take(): { remote: Uint8Array[]; forwards: PendingEdits['forwards'] } {
    const { remote, forwards } = this
    this.remote = []
    this.forwards = []
    this.announce = this.header = false
    if (!this.refused) this.clearLocal()
    return { remote, forwards }
  }

  private overflow(): void {
    this.clearLocal()
    this.unqueued = true
  }

  private clearLocal(): void {
    this.queue = []
    this.queuedBytes = 0
    this.unqueued = false
    this.refused = false
  }
}
