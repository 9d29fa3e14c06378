/**
 * Every conflict that happened is recorded (I8): wherever a merge put another node's write in the place of one that its writer had not
 * covered, the loser stands in a conflict log of the space, and is counted in the heal report if it came in a merge after a cut.
 */
import type { SpaceId } from '@selvedge/core'
import { isSystemPath, valuesMatch, type Register, type VersionVector } from '@selvedge/documents'
import { conflictPrefix, conflictsKept, type ConflictRecord } from '@selvedge/replica'
import type { Session } from '@selvedge/session'
import type { Run } from '../run.js'
import type { Check } from './check.js'
import { observerOf, type Observer, type Watched, type Witness } from './observer.js'
import { returnersOf, type Returners } from './returners.js'
import { isOneWrite, type Author, type Write } from './space-ledger.js'
import { peersOf } from './views.js'

const lookEveryMs = 500
/** As heal-reports.ts keeps them, a recorder. */
const healReportsKept = 32

/** What a node knew when it made a write. */
interface Context {
  readonly covered: VersionVector
  /** What it put the write in the place of: it may hold that without covering it, as a seal comes later. */
  readonly over: Write | undefined
}

/** When a session began: not by the one time, and by the other. */
interface Begun {
  readonly afterMs: number
  readonly byMs: number
}

interface Lost {
  readonly loser: Write
  readonly winner: Write
  readonly host: string
  /** The session in which the winner came. */
  readonly source: number
  readonly atMs: number
  /** It was lost in a catch-up. */
  readonly inCatchUp: boolean
}

