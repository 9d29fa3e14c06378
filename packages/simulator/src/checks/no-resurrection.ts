/**
 * No resurrection (I6): who covers a delete never shows what it deleted again. Only a replica that was away while the delete was dropped
 * everywhere can bring a register back, and then a heal report names it.
 */
import type { SpaceId } from '@selvedge/core'
import type { Register, WriterKey } from '@selvedge/documents'
import type { Run } from '../run.js'
import type { Check } from './check.js'
import { observerOf, type Observer, type Watched, type Witness } from './observer.js'
import { returnersOf, type Returners } from './returners.js'
import type { Author, Write } from './space-ledger.js'

const healPrefix = '@heal/'
/** A report lists so many at most (see heal-reports.ts): a full list may leave out more. */
const listedMax = 100

interface Resurrection {
  readonly address: string
  readonly path: string
  readonly host: string
  readonly writer: string
  readonly seq: number
}

interface Reported {
  readonly addresses: Set<string>
  anyFull: boolean
}

export class NoResurrection implements Check, Witness {
  readonly name = 'no-resurrection'
  private run!: Run
  private observer!: Observer
  private returners!: Returners
  private readonly returned = new Map<SpaceId, Map<string, Resurrection>>()
  /** Writes whose writer had the delete that their stamp comes before. */
  private readonly knowing = new WeakSet<Write>()
  private readonly reported = new Map<SpaceId, Reported>()
  private judged = 0

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.returners = returnersOf(run)
    this.observer.join(this)
  }

  changed(watched: Watched, register: Register, write: Write): void {
    const { ledger, table, host, space } = watched
    if (register.path.startsWith(healPrefix)) return this.noteReport(space.id, register)
    // What has expired is kept for a while, and shown to nobody.
    if (register.value === undefined || register.shadow || table.isExpired(register)) return
    if (!ledger.wasDeleted(write.address)) return
    this.judged++
    if (ledger.voided.has(write.address)) return
    const deleted = latestCovered(watched, write)
    if (!deleted || this.knowing.has(write)) return
    // Whoever writes anew knows of the delete, and is no ghost, if a clock that went back stamps it before.
    if (write.host === host && write.atMs === this.run.nowMs) return void this.knowing.add(write)
    // The delete itself is held back: it is not obeyed yet.
    if ((table.shadows.get(write.address)?.time ?? Number.NEGATIVE_INFINITY) >= deleted.time) return
    const found = { address: write.address, path: write.path, host, writer: write.author.key, seq: write.seq }
    if (this.returners.ever(space.id).size === 0)
      return this.fail(
        space.id,
        found,
        'though nobody came back late',
        `${host} shows ${write.path} again, whose delete it has had.`
      )
    let list = this.returned.get(space.id)
    if (!list) this.returned.set(space.id, (list = new Map<string, Resurrection>()))
    list.set(write.address, found)
  }

  /**
   * Who comes back late and learns of a delete that all others have had and dropped lets go of what it deleted, as far as they have had
   * that: only what is new to them may come back.
   */
  covered(watched: Watched, author: Author, from: number, to: number): void {
    const { ledger, table, host, space, loading } = watched
    if (loading) return
    for (const deleted of author.between(from, to)) {
      if (deleted.value !== undefined || ledger.voided.has(deleted.address)) continue
      const held = table.peekAddress(deleted.address)
      if (held?.value === undefined || held.time >= deleted.time || table.isExpired(held)) continue
      if (table.shadows.has(deleted.address)) continue
      const others = this.observer.replicas(space.id).filter(other => other !== watched)
      if (others.length === 0 || !others.every(other => hasDropped(other, deleted, held))) continue
      const found = { address: deleted.address, path: deleted.path, host, writer: held.writer.key, seq: held.seq }
      const sentence = `${host} has come back late, and keeps what it had at ${found.path}, which all others have deleted.`
      return this.fail(space.id, found, 'as a late returner keeps it', sentence)
    }
  }

  private noteReport(space: SpaceId, { value }: Register): void {
    const { returned } = (typeof value === 'object' && value !== null ? value : {}) as { returned?: unknown }
    if (!Array.isArray(returned)) return
    let reported = this.reported.get(space)
    if (!reported) this.reported.set(space, (reported = { addresses: new Set(), anyFull: false }))
    for (const address of returned) reported.addresses.add(String(address))
    reported.anyFull ||= returned.length >= listedMax
  }

  private fail(space: SpaceId, { address, path, host, writer, seq }: Resurrection, how: string, sentence: string): void {
    this.run.fail(this, `a deleted register is back, ${how}`, sentence, { space, host, path, address, writer, seq })
  }

  atEnd(): void {
    this.observer.look()
    for (const [space, list] of this.returned)
      for (const found of list.values()) {
        const reported = this.reported.get(space)
        if (reported?.anyFull || reported?.addresses.has(found.address)) continue
        const still = this.observer.replicas(space).some(({ table }) => table.peekAddress(found.address)?.value !== undefined)
        // It was dropped again by the same merge that brought it.
        if (!still) continue
        return this.fail(
          space,
          found,
          'and no heal report says so',
          `${found.path} came back on ${found.host} with a late returner, and no heal report names it.`
        )
      }
    if (this.judged > 0) this.run.pass(this)
    else this.run.unknown(this, 'nothing was written where something had been deleted')
  }
}

/** Whether a replica has had a delete and what it deleted, and holds nothing there any more. */
function hasDropped(other: Watched, deleted: Write, held: Register): boolean {
  const has = (key: WriterKey, seq: number): boolean => (other.table.writers.get(key)?.covered ?? 0) >= seq
  return other.heldTime(deleted.address) === undefined && has(deleted.author.key, deleted.seq) && has(held.writer.key, held.seq)
}

/** The latest delete of what a write says that the replica covers; undefined: it covers none. */
function latestCovered({ ledger, table }: Watched, write: Write): Write | undefined {
  for (const deleted of ledger.deletesSince(write.address, write.time)) {
    const writer = table.writers.get(deleted.author.key)
    if (deleted !== write && deleted.time > write.time && writer && table.covers(writer, deleted.seq)) return deleted
  }
  return undefined
}
