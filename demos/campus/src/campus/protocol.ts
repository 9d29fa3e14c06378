/** What the campus and its processes say to each other: one request at a time by number, and events. */
import type { SiteStatus } from '@selvedge/site'
import type { RelayStatus } from '@selvedge/relay'

/** What a node of a building is started with. */
export interface NodeConfig {
  readonly kind: 'node'
  readonly site: string
  /** Place among the building's nodes, from 0. */
  readonly place: number
  readonly places: number
  readonly dataDir: string
  readonly roster: string
  readonly listen: string
  readonly peers: readonly string[]
  readonly trunkUrl: string
  /** A trend export to replay in place of the simulated plant. */
  readonly trace: string | undefined
}

export interface RelayConfig {
  readonly kind: 'relay'
  readonly dataDir: string
  readonly rosters: string
}

/** Requests that nodes and the relay answer; `site` is for the relay alone. */
export type Request =
  | { readonly op: 'status' }
  | {
      readonly op: 'set'
      readonly site?: string
      readonly space?: string
      readonly writes: readonly Write[]
      readonly durable?: 'local' | 'site' | 'relay'
    }
  | { readonly op: 'get'; readonly site?: string; readonly space?: string; readonly paths: readonly string[] }
  | { readonly op: 'docInsert'; readonly site?: string; readonly id: string; readonly text: string }
  | { readonly op: 'docText'; readonly site?: string; readonly id: string }
  | {
      readonly op: 'configSet'
      readonly site?: string
      readonly id: string
      readonly key: string
      readonly value: string | number
      readonly message: string
    }
  | { readonly op: 'config'; readonly site?: string; readonly id: string }
  | { readonly op: 'heals'; readonly site?: string }
  | { readonly op: 'isolate'; readonly nodes: readonly string[] }
  | { readonly op: 'plant'; readonly running: boolean }
  | { readonly op: 'stop' }

export interface Write {
  readonly path: string
  readonly value: string | number | boolean
}

export interface ConfigView {
  readonly current: Readonly<Record<string, unknown>>
  readonly heads: readonly string[]
  readonly conflicts: number
  readonly changes: number
}

export interface HealView {
  readonly space: string
  readonly by: string
  readonly peer: string
  readonly peerRole: 'node' | 'relay'
  readonly atMs: number
  readonly durationMs: number
  readonly apartMs: number | undefined
  readonly registersReceived: number
  readonly registersSent: number
  readonly conflicts: number
  readonly documents: readonly string[]
  readonly losers: readonly {
    readonly path: string
    readonly lost: unknown
    readonly lostBy: string
    readonly kept: unknown
    readonly keptBy: string
  }[]
}

/** What a node tells twice a second. */
export interface NodeReport {
  readonly status: SiteStatus
  /** Since the process started. */
  readonly writes: number
  readonly loops: number
  /** Milliseconds from a sensor's write on one node to the actuator's on another, the latest ones. */
  readonly loopMs: readonly number[]
  readonly traceRows: number
}

export interface RelayReport {
  readonly status: RelayStatus
}

export type FromChild =
  | { readonly type: 'ready'; readonly node: string; readonly port?: number | undefined }
  | { readonly type: 'report'; readonly report: NodeReport | RelayReport }
  | {
      readonly type: 'answer'
      readonly id: number
      readonly value?: unknown
      readonly error?: { readonly code: string; readonly message: string }
    }
  | { readonly type: 'event'; readonly text: string }

export type ToChild = { readonly id: number; readonly request: Request }