export class ConflictsRecorded implements Check, Witness {
  readonly name = 'conflicts-recorded'
  private run!: Run
  private observer!: Observer
  private returners!: Returners
  private readonly contexts = new WeakMap<Write, Context>()
  private readonly lost = new Map<SpaceId, Map<Write, Lost>>()
  /** Losers of which a seal told that the winner's writer had not known of them. */
  private readonly told = new WeakSet<Write>()
  /** Losers that a log named while both writers were in touch. */
  private readonly recordedLive = new Set<string>()
  /** Who recorded a loser, and when. */
  private readonly recorders = new Map<string, { readonly host: string; readonly atMs: number }[]>()
  private readonly begun = new WeakMap<Session, Begun>()
  private lookedAtMs = 0

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.returners = returnersOf(run)
    this.observer.join(this)
  }

  afterEvent(): void {
    if (this.run.nowMs < this.lookedAtMs + lookEveryMs) return
    for (const machine of this.observer.machines)
      for (const { session } of peersOf(machine))
        if (!this.begun.has(session)) this.begun.set(session, { afterMs: this.lookedAtMs, byMs: this.run.nowMs })
    this.lookedAtMs = this.run.nowMs
  }

  changed(watched: Watched, register: Register, write: Write, before: Write | undefined): void {
    if (register.path.startsWith(conflictPrefix)) return this.noteRecord(watched, register)
    if (watched.loading || isSystemPath(register.path)) return
    if (register.source === 0) {
      if (write.host === watched.host && write.atMs === this.run.nowMs)
        this.contexts.set(write, { covered: watched.table.vector(), over: before })
      return
    }
    // With a late returner comes what lost against deletes that are gone: such a return is in the report, the conflict nowhere.
    if (this.returners.isActive(watched.space.id)) return
    if (!before || register.shadow || isOneWrite(write, before) || before.author.node === write.author.node) return
    if (valuesMatch(before.value, write.value) || before.expiresAtMs !== 0 || before.time > write.time) return
    if (!this.contexts.has(write) || this.knew(write, before) || this.lostToItsLike(write, before)) return
    // A delete that had been collected was no longer there to lose.
    if (before.value === undefined && (watched.table.writers.get(before.author.key)?.floor ?? 0) >= before.seq) return
    let list = this.lost.get(watched.space.id)
    if (!list) this.lost.set(watched.space.id, (list = new Map<Write, Lost>()))
    if (list.has(before)) return
    const peer = peersOf(watched.machine).find(({ session }) => session.source === register.source)
    // What was written before the session began came in its catch-up.
    const sinceMs = peer && (this.begun.get(peer.session)?.afterMs ?? this.lookedAtMs)
    const isOld = sinceMs !== undefined && before.atMs < sinceMs && write.atMs < sinceMs
    const firstMs = Math.min(before.atMs, write.atMs)
    list.set(before, {
      loser: before,
      winner: write,
      host: watched.host,
      source: register.source,
      atMs: this.run.nowMs,
      inCatchUp: isOld && !this.wereInTouch(before.host, write.host, firstMs) && !this.recordedLive.has(nameOfWrite(before))
    })
  }

  /**
   * A conflict is one of writes of which neither side covered the other's when the sender sealed (I8). What came ahead of its seal is
   * judged by that: if it tells of the loser, which may have come there meanwhile, nobody can say whether the winner's writer knew it.
   * Where the session has ended before, the seals of others may tell. What came with a seal that tells of the loser has met it at the
   * other end.
   */
  covered({ table, machine, space, host }: Watched, author: Author, from: number, to: number): void {
    for (const { winner, loser, source, atMs, host: at } of this.lost.get(space.id)?.values() ?? []) {
      if (at !== host || winner.author !== author || winner.seq <= from || winner.seq > to) continue
      const [won, lost] = [winner, loser].map(write => table.writers.get(write.author.key))
      if (!won || !lost) continue
      const peers = peersOf(machine)
      const sender = peers.find(({ session }) => session.source === source)
      for (const { session } of sender ? [sender] : peers) {
        const said = session.link(space.id)?.receiver['link'].said
        // Another session's seal may have come first.
        if (!said?.covers(won, winner.seq)) continue
        if (atMs === this.run.nowMs || !said.covers(lost, loser.seq)) this.told.add(loser)
      }
    }
  }

  // Another replica, which had the winner first, may record a conflict as it happens: no merge after a cut is to count it.
  private noteRecord({ ledger, host }: Watched, { value, source }: Register): void {
    const { path, slot, loser, winner } = (typeof value === 'object' && value !== null ? value : {}) as Partial<ConflictRecord>
    if (path === undefined || slot === undefined || !loser || !winner) return
    if (source === 0) {
      const name = nameOf(path, slot, loser.time, loser.writer)
      this.recorders.set(name, [...(this.recorders.get(name) ?? []), { host, atMs: this.run.nowMs }])
    }
    const [lost, won] = [loser, winner].map(({ writer, seq }) => ledger.find(writer, seq))
    if (lost && won && this.wereInTouch(lost.host, won.host, Math.min(lost.atMs, won.atMs)))
      this.recordedLive.add(nameOf(path, slot, loser.time, loser.writer))
  }

  /** Whether sessions that were there before join two machines: where they do, a conflict is judged as it happens. */
  private wereInTouch(one: string, other: string, sinceMs: number): boolean {
    const { machines } = this.observer
    const reached = new Set(machines.filter(({ name }) => name === one))
    for (const machine of reached)
      for (const { session, node } of peersOf(machine)) {
        const peer = machines.find(known => known.node === node)
        if (peer && (this.begun.get(session)?.byMs ?? Number.POSITIVE_INFINITY) <= sinceMs) reached.add(peer)
      }
    return [...reached].some(({ name }) => name === other)
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
    const { space } = watched
    const records = space.conflicts.newest()
    const named = new Set(records.map(({ path, slot, loser }) => nameOf(path, slot, loser.time, loser.writer)))
    // A ring that is full has dropped its oldest.
    const full = records.length >= conflictsKept
    const genuine = lost.filter(
      one => this.told.has(one.loser) && !this.cameBackLate(watched, one) && !this.wasOverwritten(watched, one)
    )
    for (const one of genuine) {
      const { loser } = one
      if (full || named.has(nameOfWrite(loser)) || this.wentWithADisk(loser)) continue
      return this.fail(
        watched,
        one,
        'not in the log',
        `A write of ${loser.path} on ${loser.host} lost against one that did not know of it, and no conflict log names it.`
      )
    }
    return this.judgeReports(
      watched,
      genuine.filter(({ inCatchUp }) => inCatchUp)
    )
  }

  /** Which end of which merge counts a conflict depends on whose seal came first: all reports together must. */
  private judgeReports(watched: Watched, lost: readonly Lost[]): boolean {
    const reports = watched.space.healReports()
    const counted = reports.reduce((sum, { conflicts }) => sum + conflicts, 0)
    // Reports are kept in a ring too.
    const recorders = new Map<string, number>()
    for (const { by } of reports) recorders.set(by, (recorders.get(by) ?? 0) + 1)
    const full = [...recorders.values()].some(count => count >= healReportsKept)
    if (full || counted >= lost.length) return true
    return this.fail(
      watched,
      lost[0]!,
      'in no heal report',
      `Merges after cuts had ${lost.length} conflicts, the first of them at ${lost[0]!.loser.path}, and heal reports count ${counted}.`
    )
  }

  /** A disk that was harmed after it had been recorded there: what rests on that alone is no longer promised. */
  private wentWithADisk(loser: Write): boolean {
    const harmed = this.run.history.all('diskHarmed')
    return (this.recorders.get(nameOfWrite(loser)) ?? []).some(recorder =>
      harmed.some(({ host, atMs }) => host === recorder.host && atMs >= recorder.atMs)
    )
  }

  /** Where a delete was collected before a late returner was back, who knew of what is no longer known. */
  private cameBackLate({ ledger, space }: Watched, { loser }: Lost): boolean {
    return this.returners.ever(space.id).size > 0 && ledger.wasDeleted(loser.address)
  }

  /** Whoever overwrote it knew of it, and had done so before it lost elsewhere: what overwrote it is what can be in conflict. */
  private wasOverwritten({ ledger }: Watched, { loser, winner, atMs }: Lost): boolean {
    for (const author of ledger.authors.values())
      for (const write of author.between(0, Number.MAX_SAFE_INTEGER)) {
        if (write.address !== loser.address || write === loser || write === winner || write.time <= loser.time) continue
        if (write.atMs <= atMs && (author === loser.author || this.knew(write, loser))) return true
      }
    return false
  }

  /** Whether who made a write had the other then, or what was written by who had it. */
  private knew(write: Write, other: Write): boolean {
    let context = this.contexts.get(write)
    while (context) {
      const { covered, over } = context
      if (covers(covered, other) || (over && isOneWrite(over, other))) return true
      context = over && this.contexts.get(over)
    }
    return false
  }

  /** Whether it may have lost against one that says the same, or is of the same node, which the other had overwritten: in one event. */
  private lostToItsLike(write: Write, loser: Write): boolean {
    for (let over = this.contexts.get(write)?.over; over && over.time > loser.time; over = this.contexts.get(over)?.over)
      if (over.author.node === loser.author.node || valuesMatch(over.value, loser.value)) return true
    return false
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

function nameOfWrite({ path, slot, time, author }: Write): string {
  return nameOf(path, slot, time, author.key)
}

function covers(vector: VersionVector, { author, seq }: Write): boolean {
  return (
    (vector.seqs.get(author.key) ?? 0) >= seq || (vector.closed.get(author.node) ?? Number.NEGATIVE_INFINITY) >= author.createdAt
  )
}
