/**
 * Counters, sets, priority arrays and plain points against a reference that is worked out from what was written: counters are exact, of
 * several writes the one with the latest stamp stands, stamps are as good as the clocks, and what is too far ahead is held back (I5). Who
 * hears two others believes a time that lies between theirs, whatever its own clock says.
 */
import { hlcToMs, type SpaceId } from '@selvedge/core'
import {
  counterValue,
  isSystemPath,
  PriorityArray,
  priorityLevels,
  RegisterSet,
  type Register,
  type SetElement
} from '@selvedge/documents'
import type { Run } from '../run.js'
import type { Check } from './check.js'
import { CountedIds } from './counted-ids.js'
import type { Incremented, Written } from './history.js'
import { observerOf, type Observer, type Watched, type Witness } from './observer.js'
import { returnersOf, type Returners } from './returners.js'
import { isOneWrite, type Write } from './space-ledger.js'
import type { Machine } from './views.js'

/** Time may have moved on by this since a stamp was made in the same event. */
const slackMs = 2
/** Within one event the median of a node's peers may have been another for a moment: by as much as a link is slow. */
const behindSlackMs = 2_000
/** What is believed may differ from what was heard by what a double loses. */
const roundedMs = 0.01
/** How often what is held back is looked at, and what time is believed. */
const judgeEveryMs = 500
/** What is held back stands for this long at most once its time has come near: clocks that jumped are looked at every five seconds. */
const promotedWithinMs = 6_000

