/**
 * Late returners: replicas that lack what is below another's GC floor, so that they may hold what was deleted while they were away. From
 * the moment that one is seen until the replicas of the space are equal again, a space may hold unequal tables of equal coverage (I6).
 */
import type { SpaceId } from '@selvedge/core'
import type { WriterKey } from '@selvedge/documents'
import type { Run } from '../run.js'
import { observerOf, type Observer, type Watched, type Witness } from './observer.js'

/** Floors are compared with what is covered this often, beside whenever tombstones are seen to leave a table; of quick collections oftener. */
const lookEveryMs = 5_000
const looksPerCollection = 4
/** Equal for this long, replicas have nothing under way any more of what a returner brought. */
const settlesMs = 5_000

interface Returning {
  readonly floors: Map<WriterKey, number>
  readonly hosts: Set<string>
  /** Machines that were returners at any time. */
  readonly ever: Set<string>
  lookAtMs: number
  /** Since when its replicas were seen to be equal; undefined: they are not. */
  equalSinceMs: number | undefined
}

const known = new WeakMap<Run, Returners>()

export function returnersOf(run: Run): Returners {
  let returners = known.get(run)
  if (!returners) known.set(run, (returners = new Returners(run, observerOf(run))))
  return returners
}

export class Returners implements Witness {
  private readonly spaces = new Map<SpaceId, Returning>()
  private readonly tombstones = new WeakMap<Watched, number>()

  constructor(
    private readonly run: Run,
    private readonly observer: Observer
  ) {
    observer.join(this)
  }

  /** Whether a returner of the space may still be compared. */
  isActive(space: SpaceId): boolean {
    return this.of(space).hosts.size > 0
  }

  /** Machines that came back late at any time. */
  ever(space: SpaceId): ReadonlySet<string> {
    return this.of(space).ever
  }

  /** All replicas of the space are equal: whoever was late has returned, if they stay so. */
  settled(space: SpaceId): void {
    const returning = this.of(space)
    if (returning.hosts.size === 0) return
    returning.equalSinceMs ??= this.run.nowMs
    if (this.run.nowMs < returning.equalSinceMs + settlesMs) return
    returning.hosts.clear()
    this.look(space)
  }

  /** Two replicas that have had the same are not equal. */
  differs(space: SpaceId): void {
    this.of(space).equalSinceMs = undefined
  }

  booted(watched: Watched): void {
    this.look(watched.space.id)
  }

  moved(watched: Watched): void {
    const { table, space } = watched
    const before = this.tombstones.get(watched) ?? 0
    this.tombstones.set(watched, table.tombstones.size)
    if (table.tombstones.size < before || this.run.nowMs >= this.of(space.id).lookAtMs) this.look(space.id)
  }

  private of(space: SpaceId): Returning {
    let returning = this.spaces.get(space)
    if (!returning)
      this.spaces.set(
        space,
        (returning = { floors: new Map(), hosts: new Set(), ever: new Set(), lookAtMs: 0, equalSinceMs: undefined })
      )
    return returning
  }

  private look(space: SpaceId): void {
    const returning = this.of(space)
    const { floors, hosts, ever } = returning
    const { gcIntervalMs = Infinity } = this.run.world.options.siteOptions?.timing ?? {}
    returning.lookAtMs = this.run.nowMs + Math.min(lookEveryMs, gcIntervalMs / looksPerCollection)
    const replicas = this.observer.replicas(space)
    for (const { table } of replicas)
      for (const { key, floor } of table.writers.values()) if (floor > (floors.get(key) ?? 0)) floors.set(key, floor)
    if (floors.size === 0) return
    for (const watched of replicas) {
      if (hosts.has(watched.host) || !isBelow(watched, floors)) continue
      hosts.add(watched.host)
      returning.equalSinceMs = undefined
      ever.add(watched.host)
    }
  }
}

function isBelow({ table, ledger }: Watched, floors: ReadonlyMap<WriterKey, number>): boolean {
  if (table.size === 0) return false
  const isClosed = (key: WriterKey): boolean => {
    const author = ledger.authors.get(key)
    return author !== undefined && (table.closed.get(author.node) ?? Number.NEGATIVE_INFINITY) >= author.createdAt
  }
  for (const [key, floor] of floors) {
    const writer = table.writers.get(key)
    if (writer ? !table.covers(writer, floor) : !isClosed(key)) return true
  }
  return false
}
