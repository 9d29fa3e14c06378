/**
 * Receipts (I3): a write is readable at once; its receipt resolves when the write is fsynced here (`local`), on another node of the
 * site (`site`), on the relay (`relay`). A receipt waits for a dot to be covered durably, so a write that was overwritten meanwhile
 * is acknowledged by what overwrote it. Waiting receipts cost memory until they resolve or are aborted: pass a signal.
 */
import { SelvedgeError, type NodeId } from '@selvedge/core'
import { covers, type Dot, type RegisterTable, type VersionVector, type WriteResult, type WriterLog } from '@selvedge/documents'
import type { DurableState, MemberTable } from '@selvedge/session'
import { replicaErrors } from './errors.js'

export type DurabilityLevel = 'local' | 'site' | 'relay'

/** How far a write is known to have reached; `memory`: not even fsynced here. */
export type Reached = 'memory' | DurabilityLevel

export interface Receipt {
  readonly dot: Dot
  /** The stamp is too far ahead of trusted time: stored and sent, not obeyed yet. */
  readonly shadowed: boolean
  /**
   * Resolves when the write is durable at `level`.
   * @throws SelvedgeError `RECEIPT_ABORTED` when the signal aborts, `REPLICA_CLOSED` when the replica closes first. Either way the
   * write stands and goes on being replicated.
   */
  durable(level: DurabilityLevel, options?: { signal?: AbortSignal }): Promise<void>
  /** How far it is known to have reached now. */
  reached(): Reached
}

interface Waiting {
  readonly writer: WriterLog
  readonly seq: number
  readonly level: DurabilityLevel
  resolve(): void
  reject(error: Error): void
}

/** Writes of one writer that the next flush stores: those who wait for them share a promise. */
class NextFlush {
  /** The latest of them. */
  seq: number
  waits = 0
  resolve!: () => void
  reject!: (error: Error) => void
  readonly promise = new Promise<void>((resolve, reject) => {
    this.resolve = resolve
    this.reject = reject
  })

  constructor(
    /** What the flushes up to now have taken: with another one, this one is under way. */
    readonly taken: VersionVector,
    readonly writer: WriterLog,
    readonly first: number
  ) {
    this.seq = first
  }

  admits(writer: WriterLog, seq: number, taken: VersionVector): boolean {
    return this.writer === writer && this.first <= seq && this.taken === taken
  }

  join(seq: number): Promise<void> {
    if (seq > this.seq) this.seq = seq
    this.waits++
    return this.promise
  }
}

export interface ReceiptsOptions {
  readonly node: NodeId
  readonly table: RegisterTable
  readonly members: MemberTable
  readonly durable: () => DurableState
  /** What the latest flush stores or has stored: a new object whenever it covers more. */
  readonly taken: () => VersionVector
  /** What `local` means to a relay is that its own store has it: it counts as `relay` too. */
  readonly role: 'node' | 'relay'
  /** Somebody begins to wait for a write to be durable. */
  readonly onAwaited?: (level: DurabilityLevel) => void
}

export class Receipts {
  private readonly waiting: Record<DurabilityLevel, Set<Waiting>> = { local: new Set(), site: new Set(), relay: new Set() }
  /** Flushes that are waited for, oldest first. */
  private flushes: NextFlush[] = []
  private writer: WriterLog | undefined
  private closed: Error | undefined
  private elsewhere = 0

  constructor(private readonly options: ReceiptsOptions) {}

  of({ writer: key, seq, shadowed }: WriteResult): Receipt {
    if (this.writer?.key !== key) this.writer = this.options.table.writer(key)
    return new WriteReceipt(this, this.writer, seq, shadowed)
  }

  /** How far the write (writer, seq) is known to have reached. */
  reached(writer: WriterLog, seq: number): Reached {
    if (this.isDurable(writer, seq, 'relay')) return 'relay'
    if (this.isDurable(writer, seq, 'site')) return 'site'
    return this.isDurable(writer, seq, 'local') ? 'local' : 'memory'
  }

