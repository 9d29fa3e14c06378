/**
 * No equivocation, no false coverage (I1, I4). One (writer, seq) never names two writes, in whatever table or boot; and whoever covers
 * a write holds it at its address, or something later, or a later delete has been collected.
 */
import type { Register } from '@selvedge/documents'
import type { Run } from '../run.js'
import type { Check } from './check.js'
import { observerOf, type Observer, type Watched, type Witness } from './observer.js'
import { returnersOf, type Returners } from './returners.js'
import type { Author, Write } from './space-ledger.js'

export class DotsAndCoverage implements Check, Witness {
  readonly name = 'dots-and-coverage'
  private run!: Run
  private observer!: Observer
  private returners!: Returners
  private judged = 0

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.returners = returnersOf(run)
    this.observer.join(this)
  }

  clashed(watched: Watched, register: Register, first: Write): void {
    const what =
      first.path !== register.path || first.slot !== register.slot
        ? 'another address'
        : first.time !== register.time
          ? 'another time'
          : 'another value'
    this.run.fail(
      this,
      `one dot, ${what}${watched.loading ? ', read from disk' : ''}`,
      `One write of ${watched.space.id} means two things: ${watched.host} holds it with ${what} than ${first.host} did.`,
      {
        space: watched.space.id,
        host: watched.host,
        writer: first.author.key,
        seq: first.seq,
        first: { path: first.path, slot: first.slot, time: first.time, host: first.host },
        now: { path: register.path, slot: register.slot, time: register.time }
      }
    )
  }

  covered(watched: Watched, author: Author, from: number, to: number): void {
    // An own write stands where it was just put.
    if (author.key === watched.table.ownWriterKey && to === from + 1) return
    for (const write of author.between(from, to)) {
      this.judged++
      if (!isHeldFor(watched, write) || this.isShownStill(watched, write)) return this.falseCoverage(watched, write)
    }
  }

  /** Once more for all, since what was held may have been dropped. */
  atEnd(): void {
    this.observer.look()
    for (const watched of this.observer.all()) this.judgeWhole(watched)
    if (this.judged > 0) this.run.pass(this)
    else this.run.unknown(this, 'no replica covered a write of another')
  }

  booted(watched: Watched): void {
    this.judgeWhole(watched)
  }

  stopped(watched: Watched): void {
    this.judgeWhole(watched)
  }

  private judgeWhole(watched: Watched): void {
    for (const writer of watched.table.writers.values()) {
      const to = watched.coveredUpTo(writer)
      // Of each address the last write that is covered decides.
      const last = new Map<string, Write>()
      for (const write of watched.ledger.author(writer).between(0, to)) last.set(write.address, write)
      for (const write of last.values()) {
        this.judged++
        if (!isHeldFor(watched, write) || this.isShownStill(watched, write) || isForgotten(watched, write))
          return this.falseCoverage(watched, write)
      }
    }
  }

  /** A delete was had, or collected elsewhere, and what it deleted is there: only a late returner has that. */
  private isShownStill({ table, ledger, space }: Watched, write: Write): boolean {
    if (write.value !== undefined || ledger.voided.has(write.address)) return false
    const held = table.peekAddress(write.address)
    if (held?.value === undefined || held.time >= write.time || table.shadows.has(write.address)) return false
    if (table.isExpired(held) || this.returners.ever(space.id).size > 0) return false
    // Where it was collected, or a later one, this replica may be one that is late and was not seen to be; or somebody wrote anew by an
    // earlier clock.
    const deletes = [write, ...ledger.deletesSince(write.address, write.time)]
    return this.observer
      .replicas(space.id)
      .every(other => deletes.every(({ author, seq }) => (other.table.writers.get(author.key)?.floor ?? 0) < seq))
  }

  private falseCoverage(watched: Watched, write: Write): void {
    const held = watched.heldTime(write.address)
    const kind = write.path.startsWith('@') ? write.path.split('/')[0]! : 'a point'
    this.run.fail(
      this,
      `covered and ${held === undefined ? 'absent' : 'older'}: ${kind}${watched.loading ? ', read from disk' : ''}`,
      `${watched.host} claims to have had a write of ${write.path} that it ${held === undefined ? 'does not hold' : 'holds an older form of'}.`,
      {
        space: watched.space.id,
        host: watched.host,
        path: write.path,
        slot: write.slot,
        writer: write.author.key,
        seq: write.seq,
        time: write.time,
        heldTime: held ?? null
      }
    )
  }
}

/** Whether a replica holds a write, or what may stand in its place. */
export function isHeldFor(watched: Watched, write: Write): boolean {
  const held = watched.heldTime(write.address)
  if (held !== undefined && held >= write.time) return true
  const { ledger } = watched
  // Any of them: who has dropped an earlier one need not know of a later one.
  for (const deleted of ledger.deletesSince(write.address, write.time)) if (knows(watched, deleted)) return true
  return ledger.voided.has(write.address)
}

/** Nothing stands where a delete was had, though that was never collected: a replica that lacks it would be told nothing of it. */
function isForgotten(watched: Watched, write: Write): boolean {
  if (write.value !== undefined || watched.heldTime(write.address) !== undefined) return false
  const { ledger, table } = watched
  if (ledger.voided.has(write.address)) return false
  for (const { author, seq } of ledger.deletesSince(write.address, write.time)) {
    const writer = table.writers.get(author.key)
    if (table.closed.has(author.node) || (writer && table.covers(writer, seq) && writer.floor >= seq)) return false
  }
  return true
}

// A delete that had another dot once may be covered by that.
function knows({ table, ledger }: Watched, write: Write): boolean {
  const writer = table.writers.get(write.author.key)
  if (writer && table.covers(writer, write.seq)) return true
  if (table.closed.has(write.author.node)) return true
  for (const author of ledger.authors.values()) if (author !== write.author && author.node === write.author.node) return true
  return false
}
