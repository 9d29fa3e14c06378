/**
 * Session guarantees, as far as the runtime gives them. On one replica, from a boot to its end, a client reads its own writes, and never
 * something older than what it read before: unconditionally. For a client that roams there is no promise until the node that it comes
 * to covers what it has seen (`table.covers(receipt.dot)` is how it can know): from then on it reads its writes, reads monotonically, and
 * what it wrote after it had read something is nowhere covered without that (writes follow reads: coverage is causal).
 *
 * Clients are made up here: each sits at one node for a while, takes note of what is written and arrives there as if it had read and
 * written it, and goes on to the next node of its site or to the relay. So every run has some, and none of them touches anything.
 */
import { hlcToMs, type SpaceId } from '@selvedge/core'
import type { Register } from '@selvedge/documents'
import type { Run } from '../run.js'
import type { Check } from './check.js'
import { isHeldFor } from './dots-and-coverage.js'
import type { ReadDone } from './history.js'
import { observerOf, type Observer, type Watched, type Witness } from './observer.js'
import { returnersOf, type Returners } from './returners.js'
import { isOneWrite, type Write } from './space-ledger.js'
import type { Machine } from './views.js'

const rememberedMax = 8
const staysMs = 400

interface Memory {
  readonly space: SpaceId
  readonly write: Write
}

/** A write that was made when something else had been read and was covered there. */
interface Follows {
  readonly space: SpaceId
  readonly write: Write
  readonly read: Write
}

interface Client {
  readonly machines: readonly Machine[]
  at: number
  remembered: Memory[]
  follows: Follows[]
}

export class SessionGuarantees implements Check, Witness {
  readonly name = 'session-guarantees'
  private run!: Run
  private observer!: Observer
  private returners!: Returners
  private clients: Client[] = []
  private judged = 0
  private goOnMs = 0

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.returners = returnersOf(run)
    this.observer.join(this)
    run.history.on('read', read => this.read(read))
    const { machines } = this.observer
    const sites = [...new Set(machines.flatMap(({ site }) => site ?? []))]
    this.clients = sites.map((site, i) => {
      const own = machines.filter(machine => machine.site === site || machine.site === undefined)
      return { machines: own, at: i % own.length, remembered: [], follows: [] }
    })
  }

  afterEvent(): void {
    if (this.run.nowMs < this.goOnMs) return
    this.goOnMs = this.run.nowMs + staysMs
    for (const client of this.clients) this.goOn(client)
  }

  changed(watched: Watched, register: Register, write: Write, before: Write | undefined): void {
    if (watched.loading || register.shadow) return
    if (before && before.time > write.time) this.wentBack(watched, write, before)
    for (const client of this.clients) {
      if (client.machines[client.at] !== watched.machine) continue
      // What expires becomes a delete with the dot that it had: nothing is written then.
      const isNew = register.source === 0 && write.host === watched.host && write.atMs === this.run.nowMs
      if (isNew) this.noteWrite(client, watched, write)
      remember(client.remembered, { space: watched.space.id, write })
    }
  }

  private noteWrite(client: Client, { table, space }: Watched, write: Write): void {
    for (const { space: of, write: read } of client.remembered) {
      if (of !== space.id || read.author === write.author) continue
      const writer = table.writers.get(read.author.key)
      // What was shown ahead of its seal is not part of what this write follows.
      if (writer && table.covers(writer, read.seq)) remember(client.follows, { space: of, write, read })
    }
  }

  private wentBack(watched: Watched, write: Write, before: Write): void {
    const { table, space, ledger, host } = watched
    if (isOneWrite(write, before) || before.value === undefined || before.expiresAtMs !== 0) return
    if (ledger.voided.has(write.address) || this.returners.isActive(space.id)) return
    const aheadMs = hlcToMs(before.time) - (this.run.world.epochMs + this.run.nowMs)
    // Ahead of true time by about the skew, it may have been obeyed by a wrong clock, and be held back since.
    if (aheadMs > table.trusted.maxClockSkewMs - 1_000 || table.shadows.has(write.address)) return
    this.judged++
    this.run.fail(
      this,
      'a replica went back',
      `${host} showed a write of ${write.path}, and then an older one: a client there did not read monotonically.`,
      { space: space.id, host, path: write.path, slot: write.slot, time: write.time, timeBefore: before.time }
    )
  }

  /** The client goes to the next machine and looks for what it remembers. */
  private goOn(client: Client): void {
    client.at = (client.at + 1) % client.machines.length
    const machine = client.machines[client.at]!
    for (const { space, write } of client.remembered) {
      const watched = this.observer.at(machine.name, space)
      if (watched && isCovered(watched, write)) this.expectHeld(watched, write)
    }
    for (const { space, write, read } of client.follows) {
      const watched = this.observer.at(machine.name, space)
      if (!watched || !isCovered(watched, write)) continue
      this.judged++
      if (isCovered(watched, read) || isClosedFor(watched, read)) continue
      return this.run.fail(
        this,
        'writes do not follow reads',
        `${machine.name} covers a write of ${write.path}, and not one of ${read.path} that its writer had covered before.`,
        {
          space,
          host: machine.name,
          path: write.path,
          writer: write.author.key,
          seq: write.seq,
          readPath: read.path,
          readWriter: read.author.key,
          readSeq: read.seq
        }
      )
    }
  }

  private expectHeld(watched: Watched, write: Write): void {
    this.judged++
    if (isHeldFor(watched, write)) return
    this.run.fail(
      this,
      'a roaming client lost what it had seen',
      `A client that had seen a write of ${write.path} came to ${watched.host}, which covers it and shows something older.`,
      {
        space: watched.space.id,
        host: watched.host,
        path: write.path,
        slot: write.slot,
        writer: write.author.key,
        seq: write.seq
      }
    )
  }

  /** What the public interface gives is what stands in the table. */
  private read({ host, space, path, slot, found }: ReadDone): void {
    const watched = this.observer.at(host, space)
    if (!watched) return
    this.judged++
    const register = watched.table.get(path, slot)
    const same = register ? found?.writer === register.writer.node && found.value === register.value : !found
    if (same || (typeof found?.value === 'object' && found.value !== null)) return
    this.run.fail(this, 'a read tells something else', `${host} reads ${path} as something else than it holds.`, {
      space,
      host,
      path,
      slot
    })
  }

  atEnd(): void {
    this.observer.look()
    for (const client of this.clients) for (const _ of client.machines) this.goOn(client)
    if (this.judged > 0) this.run.pass(this)
    else this.run.unknown(this, 'no client came to a node that had what it had seen')
  }
}

// Of an incarnation that is closed, what nobody ever heard of may be gone.
function isCovered(watched: Watched, write: Write): boolean {
  const { table } = watched
  const writer = table.writers.get(write.author.key)
  if (!writer || !table.covers(writer, write.seq)) return false
  return !table.isClosed(writer) || write.seq <= watched.coveredUpTo(writer)
}

// What is still held of a closed incarnation is owed to who lacks it, by those that hold it: nothing else must follow.
function isClosedFor({ table }: Watched, { author }: Write): boolean {
  return author.createdAt <= (table.vector().closed.get(author.node) ?? Number.NEGATIVE_INFINITY)
}

function remember<T>(list: T[], item: T): void {
  list.push(item)
  if (list.length > rememberedMax) list.shift()
}
