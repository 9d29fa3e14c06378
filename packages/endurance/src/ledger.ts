/**
 * What was acknowledged, as those outside of the processes heard it, and the question that every run asks in the end: is it there?
 * There means: that write, or a newer one of the same point. Own points have one writer whose values rise; of shared points the
 * greater stamp is the newer.
 */
import type { DurabilityLevel } from '@selvedge/replica'
import type { Acknowledged, Stamp, View, Written } from './process/protocol.js'

/** Something acknowledged that a replica does not have. */
export interface Missing {
  readonly replica: string
  readonly path: string
  readonly acknowledged: unknown
  readonly level: DurabilityLevel
  readonly by: string
  readonly found: unknown
}

interface Promised extends Written {
  readonly by: string
  readonly level: DurabilityLevel
}

const levels: readonly DurabilityLevel[] = ['local', 'site', 'relay']

export class Ledger {
  private readonly promised: Record<DurabilityLevel, Map<string, Promised>> = {
    local: new Map(),
    site: new Map(),
    relay: new Map()
  }
  private heard = 0

  /** Receipts that were heard of. */
  get receipts(): number {
    return this.heard
  }

  note(by: string, writes: readonly Acknowledged[]): void {
    this.heard += writes.length
    for (const write of writes) {
      const known = this.promised[write.level].get(write.path)
      if (!known || isNewer(write, known)) this.promised[write.level].set(write.path, { ...write, by })
    }
  }

  /** What a replica lacks; with `only` those promises alone that it says yes to. */
  missing(
    replica: string,
    view: View,
    only: (promise: { by: string; level: DurabilityLevel }) => boolean = () => true
  ): Missing[] {
    const missing: Missing[] = []
    for (const level of levels)
      for (const promise of this.promised[level].values())
        if (only(promise) && !holds(view, promise))
          missing.push({
            replica,
            path: promise.path,
            acknowledged: promise.value,
            level,
            by: promise.by,
            found: view.points.get(promise.path)?.value
          })
    return missing
  }

  /** Each promise that none of several replicas keeps. */
  missingFromAll(
    views: ReadonlyMap<string, View>,
    only: (promise: { by: string; level: DurabilityLevel }) => boolean
  ): Missing[] {
    const [first, ...others] = [...views].map(([name, view]) => this.missing(name, view, only))
    const missingThere = others.map(list => new Set(list.map(({ level, path }) => `${level} ${path}`)))
    return (first ?? []).filter(({ level, path }) => missingThere.every(there => there.has(`${level} ${path}`)))
  }
}

/** Whether a replica has a write, or one that is newer. */
export function holds(view: View, write: Written): boolean {
  const found = view.points.get(write.path)
  if (!found) return false
  if (typeof write.value === 'number') return typeof found.value === 'number' && found.value >= write.value
  return isLater(found, write) || (found.time === write.time && found.writer === write.writer && found.value === write.value)
}

/** Of the last writes that several processes made, the one that must stand at each path. */
export function winners(summaries: Iterable<readonly Written[]>): Map<string, Written> {
  const winning = new Map<string, Written>()
  for (const last of summaries)
    for (const write of last) {
      const known = winning.get(write.path)
      if (!known || isNewer(write, known)) winning.set(write.path, write)
    }
  return winning
}

function isNewer(write: Written, known: Written): boolean {
  return typeof write.value === 'number' && typeof known.value === 'number' ? write.value > known.value : isLater(write, known)
}

function isLater(a: Stamp, b: Stamp): boolean {
  return a.time !== b.time ? a.time > b.time : a.writer > b.writer
}
