/** What node and relay offer alike: a load, an errand or a look at a replica need not know which it is. */
import type { AutomergeDocument, YjsDocument } from '@selvedge/documents'
import type { Points, SpaceApi } from '@selvedge/replica'
import type { AnyPointSchema } from '@selvedge/documents'
import type { Heal, Rest, Vitals } from './protocol.js'

export const notesId = 'notes'
export const configId = 'settings'

export interface Served {
  readonly points: Points<AnyPointSchema>
  readonly state: SpaceApi
  readonly configSpace: SpaceApi
  readonly notes: YjsDocument
  readonly config: AutomergeDocument
  /** Parts of {@link Rest} that nodes and relays know from different places. */
  standing(): Pick<Rest, 'hashes' | 'backlog' | 'sessions' | 'trunkSinceMs' | 'caughtUp' | 'alarms' | 'divergences' | 'registers'>
  backlog(): Vitals['backlog']
  storedBytes(): number
  pendingReceipts(): number
  heals(): readonly Heal[]
  close(): Promise<void>
}

/** Sums over `SpaceStatus` and the like. */
export function total<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0)
}