export class ReferenceModel implements Check, Witness {
  readonly name = 'reference-model'
  private run!: Run
  private observer!: Observer
  private returners!: Returners
  private readonly ids = new Map<SpaceId, CountedIds>()
  private earliestMs = 0
  private latestMs = 0
  private judgeAtMs = 0
  /** When something held back was first seen to be due. */
  private readonly dueSinceMs = new WeakMap<Register, number>()
  private judged = 0

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.returners = returnersOf(run)
    this.observer.join(this)
    run.history.on('written', written => this.written(written))
  }

  afterEvent(): void {
    this.look()
    if (this.run.nowMs < this.judgeAtMs) return
    this.judgeAtMs = this.run.nowMs + judgeEveryMs
    for (const watched of this.observer.all()) if (watched.table.shadows.size > 0) this.judgeHeldBack(watched)
    for (const machine of this.observer.machines) this.judgeTime(machine)
  }

  /** The median of two others and oneself is never later than the later of the two, nor earlier than the earlier one. */
  private judgeTime({ name, role, replica }: Machine): void {
    // A relay, whose peers are of many sites, goes by its own clock.
    if (!replica || role === 'relay') return
    const { trusted } = replica
    const said = [...trusted['offsets'].values()]
    if (said.length < 2) return
    this.judged++
    const believed = trusted.nowMs() - replica['environment'].clock.monotonicMs()
    const aheadMs = believed - Math.max(...said)
    const behindMs = Math.min(...said) - believed
    if (aheadMs <= roundedMs && behindMs <= roundedMs) return
    const how = aheadMs > 0 ? 'later' : 'earlier'
    this.run.fail(this, 'own clock believed', `${name} believes a time that is ${how} than all that its peers say.`, {
      host: name,
      peers: said.length,
      offMs: Math.max(aheadMs, behindMs)
    })
  }

  /** What is written for good over what expires stays. */
  private written({ host, space, path, dot, expires }: Written): void {
    const register = this.observer.at(host, space)?.table.peek(path)
    if (register?.writer.key !== dot.writer || register.seq !== dot.seq) return
    this.judged++
    if ((register.expiresAtMs !== 0) === expires) return
    this.run.fail(this, 'an expiry that nobody asked for', `What ${host} wrote at ${path} for good expires, or the reverse.`, {
      space,
      host,
      path
    })
  }

  changed(watched: Watched, register: Register, write: Write, before: Write | undefined): void {
    const { table } = watched
    if (watched.loading || register.shadow) return
    if (register.source === 0) {
      const wrong = this.idsOf(watched).written(watched, register, write, before)
      if (wrong !== undefined) return this.wrongId(watched, register.path, register.slot, wrong)
      const isNew = write.host === watched.host && write.atMs === this.run.nowMs
      // One that was given another dot keeps its stamp.
      if (isNew && !(before && isOneWrite(write, before))) this.judgeStamp(watched, write)
      return
    }
    if (register.value === undefined) return
    const aheadMs = hlcToMs(register.time) - hlcToMs(table.skewLimit())
    if (aheadMs <= slackMs) return
    this.run.fail(
      this,
      'the future was obeyed',
      `${watched.host} obeys a write of ${register.path} whose stamp is too far ahead of its trusted time.`,
      { space: watched.space.id, host: watched.host, path: register.path, aheadMs }
    )
  }

  /** No stamp is ahead of all clocks there ever were, or behind them. */
  private judgeStamp(watched: Watched, write: Write): void {
    const trueMs = this.run.world.epochMs + this.run.nowMs
    this.look()
    this.judged++
    const stampMs = hlcToMs(write.time)
    if (stampMs < trueMs + this.earliestMs - behindSlackMs) this.wrongStamp(watched, write, 'behind', stampMs - trueMs)
    else if (stampMs > trueMs + this.latestMs + slackMs) this.wrongStamp(watched, write, 'ahead of', stampMs - trueMs)
  }

  /** After each event: a stamp is made by the time of before it, or of now. */
  private look(): void {
    const trueMs = this.run.world.epochMs + this.run.nowMs
    for (const { replica } of this.observer.machines) {
      if (!replica) continue
      const offMs = replica.trusted.nowMs() - trueMs
      this.earliestMs = Math.min(this.earliestMs, offMs)
      this.latestMs = Math.max(this.latestMs, offMs)
    }
  }

  private wrongStamp(watched: Watched, write: Write, how: string, offMs: number): void {
    this.run.fail(
      this,
      `a stamp ${how} every clock`,
      `${watched.host} stamped a write of ${write.path} with a time ${how} that of every clock in the building.`,
      {
        space: watched.space.id,
        host: watched.host,
        path: write.path,
        offMs,
        earliestMs: this.earliestMs,
        latestMs: this.latestMs
      }
    )
  }

  atEnd(): void {
    this.observer.look()
    for (const watched of this.observer.all()) this.judge(watched)
    if (this.judged > 0) this.run.pass(this)
    else this.run.unknown(this, 'nothing was written')
  }

  private judge(watched: Watched): void {
    const winners = winnersOf(watched)
    const paths = new Map<string, Write[]>()
    for (const write of winners.values()) {
      if (isSystemPath(write.path)) continue
      if (!this.judgeRegister(watched, write)) return
      if (write.slot === '') continue
      const list = paths.get(write.path)
      if (list) list.push(write)
      else paths.set(write.path, [write])
    }
    const nowMs = watched.table.trusted.nowMs()
    for (const [path, writes] of paths) {
      // What is held back may have been obeyed before, and what stood beneath is gone then.
      if (writes.some(({ address }) => watched.table.shadows.has(address))) continue
      // Who was away when deletes were dropped may bring back what they deleted: that is in the heal report.
      if (this.returners.ever(watched.space.id).size > 0) continue
      const live = writes.filter(({ value, expiresAtMs }) => value !== undefined && (expiresAtMs === 0 || expiresAtMs > nowMs))
      this.judgeSet(watched, path, live)
      this.judgePriorities(watched, path, live)
    }
    this.judgeCounters(watched)
    this.judgeHeldBack(watched)
  }

  private judgeRegister(watched: Watched, write: Write): boolean {
    this.judged++
    const held = watched.table.peekAddress(write.address)
    if (!held || held.time <= write.time || watched.table.shadows.has(write.address)) return true
    this.run.fail(
      this,
      'a register that nobody wrote',
      `${watched.host} holds something at ${write.path} that is later than all that was written there.`,
      { space: watched.space.id, host: watched.host, path: write.path, slot: write.slot, time: write.time, heldTime: held.time }
    )
    return false
  }

  private judgeSet({ table, host, space }: Watched, path: string, live: readonly Write[]): void {
    const expected = live.flatMap(({ slot }) => elementOf(slot)).sort(compare)
    if (expected.length === 0) return
    const got = new RegisterSet(table, path).values()
    this.judged++
    if (same(got, expected)) return
    this.run.fail(this, 'a set differs', `${host} shows other elements of ${path} than were added and not removed.`, {
      space: space.id,
      host,
      path,
      got,
      expected
    })
  }

  private judgePriorities({ table, host, space }: Watched, path: string, live: readonly Write[]): void {
    const levels = live.filter(({ slot }) => /^([1-9]|1[0-6])$/.test(slot) && Number(slot) <= priorityLevels)
    if (levels.length === 0) return
    const [first] = [...levels].sort((a, b) => Number(a.slot) - Number(b.slot))
    const got = new PriorityArray(table, path, null).current()
    this.judged++
    if (String(got.level) === first!.slot && got.register?.time === first!.time) return
    this.run.fail(this, 'a priority array differs', `${host} shows another level of ${path} than the highest that is filled.`, {
      space: space.id,
      host,
      path,
      got: got.level ?? null,
      expected: Number(first!.slot)
    })
  }

  private judgeCounters(watched: Watched): void {
    const paths = new Map<string, Incremented[]>()
    for (const note of this.run.history.all('incremented')) {
      if (note.space !== watched.space.id) continue
      const list = paths.get(note.path)
      if (list) list.push(note)
      else paths.set(note.path, [note])
    }
    const heldBack = new Set([...watched.table.shadows.values()].map(shadow => shadow.path))
    for (const [path, notes] of paths) {
      // What was folded by a clock that all took for right is not counted while it is held back.
      if (heldBack.has(path)) continue
      const expected = this.expectedCount(watched, path, notes)
      if (expected === undefined) return
      const got = counterValue(watched.table, path)
      this.judged++
      if (Math.abs(got - expected) < 1e-6) continue
      this.run.fail(
        this,
        `a counter is ${got > expected ? 'too high' : 'too low'}`,
        `${watched.host} counts ${got} at ${path}, where ${expected} is what was added.`,
        {
          space: watched.space.id,
          host: watched.host,
          path,
          got,
          expected
        }
      )
    }
  }

  /** The sum of the increments that the replica has: by its slots of each writer and each id; undefined: one counts too often. */
  private expectedCount(watched: Watched, path: string, notes: readonly Incremented[]): number | undefined {
    const { table, ledger } = watched
    const counted = this.idsOf(watched)
    const ids = new Set<string>()
    let sum = 0
    for (const { by, id, dot } of notes) {
      if (id !== undefined) {
        if (ids.has(id)) continue
        ids.add(id)
        const { times, wrong } = counted.count(watched, path, id)
        if (wrong !== undefined) return void this.wrongId(watched, path, id, wrong)
        sum += by * times
        continue
      }
      const slot = table.peek(path, dot.writer)
      if (!slot) continue
      const write = ledger.find(dot.writer, dot.seq)
      if (slot.writer.key === dot.writer ? slot.seq >= dot.seq : write !== undefined && slot.time >= write.time) sum += by
    }
    return sum
  }

  private idsOf({ space }: Watched): CountedIds {
    let ids = this.ids.get(space.id)
    if (!ids) this.ids.set(space.id, (ids = new CountedIds()))
    return ids
  }

  private wrongId({ host, space }: Watched, path: string, slot: string, what: string): void {
    const details = { space: space.id, host, path, slot }
    this.run.fail(this, `an increment is ${what}`, `On ${host} an increment of ${path} with an id is ${what}.`, details)
  }

  private judgeHeldBack({ table, host, space }: Watched): void {
    const limit = table.skewLimit()
    const { nowMs, world } = this.run
    // A process that is stopped does nothing, and what is due it does when it goes on.
    if (world.processes.some(({ name, host: { isPaused } }) => name === host && isPaused)) return
    for (const shadow of table.shadows.values()) {
      if (shadow.time > limit) {
        this.dueSinceMs.delete(shadow)
        continue
      }
      const sinceMs = this.dueSinceMs.get(shadow) ?? nowMs
      this.dueSinceMs.set(shadow, sinceMs)
      if (nowMs - sinceMs > promotedWithinMs)
        this.run.fail(this, 'held back too long', `${host} holds a write of ${shadow.path} back though its time has come.`, {
          space: space.id,
          host,
          path: shadow.path,
          aheadMs: hlcToMs(shadow.time) - hlcToMs(limit)
        })
    }
  }
}

/** Address → the write with the latest stamp of those that the replica covers or holds. */
function winnersOf(watched: Watched): Map<string, Write> {
  const { table, ledger } = watched
  const winners = new Map<string, Write>()
  for (const author of ledger.authors.values()) {
    const writer = table.writers.get(author.key)
    const to = writer ? watched.coveredUpTo(writer) : 0
    for (const write of author.between(0, Number.MAX_SAFE_INTEGER)) {
      if (write.seq > to && table.peekAddress(write.address)?.time !== write.time) continue
      if (ledger.voided.has(write.address)) continue
      const known = winners.get(write.address)
      if (!known || known.time < write.time) winners.set(write.address, write)
    }
  }
  return winners
}

function elementOf(slot: string): SetElement[] {
  if (slot.startsWith('s:')) return [slot.slice(2)]
  return slot.startsWith('n:') ? [Number(slot.slice(2))] : []
}

function compare(a: SetElement, b: SetElement): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}
