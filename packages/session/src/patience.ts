/**
 * What is left to its writer (SES-21): a register that came from elsewhere, to a peer that has a session with its writer. Everybody
 * would send it to everybody else otherwise.
 */
import type { Register, WriterLog } from '@selvedge/documents'
import type { LinkState } from './link-state.js'

/** How long a link hurries, and the least time between two such moments: under load it may never become idle. */
const hurryMs = 600
const hurryIntervalMs = 6_000

export class Patience {
  private hurriedUntil = Number.NEGATIVE_INFINITY
  private hurriedAt = Number.NEGATIVE_INFINITY

  constructor(private readonly link: LinkState) {}

  /** Whether the peer will have it from its writer. */
  leaves(register: Register, now: number): boolean {
    if (register.source === 0 || this.isHurried(now) || !this.isHeard(register.writer)) return false
    // Its writer, too, may hold it no more.
    return !this.link.mayLack(register)
  }

  /** Whether the peer hears a writer for itself. */
  isHeard(writer: WriterLog): boolean {
    return writer.node !== this.link.space.table.node && writer.node !== this.link.peer.node && this.link.hears(writer.node)
  }

  isHurried(now: number): boolean {
    return now < this.hurriedUntil
  }

  /** Leaves nothing for a moment. False: not again so soon. */
  hurry(now: number): boolean {
    if (now < this.hurriedAt + hurryIntervalMs) return false
    this.hurriedAt = now
    this.hurriedUntil = now + hurryMs
    return true
  }

  calm(): void {
    this.hurriedUntil = this.hurriedAt = Number.NEGATIVE_INFINITY
  }
}
