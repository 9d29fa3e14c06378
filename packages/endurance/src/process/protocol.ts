/** What the parent asks of a process of the building, and what the process tells by itself. Values cross as structured clones. */
import type { ReplicaTiming } from '@selvedge/replica'
import type { DurabilityLevel } from '@selvedge/replica'

/** A process is told by its environment what to be. */
export interface ProcessConfig {
  readonly kind: 'node' | 'relay'
  readonly name: string
  readonly site: string
  readonly dataDir: string
  /** A node's roster, a relay's list of rosters. */
  readonly roster: string
  /** A node: the port of its mesh; a relay: where it takes trunks. */
  readonly port: number
  /** Ports of the other nodes' meshes. */
  readonly peerPorts: readonly number[]
  readonly trunkPort: number
  readonly timing: Partial<ReplicaTiming>
  readonly election: ElectionTimes
}

/** Waiting times of the trunk's election that a run may shorten. */
export interface ElectionTimes {
  readonly settleMs?: number
  readonly deltaMs?: number
  readonly dialTimeoutMs?: number
  readonly backoffMaxMs?: number
}

/** Writes that a process makes by itself: points of its own, points that it shares with everybody, overrides that expire. */
export interface LoadOptions {
  readonly perSecond: number
  /** Points that only this process writes: their values rise. */
  readonly ownPoints: number
  /** Points that every process writes. */
  readonly sharedPoints: number
  /** Part of the writes that go to shared points, 0 to 1. */
  readonly sharedShare: number
  /** The first value; the next are larger. */
  readonly base: number
  /** Await the receipt of one write in so many. */
  readonly receiptEvery: number
  /** What is awaited, in turn. */
  readonly levels: readonly DurabilityLevel[]
  readonly seed: number
}

/** When a write was made, and by whom: of two writes in one instant the one of the greater writer stands. */
export interface Stamp {
  readonly time: number
  /** The writer's key. */
  readonly writer: string
}

/** A write as its writer knows it. */
export interface Written extends Stamp {
  readonly path: string
  readonly value: number | string
}

/** A receipt of a write resolved. */
export interface Acknowledged extends Written {
  readonly level: DurabilityLevel
}

export interface LoadSummary {
  readonly writes: number
  /** The last write of this process to each of its own points, and to each shared point. */
  readonly last: readonly Written[]
}

/** One act that the parent orders and keeps book of. */
export type Errand =
  | { readonly kind: 'set' | 'delete'; readonly path: string; readonly value: number }
  | { readonly kind: 'add' | 'remove'; readonly path: string; readonly value: string }
  | { readonly kind: 'increment'; readonly path: string; readonly id: string | undefined }
  | { readonly kind: 'note'; readonly key: string; readonly value: number; readonly token: string | undefined }
  | { readonly kind: 'config'; readonly key: string; readonly value: number }

/** What a replica says it holds, for those who compare. */
export interface View {
  /** Live plain points of the runs: value and stamp. */
  readonly points: ReadonlyMap<string, Stamp & { readonly value: unknown }>
  readonly counters: ReadonlyMap<string, number>
  readonly sets: ReadonlyMap<string, readonly string[]>
  /** The shared document: its map, and its list of tokens. */
  readonly notes: Readonly<Record<string, unknown>>
  readonly tokens: readonly string[]
  readonly config: Readonly<Record<string, unknown>>
  /** Overrides in force. */
  readonly overrides: number
}

/** A short form of all that must be equal, and of what must be zero, at rest. */
export interface Rest {
  readonly hashes: Readonly<Record<string, string>>
  /** Digests of the content of documents. */
  readonly documents: string
  /** Changes not sent to a peer yet, registers not known to be durable beyond the trunk, changes not on disk. */
  readonly backlog: number
  /** Receipts asked for and not resolved. */
  readonly receipts: number
  /** A node: sessions with other nodes. A relay: 1 while the site's trunk has caught up. */
  readonly sessions: number
  /** A relay: when the session of the trunk that stands began. */
  readonly trunkSinceMs: number | undefined
  readonly caughtUp: boolean
  readonly alarms: readonly string[]
  readonly divergences: number
  readonly registers: number
  /** Conflicts that this process has recorded, those that its ring has forgotten too. */
  readonly conflicts: number
}

export interface Heal {
  readonly by: string
  readonly peerRole: 'node' | 'relay'
  readonly atMs: number
  readonly registersReceived: number
  readonly registersApplied: number
  readonly registersSent: number
  readonly conflicts: number
  readonly loserPaths: readonly string[]
}

/** A sample of a process. */
export interface Vitals {
  readonly heapBytes: number
  /** What is left after a collection; undefined: none was asked for. */
  readonly floorBytes: number | undefined
  readonly rssBytes: number
  /** Open file descriptors; undefined: the system does not tell. */
  readonly descriptors: number | undefined
  /** Changes not sent yet, by peer. */
  readonly backlog: Readonly<Record<string, number>>
  readonly loopDelayP99Ms: number
  /** Of one core, since the last sample. */
  readonly cpuShare: number
  readonly writes: number
  /** Bytes of the logs of registers on disk, as the runtime counts them: what LevelDB keeps besides is its own. */
  readonly storedBytes: number
}

/** What may be asked, with its argument and its answer. */
export interface Requests {
  load: { argument: LoadOptions; answer: void }
  /** Ends the load; resolves at once. */
  rest: { argument: undefined; answer: LoadSummary }
  /** Resolves when the act is durable at the level. */
  errand: { argument: { readonly errand: Errand; readonly level: DurabilityLevel }; answer: void }
  view: { argument: undefined; answer: View }
  state: { argument: undefined; answer: Rest }
  heals: { argument: undefined; answer: readonly Heal[] }
  vitals: { argument: { readonly collect: boolean }; answer: Vitals }
  stop: { argument: undefined; answer: void }
}

export type RequestName = keyof Requests

export interface ToProcess {
  readonly id: number
  readonly name: RequestName
  readonly argument: unknown
}

export type FromProcess =
  | { readonly type: 'ready' }
  | { readonly type: 'acknowledged'; readonly writes: readonly Acknowledged[] }
  | { readonly type: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string }
