/**
 * Every conflict that happened is recorded (I8): wherever a merge put another node's write in the place of one that its writer had not
 * covered, the loser stands in a conflict log of the space, and is counted in the heal report if it came in a merge after a cut.
 */
import type { SpaceId } from '@selvedge/core'
import { isSystemPath, valuesMatch, type Register, type VersionVector } from '@selvedge/documents'
import { conflictsKept } from '@selvedge/replica'
import type { Session } from '@selvedge/session'
import type { Run } from '../run.js'
import type { Check, HappenedEvent } from './check.js'
import { observerOf, type Observer, type Watched, type Witness } from './observer.js'
import { returnersOf, type Returners } from './returners.js'
import { isOneWrite, type Write } from './space-ledger.js'
import { peersOf } from './views.js'

const lookEveryMs = 500

interface Lost {
  readonly loser: Write
  readonly winner: Write
  readonly host: string
  readonly atMs: number
  /** It was lost in a catch-up: the machine at the other end. */
  readonly catchUpWith: string | undefined
}

export class ConflictsRecorded implements Check, Witness {
  readonly name = 'conflicts-recorded'
  private run!: Run
  private observer!: Observer
  private returners!: Returners
  /** What its node had covered when it made a write. */
  private readonly contexts = new WeakMap<Write, VersionVector>()
  private readonly lost = new Map<SpaceId, Map<Write, Lost>>()
  /** Sessions, and a time at which they had not begun. */
  private readonly sinceMs = new WeakMap<Session, number>()
  private lookedAtMs = 0

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.returners = returnersOf(run)
    this.observer.join(this)
  }

  afterEvent(event?: HappenedEvent): void {
    this.observer.look(event?.actor)
    if (this.run.nowMs < this.lookedAtMs + lookEveryMs) return
    for (const machine of this.observer.machines)
      for (const { session } of peersOf(machine)) if (!this.sinceMs.has(session)) this.sinceMs.set(session, this.lookedAtMs)
    this.lookedAtMs = this.run.nowMs
  }

  changed(watched: Watched, register: Register, write: Write, before: Write | undefined): void {
    if (watched.loading || isSystemPath(register.path)) return
    if (register.source === 0) {
      if (write.host === watched.host && write.atMs === this.run.nowMs) this.contexts.set(write, watched.table.vector())
      return
    }
    // With a late returner comes what lost against deletes that are gone: such a return is in the report, the conflict nowhere.
    if (this.returners.isActive(watched.space.id)) return
    if (!before || register.shadow || isOneWrite(write, before) || before.author.node === write.author.node) return
    if (valuesMatch(before.value, write.value) || before.expiresAtMs !== 0 || before.time > write.time) return
    const context = this.contexts.get(write)
    if (!context || (context.seqs.get(before.author.key) ?? 0) >= before.seq || context.closed.has(before.author.node)) return
    let list = this.lost.get(watched.space.id)
    if (!list) this.lost.set(watched.space.id, (list = new Map<Write, Lost>()))
    if (list.has(before)) return
    const peer = peersOf(watched.machine).find(({ session }) => session.source === register.source)
    // What was written before the session began came in its catch-up.
    const sinceMs = peer && (this.sinceMs.get(peer.session) ?? this.lookedAtMs)
    const isOld = sinceMs !== undefined && before.atMs < sinceMs && write.atMs < sinceMs
    list.set(before, {
      loser: before,
      winner: write,
      host: watched.host,
      atMs: this.run.nowMs,
      catchUpWith: isOld ? peer?.node : undefined
    })
  }

  atEnd(): void {
    this.observer.look()
    let judged = 0
    for (const [space, list] of this.lost) {
      const replicas = this.observer.replicas(space)
      if (replicas.length === 0 || this.run.phase !== 'settled') continue
      judged += list.size
      if (!this.judge(replicas[0]!, [...list.values()])) return
    }
    if (judged > 0) this.run.pass(this)
    else this.run.unknown(this, 'no two writes were in conflict')
  }

  private judge(watched: Watched, lost: readonly Lost[]): boolean {
    const { space, host } = watched
    const records = space.conflicts.newest()
    const named = new Set(records.map(({ path, slot, loser }) => nameOf(path, slot, loser.time, loser.writer)))
    // A ring that is full has dropped its oldest.
    const full = records.length >= conflictsKept
    for (const one of lost) {
      const { loser } = one
      if (full || named.has(nameOf(loser.path, loser.slot, loser.time, loser.author.key))) continue
      return this.fail(
        watched,
        one,
        'not in the log',
        `A write of ${loser.path} on ${loser.host} lost against one that did not know of it, and no conflict log names it.`
      )
    }
    const reports = space.healReports()
    const inCatchUp = lost.filter(({ catchUpWith }) => catchUpWith !== undefined)
    for (const one of inCatchUp) {
      const { atMs } = one
      const by = this.observer.machines.find(({ name }) => name === one.host)!.node
      const sinceMs = this.run.world.epochMs + atMs
      const counted = reports.some(report => {
        if (!isBetween(report.by, report.peer, by, one.catchUpWith!)) return false
        return report.conflicts > 0 && Math.abs(report.atMs + report.durationMs - sinceMs) < 600_000
      })
      // Reports are kept in a ring too.
      if (counted || reports.length >= 32) continue
      // The other end of the merge may have recorded the same loser first, in another session.
      if (
        records.some(
          ({ loser, path, slot }) =>
            nameOf(path, slot, loser.time, loser.writer) ===
              nameOf(one.loser.path, one.loser.slot, one.loser.time, one.loser.author.key) &&
            reports.some(({ conflicts }) => conflicts > 0)
        )
      )
        continue
      return this.fail(
        watched,
        one,
        'in no heal report',
        `A conflict at ${one.loser.path} that ${host} met after a cut is counted in no heal report.`
      )
    }
    return true
  }

  private fail({ space, host }: Watched, { loser, winner, host: at, atMs }: Lost, how: string, sentence: string): false {
    this.run.fail(this, `a conflict ${how}`, sentence, {
      space: space.id,
      host,
      lostAt: at,
      atMs,
      path: loser.path,
      slot: loser.slot,
      loser: { writer: loser.author.key, seq: loser.seq, time: loser.time },
      winner: { writer: winner.author.key, seq: winner.seq, time: winner.time }
    })
    return false
  }
}

// By time and node: a loser may have been given another dot before it lost.
function nameOf(path: string, slot: string, time: number, writer: string): string {
  return `${path}\u0000${slot}\u0000${time}\u0000${writer.slice(0, writer.indexOf('~'))}`
}

function isBetween(by: string, peer: string, one: string, other: string): boolean {
  return (by === one && peer === other) || (by === other && peer === one)
}
