/** One side of a session, without a process around it: a real table and a real session, frames handed over by hand. */
import { nodeId, spaceId, type NodeId, type SpaceId } from '@selvedge/core'
import type { RegisterTable } from '@selvedge/documents'
import { defaultTuning, MemberTable, Session, type DurableState, type SessionSpace } from '@selvedge/session'
import { nodeCompressor } from '@selvedge/session'
import { wallMs } from './sample-values.js'

export const sessionSpace = spaceId('hq/state')

export class FuzzedSpace implements SessionSpace {
  readonly id: SpaceId = sessionSpace
  readonly members = new MemberTable()
  /** Bytes that came for documents. */
  documentBytes = 0
  private commits = 1

  constructor(readonly table: RegisterTable) {}

  /** As though everything were on disk at once. */
  get durable(): DurableState {
    return { vector: this.table.vector(), changeIndex: this.table.changeIndex, version: this.commits }
  }
  commit(): void {
    this.commits++
  }
  openDocuments(): ReturnType<NonNullable<SessionSpace['openDocuments']>> {
    return { receive: message => void (this.documentBytes += message.length), next: () => undefined, close: () => {} }
  }
  admitsMember(node: NodeId): boolean {
    return node !== 'stranger'
  }
  merged(): void {}
  sealed(): void {}
  conflict(): void {}
  caughtUp(): void {}
  diverged(): void {}
  matched(): void {}
}

export interface Side {
  readonly space: FuzzedSpace
  readonly session: Session
  /** Signals that came, and whether any clock was heard. */
  readonly signals: string[]
}

export interface SideOptions {
  /** Number of the session: no two of one table have the same. */
  readonly source?: number
  readonly peer: string
  readonly role?: 'node' | 'relay'
  readonly deflates?: boolean
}

export function openSide(table: RegisterTable, { peer, source = 1, role = 'node', deflates = false }: SideOptions): Side {
  const space = new FuzzedSpace(table)
  const signals: string[] = []
  const session = new Session({
    source,
    peer: { node: nodeId(peer), role },
    host: {
      wallMs: () => wallMs,
      nowMs: () => wallMs,
      opened() {},
      heard: (of, peerWallMs) => table.trusted.heard(of, peerWallMs),
      offered: (of, offered) => of.refuseSpace(offered),
      signal: (_, topic) => void signals.push(topic),
      wake() {}
    },
    ...(deflates ? { compressor: nodeCompressor } : {}),
    keepaliveMs: 500,
    timeoutMs: 1e12,
    tuning: {
      ...defaultTuning,
      ...{ registersFrameBytes: 120, liveRegistersMax: 4, haveRunsPerFrame: 2 },
      ...{ patienceMs: 0, heardSealMs: 0, ackIntervalMs: 0, membersIntervalMs: 0, heardMembersIntervalMs: 0 }
    }
  })
  session.addSpace(space)
  session.start(0)
  return { space, session, signals }
}

/** Frames that a side has to send now; at most `max`. */
export function drain({ session }: Side, now: number, max: number): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let frame = session.poll(now); frame; frame = session.poll(now)) {
    frames.push(frame)
    if (frames.length >= max) break
  }
  return frames
}

/** Lets two sides talk until neither has anything to say, nor will have; gives what the second one sent. */
export function talk(a: Side, b: Side, now: number): Uint8Array[] {
  const sent: Uint8Array[] = []
  for (let at = now, quiet = 0; at < now + 5_000; at++) {
    const fromA = drain(a, at, 1_000)
    for (const frame of fromA) b.session.receive(frame, at)
    const fromB = drain(b, at, 1_000)
    for (const frame of fromB) a.session.receive(frame, at)
    sent.push(...fromB)
    const waits = [a, b].some(({ session }) => session.pollAgainInMs(at) !== undefined)
    // What fell due behind one's back is seen in the next round.
    quiet = fromA.length === 0 && fromB.length === 0 && !waits ? quiet + 1 : 0
    if (quiet === 2) return sent
  }
  throw new Error('two sides do not come to rest')
}
