/**
 * Looks at the tables of a world after each event and tells checks what is new in them: what was written and merged, what is covered,
 * what is claimed to be durable, what was acknowledged, who booted and who is gone. It costs what changed. Nothing in the world knows
 * of it, but for one thing: of a space's receipts it takes part in the waiting, after whoever asked.
 *
 * All checks of a run share one: {@link observerOf}.
 */
import type { SpaceId } from '@selvedge/core'
import { addressOf, type Register, type RegisterTable, type WriterKey, type WriterLog } from '@selvedge/documents'
import type { DurabilityLevel, SpaceReplica } from '@selvedge/replica'
import type { DurableState } from '@selvedge/session'
import type { Run } from '../run.js'
import { SpaceLedger, type Author, type Write } from './space-ledger.js'
import { machinesOf, type Machine } from './views.js'

/** Every so many events all machines are looked at, whoever the events happened to. */
const fullLookEvents = 256

/** What was seen at an address of one table. */
export interface Seen {
  readonly write: Write
  readonly changeIndex: number
  /** What stood there before, back to what was on disk by then. */
  before: Seen | undefined
}

/** Of what stood in a place, the latest that a disk has on which changes up to an index are. */
export function storedOf(seen: Seen | undefined, changeIndex: number): Seen | undefined {
  let at = seen
  while (at && at.changeIndex > changeIndex) at = at.before
  return at
}

/** One space on one machine, from a boot to its end. */
export class Watched {
  readonly table: RegisterTable
  /** By address; a shadow by {@link shadowMark} behind it. */
  readonly seen = new Map<string, Seen>()
  /** What of each writer it covered when it was last looked at. */
  readonly covered = new Map<WriterLog, number>()
  changeIndex = 0
  vectorVersion = -1
  tombstones = 0
  durable: DurableState
  /** What it holds was read from its disk, and nothing has come since. */
  loading = true
  /** It runs. */
  alive = true
  readonly bootedAtMs: number

  constructor(
    readonly machine: Machine,
    readonly space: SpaceReplica,
    readonly ledger: SpaceLedger,
    atMs: number
  ) {
    this.table = space.table
    this.durable = space.durable
    this.bootedAtMs = atMs
  }

  get host(): string {
    return this.machine.name
  }

  /** The seq up to which it covers a writer, as far as what was written was ever heard of elsewhere once that is closed. */
  coveredUpTo(writer: WriterLog): number {
    return this.table.isClosed(writer) ? this.ledger.author(writer).heardUpTo : writer.covered
  }

  /** The latest time of the register and the shadow of an address; undefined: neither is there. */
  heldTime(address: string): number | undefined {
    const register = this.table.peekAddress(address)
    const shadow = this.table.shadows.size > 0 ? this.table.shadows.get(address) : undefined
    if (!register || !shadow) return (register ?? shadow)?.time
    return Math.max(register.time, shadow.time)
  }
}

/** Between an address and nothing: no address has it. */
export const shadowMark = '\u0001'

export interface Acknowledged {
  readonly by: Watched
  readonly writer: WriterKey
  readonly seq: number
  readonly level: DurabilityLevel
}

/** What an observer tells. */
export interface Witness {
  /** A space was opened; what it holds is told as changes, and what it covers, before this. */
  booted?(watched: Watched): void
  stopped?(watched: Watched): void
  /** A register or shadow has a new form; `before`: what was last seen there, though it may have left meanwhile. */
  changed?(watched: Watched, register: Register, write: Write, before: Write | undefined): void
  /** A dot was seen with two meanings; `first` is the earlier. */
  clashed?(watched: Watched, register: Register, first: Write): void
  /** It covers more of a writer. */
  covered?(watched: Watched, author: Author, from: number, to: number): void
  /** It claims that more is durable. */
  stored?(watched: Watched): void
  acknowledged?(acknowledged: Acknowledged): void
  /** Registers, shadows or the vector changed, or deletes were collected: told once an event, after all else. */
  moved?(watched: Watched): void
}

