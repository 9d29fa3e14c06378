/** Engines that can hold the points of a building, behind one small interface, so that one workload can be put to all of them. */
import { deflateRawSync } from 'node:zlib'

/** One replica. */
export interface Engine {
  /** Writes what a driver has polled, in one transaction where that is the engine's cheapest way. */
  write(points: readonly (readonly [path: string, value: number])[]): void
  get(path: string): number | undefined
  /** Synchronises with another replica of the same kind by the engine's own protocol until both hold the same: the bytes of it. */
  meet(other: Engine): number | Promise<number>
  /** The bytes of a full copy without history, where the engine can leave it out. */
  copyWithoutHistory?(): number
}

export interface EngineKind {
  readonly name: string
  /** An empty replica; stamps, where the engine has any, are of this clock. */
  open(replica: string, nowMs: () => number): Engine
}

/** What a message takes on a wire that deflates each message by itself, as `permessage-deflate` without a shared window does. */
export function wireBytes(message: Uint8Array | string): number {
  const bytes = typeof message === 'string' ? Buffer.from(message) : message
  return Math.min(bytes.length, deflateRawSync(bytes, { level: 6 }).length)
}
