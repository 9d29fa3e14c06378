/** Credit-based flow control (SES-17): data frames count against what the receiver allows, and it allows more as it merges. */
import { bodyOf, Kind } from './frames.js'
import type { Outgoing } from './messages.js'

/** A peer's grants come at least this often, whatever the window: it is a quarter of the smallest. */
const grantBytes = 16 * 1024

/** Frames that count: those that carry data. */
const counted: ReadonlySet<number> = new Set([Kind.Registers, Kind.Held, Kind.Document, Kind.Have, Kind.Signal])

export class Credit {
  private bytes: number
  private consumed = 0

  /** @param windowBytes what may be under way: it bounds how long a change waits behind others */
  constructor(private readonly windowBytes: number) {
    this.bytes = windowBytes
  }

  /** Whether a data frame may be sent. */
  get left(): boolean {
    return this.bytes > 0
  }

  /** A frame was sent. */
  spend(kind: Kind, bytes: number): void {
    if (counted.has(kind)) this.bytes -= bytes
  }

  /** The peer gives credit back; never more than there was at first. */
  granted(bytes: number): void {
    this.bytes = Math.min(this.windowBytes, this.bytes + bytes)
  }

  /** A frame was received and dealt with; returns the credit to give back, once it is worth a message. */
  consume(kind: number, bytes: number): Outgoing | undefined {
    if (!counted.has(kind)) return undefined
    this.consumed += bytes
    if (this.consumed < grantBytes) return undefined
    const grant = this.consumed
    this.consumed = 0
    return { kind: Kind.Credit, body: bodyOf(out => out.uint(grant)) }
  }
}