const observers = new WeakMap<Run, Observer>()

/** The one observer of a run. */
export function observerOf(run: Run): Observer {
  let observer = observers.get(run)
  if (!observer) observers.set(run, (observer = new Observer(run)))
  return observer
}

export class Observer {
  readonly machines: readonly Machine[]
  readonly ledgers = new Map<SpaceId, SpaceLedger>()
  private readonly running = new Map<Machine, { readonly of: Machine['running']; readonly spaces: Map<SpaceId, Watched> }>()
  private readonly bySpace = new Map<SpaceId, Watched[]>()
  private readonly actors = new Map<string, readonly Machine[]>()
  private readonly witnesses: Witness[] = []
  private acknowledgements: Acknowledged[] = []
  private event = -1
  private fullLookAt = 0

  constructor(private readonly run: Run) {
    this.machines = machinesOf(run.world)
    for (const { disk, name: host } of run.world.processes)
      disk.onHarm.push(harm => run.history.add('diskHarmed', { atMs: run.nowMs, host, harm }))
  }

  /** Tells a witness all that is seen from now on. */
  join(witness: Witness): void {
    this.witnesses.push(witness)
  }

  /** The replicas of a space that run now. */
  replicas(space: SpaceId): readonly Watched[] {
    return this.bySpace.get(space) ?? []
  }

  /** All that runs now. */
  *all(): IterableIterator<Watched> {
    for (const list of this.bySpace.values()) yield* list
  }

  /** The replica of a space on a machine, if it runs. */
  at(host: string, space: SpaceId): Watched | undefined {
    return this.replicas(space).find(watched => watched.host === host)
  }

  /** Looks, once an event whoever asks. `actor`: whom the event happened to, if that is known. */
  look(actor?: string): void {
    const { events } = this.run.world.kernel.trace
    if (events === this.event) return
    this.event = events
    const full = actor === undefined || events >= this.fullLookAt
    if (full) this.fullLookAt = events + fullLookEvents
    const machines = full ? this.machines : this.machinesAt(actor)
    const moved: Watched[] = []
    const booted: Watched[] = []
    for (const machine of machines) this.lookAt(machine, moved, booted)
    for (const watched of moved) if (watched.table.changeIndex !== watched.changeIndex) this.changes(watched)
    for (const watched of moved) if (watched.table.vectorVersion !== watched.vectorVersion) this.coverage(watched)
    for (const watched of booted) {
      watched.loading = false
      this.tell(witness => witness.booted?.(watched))
    }
    for (const machine of machines) this.claims(machine)
    if (this.acknowledgements.length > 0)
      for (const acknowledged of this.acknowledgements.splice(0)) this.tell(witness => witness.acknowledged?.(acknowledged))
    for (const watched of moved) {
      watched.tombstones = watched.table.tombstones.size
      this.tell(witness => witness.moved?.(watched))
    }
  }

  private lookAt(machine: Machine, moved: Watched[], booted: Watched[]): void {
    const { running } = machine
    let state = this.running.get(machine)
    if (state && state.of !== running) {
      for (const watched of state.spaces.values()) this.stop(watched)
      this.running.delete(machine)
      state = undefined
    }
    const { replica } = machine
    if (!running || !replica) return
    if (!state) this.running.set(machine, (state = { of: running, spaces: new Map() }))
    const { spaces } = replica
    if (spaces.size !== state.spaces.size)
      for (const [id, space] of spaces) {
        if (state.spaces.has(id)) continue
        const watched = this.watch(machine, space)
        state.spaces.set(id, watched)
        booted.push(watched)
      }
    for (const watched of state.spaces.values()) if (hasMoved(watched)) moved.push(watched)
  }

