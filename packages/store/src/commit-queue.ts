/**
 * Group commit: batches that come while a sync is under way wait and are stored together by the next one, in the order given.
 *
 * - A batch's promise resolves after the sync that stored it, never before.
 * - A group that fails is kept as it is and retried, with a growing delay, before anything behind it: order is never changed.
 * - Limits: `queueBytesMax` of waiting batches, beyond which one more is rejected with `STORE_BACKLOG`; `groupBytesMax` of batches
 *   in one group, beyond which the rest waits for the next sync (a batch that is larger alone goes alone).
 */
import { SelvedgeError, type Clock, type Logger } from '@selvedge/core'
import { storeErrors } from './errors.js'
import type { HealthState } from './health.js'

export interface CommitQueueOptions {
  /** Bytes of batches that one sync stores, at most. Default 4 MiB. */
  readonly groupBytesMax?: number | undefined
  /** Bytes of batches that may wait, a group being stored included; an empty queue takes a batch of any size. Default 64 MiB. */
  readonly queueBytesMax?: number | undefined
  /** Delay before the first retry; doubles with each. Default 100 ms. */
  readonly retryDelayMinMs?: number | undefined
  /** The longest delay between retries. Default 5,000 ms. */
  readonly retryDelayMaxMs?: number | undefined
}

export interface CommitTarget<Batch, Group> {
  /** Turns batches into what is stored at once. Called once for each group, in order; the group is stored before the next is made. */
  prepare(batches: readonly Batch[]): Group
  /** Stores the group whole or not at all; resolves once it is fsynced. A repeated call must do no harm. */
  store(group: Group): Promise<void>
  /** Called before each retry: brings the disk back into a state in which a write may succeed. */
  recover(): Promise<void>
  /** What a failure of `store` or `recover` is called. */
  fault(error: unknown): SelvedgeError
}

interface Waiting<Batch> {
  readonly batch: Batch
  readonly bytes: number
  resolve(): void
  reject(error: SelvedgeError): void
}

/**
 * Turns of the microtask queue before a group is taken: writers that resume from the previous sync through a few awaits of their
 * own join the next one instead of waiting for the one after it.
 */
const gatherTurns = 4

export class CommitQueue<Batch, Group> {
  /** Batches acknowledged. */
  commits = 0
  syncs = 0
  private readonly groupBytesMax: number
  private readonly queueBytesMax: number
  private readonly retryDelayMinMs: number
  private readonly retryDelayMaxMs: number
  private queue: Waiting<Batch>[] = []
  private group: Waiting<Batch>[] = []
  private underWay = 0
  private queuedBytes = 0
  private running: Promise<void> | undefined
  private closing = false
  private cutPauseShort: (() => void) | undefined

  constructor(
    private readonly target: CommitTarget<Batch, Group>,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly health: HealthState,
    options: CommitQueueOptions = {}
  ) {
    this.groupBytesMax = options.groupBytesMax ?? 4 * 1024 * 1024
    this.queueBytesMax = options.queueBytesMax ?? 64 * 1024 * 1024
    this.retryDelayMinMs = options.retryDelayMinMs ?? 100
    this.retryDelayMaxMs = options.retryDelayMaxMs ?? 5_000
  }

  /** Batches not yet acknowledged. */
  get pending(): number {
    return this.queue.length + this.underWay
  }

  /** Why a batch of `bytes` can't be taken now, or `undefined`. */
  refusal(bytes: number): SelvedgeError | undefined {
    if (this.closing) return closedError()
    if (this.queuedBytes === 0 || this.queuedBytes + bytes <= this.queueBytesMax) return undefined
    return new SelvedgeError(
      storeErrors.backlog,
      `${this.queuedBytes} bytes wait for the disk and at most ${this.queueBytesMax} may: nothing of this batch was taken`,
      { details: { queuedBytes: this.queuedBytes, bytes, max: this.queueBytesMax } }
    )
  }

  /** Takes a batch for which there is no {@link refusal}. */
  push(batch: Batch, bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.queue.push({ batch, bytes, resolve, reject })
      this.queuedBytes += bytes
      this.running ??= this.run()
    })
  }

  /** Stores what waits, giving up after one more try if the disk fails; takes nothing from now on. Idempotent. */
  async close(): Promise<void> {
    this.closing = true
    this.cutPauseShort?.()
    await this.running
  }

  /** Rejects what waits, the group under way included: the disk does not answer. */
  abandon(): void {
    const error = closedError(new SelvedgeError(storeErrors.io, 'the disk does not answer'))
    for (const waiting of [...this.group, ...this.queue.splice(0)]) waiting.reject(error)
  }

  private async run(): Promise<void> {
    try {
      for (;;) {
        for (let turn = 0; turn < gatherTurns; turn++) await Promise.resolve()
        if (this.queue.length === 0) return
        const group = this.take()
        const error = await this.storeOrGiveUp(this.target.prepare(group.map(waiting => waiting.batch)))
        this.settle(group, error)
        if (error) {
          this.settle(this.queue.splice(0), error)
          return
        }
      }
    } finally {
      this.running = undefined
    }
  }

  private take(): Waiting<Batch>[] {
    let bytes = 0
    let count = 0
    for (const waiting of this.queue) {
      if (count > 0 && bytes + waiting.bytes > this.groupBytesMax) break
      bytes += waiting.bytes
      count++
    }
    const group = (this.group = this.queue.splice(0, count))
    this.underWay = count
    return group
  }

  private settle(group: readonly Waiting<Batch>[], error: SelvedgeError | undefined): void {
    this.underWay = 0
    for (const waiting of group) {
      this.queuedBytes -= waiting.bytes
      if (error) waiting.reject(error)
      else {
        this.commits++
        waiting.resolve()
      }
    }
  }

  /** Tries until the group is stored, or until one try that began after `close` has failed; then says why. */
  private async storeOrGiveUp(group: Group): Promise<SelvedgeError | undefined> {
    let delayMs = this.retryDelayMinMs
    for (let attempt = 0; ; attempt++) {
      const last = this.closing && attempt > 0
      try {
        if (attempt > 0) await this.target.recover()
        await this.target.store(group)
        this.syncs++
        this.health.ok()
        return undefined
      } catch (error) {
        const fault = this.target.fault(error)
        this.log.warn(
          { code: fault.code, reason: fault.message, attempt, delayMs, pending: this.pending },
          'a group of batches was not stored'
        )
        this.health.degraded(fault.code, fault.message)
        if (last) return closedError(fault)
        await this.pause(delayMs)
        delayMs = Math.min(delayMs * 2, this.retryDelayMaxMs)
      }
    }
  }

  private pause(delayMs: number): Promise<void> {
    if (this.closing) return Promise.resolve()
    return new Promise(resolve => {
      const end = (): void => {
        timer.cancel()
        this.cutPauseShort = undefined
        resolve()
      }
      const timer = this.clock.setTimer(delayMs, end)
      this.cutPauseShort = end
    })
  }
}

export function closedError(cause?: SelvedgeError): SelvedgeError {
  const why = cause ? `: ${cause.message}` : ''
  return new SelvedgeError(storeErrors.closed, `the store was closed before this could be done${why}`, cause ? { cause } : {})
}
