/** Selvedge: a register table and the session of a trunk, deflated frames and all. Every frame of both directions counts. */
import { ManualClock, nodeId, seededRandom, spaceId, TrustedClock } from '@selvedge/core'
import { hashesEqual, RegisterTable } from '@selvedge/documents'
import { MemberTable, nodeCompressor, Session, type SessionHost, type SessionSpace } from '@selvedge/session'
import type { Engine, EngineKind } from './engine.js'

const id = spaceId('hq/state')

class SelvedgeEngine implements Engine {
  private readonly clock: ManualClock
  private readonly trusted: TrustedClock
  private readonly table: RegisterTable
  private readonly members = new MemberTable()
  private commits = 0

  constructor(
    private readonly name: string,
    private readonly nowMs: () => number,
    private readonly inBatches: boolean
  ) {
    this.clock = new ManualClock(nowMs())
    this.trusted = new TrustedClock(this.clock, 300_000)
    this.table = new RegisterTable({ node: nodeId(name), trusted: this.trusted, random: seededRandom(name.length) })
  }

  private follow(): void {
    this.clock.advance(this.nowMs() - this.clock.wallMs())
  }

  write(points: readonly (readonly [string, number])[]): void {
    this.follow()
    const setAll = (): void => {
      for (const [path, value] of points) this.table.set(path, value)
    }
    // A write alone is no batch.
    if (this.inBatches && points.length > 1) this.table.batch(setAll)
    else setAll()
  }

  get(path: string): number | undefined {
    return this.table.get(path)?.value as number | undefined
  }

  /** What a replica is to its sessions; everything is durable at once, so that acknowledgements are on the wire too. */
  private space(): SessionSpace {
    const { table, members } = this
    const commits = ++this.commits
    return {
      id,
      table,
      members,
      get durable() {
        return { vector: table.vector(), changeIndex: table.changeIndex, version: commits + table.changeIndex }
      },
      admitsMember: () => true,
      merged() {},
      sealed() {},
      conflict() {},
      caughtUp() {},
      diverged: peer => {
        throw new Error(`${this.name} and ${peer} diverged`)
      },
      matched() {}
    }
  }

  meet(other: Engine): number {
    const sides = [this, other as SelvedgeEngine] as const
    for (const side of sides) side.follow()
    const sessions = sides.map((side, i) => {
      const host: SessionHost = {
        wallMs: () => side.clock.wallMs(),
        nowMs: () => side.trusted.nowMs(),
        opened() {},
        heard() {},
        offered: (session, space) => session.refuseSpace(space),
        signal() {},
        wake() {}
      }
      const session = new Session({
        source: 1,
        peer: { node: nodeId(sides[1 - i]!.name), role: 'node' },
        host,
        compressor: nodeCompressor,
        keepaliveMs: 2_000,
        timeoutMs: 8_000
      })
      session.addSpace(side.space())
      session.start(0)
      return session
    })
    let bytes = 0
    for (let moved = true, nowMs = 0; moved; nowMs += 50) {
      moved = false
      for (const [i, session] of sessions.entries())
        for (let frame = session.poll(nowMs); frame; frame = session.poll(nowMs)) {
          moved = true
          bytes += frame.length
          sessions[1 - i]!.receive(frame, nowMs)
        }
    }
    for (const session of sessions) if (session.closeReason) throw new Error(session.closeReason.message)
    if (!hashesEqual(sides[0].table.hash(), sides[1].table.hash())) throw new Error('the replicas differ')
    return bytes
  }
}

/** As a driver writes what it polls: each point for itself. */
export const selvedge: EngineKind = { name: 'selvedge', open: (replica, nowMs) => new SelvedgeEngine(replica, nowMs, false) }

/** What is written together is seen together, everywhere: for points that depend on each other. */
export const selvedgeInBatches: EngineKind = {
  name: 'ours, each poll a batch',
  open: (replica, nowMs) => new SelvedgeEngine(replica, nowMs, true)
}
