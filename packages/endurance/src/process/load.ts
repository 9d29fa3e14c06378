/**
 * The writes that a process makes by itself, at a steady rate: most to points of its own, some to points that every process writes,
 * one in fifty an override that expires. Receipts of some are awaited, and told in the very turn in which they resolve, so that who
 * listens outside knows of every promise that this process made before it died.
 */
import { below, seededRandom, type Random } from '@selvedge/core'
import type { DurabilityLevel, Receipt } from '@selvedge/replica'
import type { Acknowledged, LoadOptions, LoadSummary, Written } from './protocol.js'
import type { Served } from './served.js'

const tickMs = 10
/** After a stall of this process it does not try to catch up on more than this. */
const catchUpMs = 250
/** Receipts awaited at one time; beyond it writes are made and not awaited. */
const awaitedMax = 4_000
const overrideEvery = 50
const overridePoints = 20
const overrideForMs = 1_500

export class Load {
  private readonly random: Random
  private readonly last = new Map<string, Written>()
  private readonly told: Acknowledged[] = []
  private readonly timer: NodeJS.Timeout
  private readonly startedAtMs = performance.now()
  private made = 0
  private awaited = 0
  private stopped = false

  constructor(
    private readonly served: Served,
    private readonly name: string,
    private readonly options: LoadOptions,
    private readonly tell: (writes: Acknowledged[]) => void
  ) {
    this.random = seededRandom(options.seed)
    this.timer = setInterval(() => this.tick(), tickMs)
  }

  get writes(): number {
    return this.made
  }

  /** Receipts that are awaited and have not resolved. */
  get waiting(): number {
    return this.awaited
  }

  stop(): LoadSummary {
    this.stopped = true
    clearInterval(this.timer)
    return { writes: this.made, last: [...this.last.values()] }
  }

  private skippedMs = 0

  private tick(): void {
    const { perSecond } = this.options
    const elapsedMs = performance.now() - this.startedAtMs - this.skippedMs
    const behindMs = elapsedMs - (this.made / perSecond) * 1_000
    if (behindMs > catchUpMs) this.skippedMs += behindMs - catchUpMs
    const due = Math.floor(((performance.now() - this.startedAtMs - this.skippedMs) / 1_000) * perSecond)
    while (this.made < due && !this.stopped) this.write(this.made++)
  }

  private write(n: number): void {
    const { options, random } = this
    if (n % overrideEvery === overrideEvery - 1) {
      const path = `o/${this.name}/${below(random, overridePoints)}`
      this.served.points.priority(path).write(8, n, { expiresInMs: overrideForMs })
      return
    }
    const shared = random.float() < options.sharedShare
    const path = shared ? `s/${below(random, options.sharedPoints)}` : `p/${this.name}/${below(random, options.ownPoints)}`
    const value = shared ? `${this.name} ${options.base + n}` : options.base + n
    const receipt = this.served.points.set(path, value)
    const register = this.served.state.replica.table.get(path)
    const written: Written = { path, value, time: register?.time ?? 0, writer: register?.writer.key ?? '' }
    this.last.set(path, written)
    if (n % options.receiptEvery === 0 && this.awaited < awaitedMax)
      void this.await(receipt, written, options.levels[Math.floor(n / options.receiptEvery) % options.levels.length] ?? 'local')
  }

  private async await(receipt: Receipt, written: Written, level: DurabilityLevel): Promise<void> {
    this.awaited++
    try {
      await receipt.durable(level)
      this.told.push({ ...written, level })
      // One message for all that resolved in this turn.
      if (this.told.length === 1) queueMicrotask(() => this.tell(this.told.splice(0)))
    } catch {
      // The replica was closed first: nothing was promised.
    } finally {
      this.awaited--
    }
  }
}