  private watch(machine: Machine, space: SpaceReplica): Watched {
    let ledger = this.ledgers.get(space.id)
    if (!ledger) this.ledgers.set(space.id, (ledger = new SpaceLedger(space.id)))
    const watched = new Watched(machine, space, ledger, this.run.nowMs)
    const { receipts } = space
    const wait = receipts.wait.bind(receipts)
    receipts.wait = (writer, seq, level, signal) => {
      const waiting = wait(writer, seq, level, signal)
      waiting.then(
        () => this.acknowledgements.push({ by: watched, writer: writer.key, seq, level }),
        () => undefined
      )
      return waiting
    }
    const list = this.bySpace.get(space.id)
    if (list) list.push(watched)
    else this.bySpace.set(space.id, [watched])
    return watched
  }

  private stop(watched: Watched): void {
    watched.alive = false
    const list = this.bySpace.get(watched.space.id)!
    list.splice(list.indexOf(watched), 1)
    // What its disk is known to have it still has, and perhaps more: that shows when it is there again.
    const { seqs } = watched.durable.vector
    for (const writer of watched.table.writers.values())
      if (!watched.table.isClosed(writer) && writer.key !== watched.table.ownWriterKey)
        watched.ledger.author(writer).heardBy(watched.host, seqs.get(writer.key) ?? 0)
    this.tell(witness => witness.stopped?.(watched))
  }

  private changes(watched: Watched): void {
    const { table, ledger, host, seen } = watched
    const { nowMs } = this.run
    for (const register of table.changedSince(watched.changeIndex)) {
      const { write, clash } = ledger.note(register, nowMs, host)
      if (clash) this.tell(witness => witness.clashed?.(watched, register, write))
      const place = register.shadow ? write.address + shadowMark : write.address
      const last = seen.get(place)
      // Behind what is on disk nothing is kept.
      const stored = storedOf(last, watched.space.durable.changeIndex)
      if (stored) stored.before = undefined
      seen.set(place, { write, changeIndex: register.changeIndex, before: last })
      for (const witness of this.witnesses) witness.changed?.(watched, register, write, last?.write)
    }
    watched.changeIndex = table.changeIndex
  }

  private coverage(watched: Watched): void {
    const { table, covered, ledger } = watched
    watched.vectorVersion = table.vectorVersion
    const closed = table.closed.size > 0
    for (const writer of table.writers.values()) {
      const author = ledger.author(writer)
      const isClosed = closed && table.isClosed(writer)
      if (!isClosed && writer.key !== table.ownWriterKey) author.heardBy(watched.host, writer.covered)
      const to = isClosed ? author.heardUpTo : writer.covered
      const from = covered.get(writer) ?? 0
      if (to <= from) {
        if (to < from) covered.set(writer, to)
        continue
      }
      covered.set(writer, to)
      for (const witness of this.witnesses) witness.covered?.(watched, author, from, to)
    }
  }

  private claims(machine: Machine): void {
    for (const watched of this.running.get(machine)?.spaces.values() ?? []) {
      const { durable } = watched.space
      if (durable === watched.durable) continue
      watched.durable = durable
      for (const witness of this.witnesses) witness.stored?.(watched)
    }
  }

  // An event's actor is a machine, its disk, or a wire: `w3 hq-1>hq-2`.
  private machinesAt(actor: string): readonly Machine[] {
    let machines = this.actors.get(actor)
    if (machines) return machines
    const names = actor.slice(actor.lastIndexOf(' ') + 1).split('>')
    machines = this.machines.filter(({ name }) => names.includes(name))
    if (machines.length < names.length) machines = this.machines
    if (this.actors.size > 4_096) this.actors.clear() // each wire has a name of its own
    this.actors.set(actor, machines)
    return machines
  }

  private tell(tell: (witness: Witness) => void): void {
    for (const witness of this.witnesses) tell(witness)
  }
}

/** The address under which a register or shadow is {@link Watched.seen}. */
export function placeOf(register: Register): string {
  const address = addressOf(register.path, register.slot)
  return register.shadow ? address + shadowMark : address
}

function hasMoved({ table, changeIndex, vectorVersion, tombstones }: Watched): boolean {
  return table.changeIndex !== changeIndex || table.vectorVersion !== vectorVersion || table.tombstones.size !== tombstones
}
