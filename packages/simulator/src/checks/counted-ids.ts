/**
 * How often an increment with an id counts. Once, as long as the id is remembered: its slot holds it for a day, then the node that wrote
 * the slot folds it into its own, and the tombstone that this leaves says that it was counted. An id that comes again when nobody
 * remembers it counts again, and rightly so; one that was folded twice, too early, or is applied anew by who still knows of it does not.
 */
import { hlcToMs } from '@selvedge/core'
import type { Register } from '@selvedge/documents'
import type { Watched } from './observer.js'
import { isOneWrite, type Write } from './space-ledger.js'

const idMark = '#'
/** How long an id is remembered at least, and how much a stamp may lag behind the time at which it was made. */
const rememberedMs = 86_400_000
const slackMs = 2

interface Fold {
  /** The increment, as it stood in its slot. */
  readonly applied: Write
  /** The delete that took its place, in one batch with what it adds to the slot of its writer. */
  readonly fold: Write
}

export class CountedIds {
  /** Address of an id → its folds. */
  private readonly folds = new Map<string, Fold[]>()

  /** A node wrote a register; gives what is wrong with that. */
  written({ table }: Watched, register: Register, write: Write, before: Write | undefined): string | undefined {
    if (!register.slot.startsWith(idMark) || before === undefined) return undefined
    if (typeof register.value === 'number' && before.value === undefined) {
      const writer = table.writers.get(before.author.key)
      const isCollected = !writer || writer.floor >= before.seq || table.isClosed(writer)
      return isCollected ? undefined : 'applied anew by a node that remembers it'
    }
    if (register.value !== undefined || typeof before.value !== 'number') return undefined
    let folds = this.folds.get(write.address)
    if (!folds) this.folds.set(write.address, (folds = []))
    folds.push({ applied: before, fold: write })
    const afterMs = hlcToMs(write.time) - hlcToMs(before.time)
    return afterMs >= rememberedMs - slackMs ? undefined : 'folded before its day is over'
  }

  /**
   * How often the replica counts an id; a sentence when that is more than it may.
   */
  count(watched: Watched, path: string, id: string): { readonly times: number; readonly wrong?: string } {
    const { table, ledger } = watched
    const slot = idMark + id
    const address = `${path}\u0000${slot}`
    const live = table.get(path, slot) === undefined ? 0 : 1
    const folds = (this.folds.get(address) ?? []).filter(({ fold }) => isFoldedIn(watched, path, fold))
    const times = Math.max(live + folds.length, ledger.wasDeleted(address) ? 1 : 0)
    const twice = folds.some(({ applied }, i) => folds.slice(i + 1).some(other => isOneWrite(applied, other.applied)))
    return twice ? { times, wrong: 'folded twice' } : { times }
  }
}

/** Whether the slot of who folded has what the fold added. */
function isFoldedIn({ table }: Watched, path: string, { author, time }: Write): boolean {
  const slot = table.peek(path, author.key)
  return slot !== undefined && slot.time >= time
}
