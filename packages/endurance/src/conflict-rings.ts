/** Conflicts are kept in a ring of each process: until it is full it grows. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Building } from './building.js'
import type { Running } from './verdict.js'

/** Few, so that writes of several processes meet. */
const contestedPoints = 30
const withinMs = 300_000

export interface RingOptions extends Pick<Running, 'progress' | 'signal'> {
  /** Conflicts that each process records: a ring keeps 1,000. */
  readonly conflicts: number
  /** Writes a second, of all processes together. */
  readonly rate: number
  readonly seed: number
}

/**
 * All processes write the same few points at once until every ring is full, so that what grows afterwards grows. Gives how many
 * writes it took.
 * @throws Error when it takes longer than five minutes, or a process ends
 */
export async function fillConflictRings(building: Building, options: RingOptions): Promise<number> {
  const { all } = building
  await Promise.all(
    all.map((each, i) =>
      each.ask('load', {
        perSecond: options.rate / all.length,
        ownPoints: 1,
        sharedPoints: contestedPoints,
        sharedShare: 1,
        base: 1,
        receiptEvery: Number.MAX_SAFE_INTEGER,
        levels: ['local'],
        seed: options.seed - 1 - i
      })
    )
  )
  const startedMs = performance.now()
  for (let least = 0; least < options.conflicts && !options.signal.aborted;) {
    if (building.unexpected !== undefined) throw new Error(building.unexpected)
    if (performance.now() - startedMs > withinMs) throw new Error(`only ${least} conflicts came of ${options.conflicts}`)
    await wait(250, undefined, { signal: options.signal }).catch(() => undefined)
    const states = await Promise.all(all.map(each => each.ask('state')))
    least = Math.min(...states.map(({ conflicts }) => conflicts))
    options.progress(`filling the rings of conflicts: ${least} of ${options.conflicts}`)
  }
  const summaries = await Promise.all(all.map(each => each.ask('rest')))
  return summaries.reduce((sum, { writes }) => sum + writes, 0)
}