  private isDurable(writer: WriterLog, seq: number, level: DurabilityLevel): boolean {
    const { members, node, role, durable } = this.options
    if (level === 'local' || (level === 'relay' && role === 'relay')) return covers(durable().vector, writer, seq)
    return members.holdersOf(writer, seq, level === 'relay' ? 'relay' : 'node', node).next().done === false
  }

  /** As {@link Receipt.durable}, for the write (writer, seq). */
  wait(writer: WriterLog, seq: number, level: DurabilityLevel, signal: AbortSignal | undefined): Promise<void> {
    const plain = level === 'local' && signal === undefined
    // Above a write that the next flush is waited for is nothing that is durable.
    const next = this.flushes[this.flushes.length - 1]
    if (plain && next?.admits(writer, seq, this.options.taken())) return next.join(seq)
    if (this.isDurable(writer, seq, level)) return Promise.resolve()
    if (this.closed) return Promise.reject(this.closed)
    if (!plain || covers(this.options.taken(), writer, seq)) return this.waitAlone(writer, seq, level, signal)
    const flush = new NextFlush(this.options.taken(), writer, seq)
    this.flushes.push(flush)
    this.options.onAwaited?.(level)
    return flush.join(seq)
  }

  private waitAlone(writer: WriterLog, seq: number, level: DurabilityLevel, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => waiting.reject(abortError(level, signal))
      const done = (): void => {
        this.waiting[level].delete(waiting)
        signal?.removeEventListener('abort', aborted)
      }
      const waiting: Waiting = {
        writer,
        seq,
        level,
        resolve: () => (done(), resolve()),
        reject: error => (done(), reject(error))
      }
      if (signal?.aborted) return reject(abortError(level, signal))
      signal?.addEventListener('abort', aborted, { once: true })
      this.waiting[level].add(waiting)
      if (level !== 'local') this.elsewhere++
      this.options.onAwaited?.(level)
    })
  }

  /** Whether somebody waits for a write to be durable here. */
  get isLocalAwaited(): boolean {
    return this.flushes.length > 0 || this.waiting.local.size > 0
  }

  /** Rises with each wait for another replica. */
  get awaitedElsewhere(): number {
    return this.elsewhere
  }

  /** More is durable, here or elsewhere. */
  check(levels: readonly DurabilityLevel[]): void {
    for (const level of levels)
      for (const waiting of this.waiting[level]) if (this.isDurable(waiting.writer, waiting.seq, level)) waiting.resolve()
    if (levels.includes('local') && this.flushes.length > 0) {
      const waited = this.flushes
      this.flushes = []
      for (const flush of waited)
        if (this.isDurable(flush.writer, flush.seq, 'local')) flush.resolve()
        else this.flushes.push(flush)
    }
  }

  /** Receipts that wait. */
  get pending(): number {
    const together = this.flushes.reduce((sum, flush) => sum + flush.waits, 0)
    return together + this.waiting.local.size + this.waiting.site.size + this.waiting.relay.size
  }

  close(): void {
    this.closed = new SelvedgeError(
      replicaErrors.replicaClosed,
      'the replica was closed before the write was durable at the level asked for'
    )
    for (const set of Object.values(this.waiting)) for (const waiting of set) waiting.reject(this.closed)
    for (const flush of this.flushes.splice(0)) flush.reject(this.closed)
  }
}

class WriteReceipt implements Receipt {
  constructor(
    private readonly receipts: Receipts,
    private readonly writer: WriterLog,
    private readonly seq: number,
    readonly shadowed: boolean
  ) {}

  get dot(): Dot {
    return { writer: this.writer.key, seq: this.seq }
  }

  durable(level: DurabilityLevel, options?: { signal?: AbortSignal }): Promise<void> {
    return this.receipts.wait(this.writer, this.seq, level, options?.signal)
  }

  reached(): Reached {
    return this.receipts.reached(this.writer, this.seq)
  }
}

function abortError(level: DurabilityLevel, signal: AbortSignal | undefined): SelvedgeError {
  return new SelvedgeError(
    replicaErrors.receiptAborted,
    `gave up waiting for the write to be durable at ${level}; it goes on being replicated`,
    {
      cause: signal?.reason
    }
  )
}
