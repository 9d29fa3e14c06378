/**
 * Equal coverage means equal content (I1, I7): replicas with equal vectors and nothing held above them have equal hashes at any moment.
 * And content is a function of what was written, not of the order in which it came: at the end all that is held, and some of what was
 * overwritten, is merged into fresh tables in shuffled orders and several times over.
 */
import { below, ManualClock, nodeId, seededRandom, TrustedClock, type Random, type SpaceId } from '@selvedge/core'
import { hashesEqual, RegisterTable, type Entry, type Register, type TableHash, type WriterKey } from '@selvedge/documents'
import type { Run } from '../run.js'
import type { Check } from './check.js'
import { coverageFingerprint } from './coverage-fingerprint.js'
import { observerOf, type Observer, type Watched, type Witness } from './observer.js'
import { returnersOf, type Returners } from './returners.js'
import { isOneWrite, type Write } from './space-ledger.js'

/** Overwritten writes kept a space, to be merged again at the end. */
const overwrittenMax = 4_096
const replays = 3
const listedMax = 5

export class StrongEventualConsistency implements Check, Witness {
  readonly name = 'strong-eventual-consistency'
  private run!: Run
  private observer!: Observer
  private returners!: Returners
  /** The coverage of each replica when it last moved; undefined: not settled. */
  private readonly coverage = new WeakMap<Watched, number | undefined>()
  private readonly overwritten = new Map<SpaceId, Write[]>()
  /** Addresses at which something was written beside what was held back there, elsewhere perhaps obeyed and collected since. */
  private readonly besideHeldBack = new Set<string>()
  private compared = 0

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.returners = returnersOf(run)
    this.observer.join(this)
  }

  changed(watched: Watched, register: Register, write: Write, before: Write | undefined): void {
    if (register.source === 0 && watched.table.shadows.has(write.address)) this.besideHeldBack.add(write.address)
    if (!before || register.shadow || isOneWrite(write, before)) return
    let list = this.overwritten.get(watched.space.id)
    if (!list) this.overwritten.set(watched.space.id, (list = []))
    if (list.push(before) > 2 * overwrittenMax) list.splice(0, overwrittenMax)
  }

  moved(watched: Watched): void {
    const mine = coverageFingerprint(watched)
    this.coverage.set(watched, mine)
    if (mine === undefined) return
    const replicas = this.observer.replicas(watched.space.id)
    let equal = 1
    for (const other of replicas) {
      if (other === watched || this.coverage.get(other) !== mine) continue
      if (!this.compare(watched, other)) return
      equal++
    }
    if (equal > 1 && equal === replicas.length) this.returners.settled(watched.space.id)
  }

  private compare(one: Watched, other: Watched): boolean {
    if (one.table.size > 0) this.compared++
    if (hashesEqual(one.table.hash(), other.table.hash())) return true
    this.returners.differs(one.space.id)
    if (this.returners.isActive(one.space.id)) return false
    const addresses = differences(one, other)
    // What one holds back is no part of its state yet: when its clock is right, both must be equal.
    const isHeldBack = (address: string): boolean =>
      one.table.shadows.has(address) || other.table.shadows.has(address) || this.besideHeldBack.has(address)
    if (addresses.length > 0 && addresses.every(isHeldBack)) return false
    this.run.fail(
      this,
      `equal coverage, unequal hash: ${kindsOf(addresses)}`,
      `${one.host} and ${other.host} have had the same writes of ${one.space.id}, and hold different content.`,
      { space: one.space.id, hosts: [one.host, other.host], addresses: addresses.slice(0, listedMax) }
    )
    return false
  }

  async atEnd(): Promise<void> {
    this.observer.look()
    let replayed = 0
    for (const space of this.observer.ledgers.keys()) {
      const [watched] = this.observer.replicas(space)
      if (!watched || watched.table.size === 0) continue
      this.replay(watched)
      replayed++
    }
    if (this.compared > 0 && replayed > 0) this.run.pass(this)
    else this.run.unknown(this, 'no two replicas had the same coverage at any time')
  }

  private replay(watched: Watched): void {
    const { table, space } = watched
    const held: Written[] = [...table.all(), ...table.shadows.values()]
    const older = (this.overwritten.get(space.id) ?? []).filter(write => this.isBeaten(watched, write))
    const expected = table.hash()
    const random = seededRandom(this.run.plan.seed).fork(`replay of ${space.id}`)
    for (let i = 0; i < replays; i++) {
      const hash = mergeAll([...held, ...older.map(entryOf)], random, table.trusted)
      if (hashesEqual(hash, expected)) continue
      return this.run.fail(
        this,
        'replayed in another order, unequal hash',
        `What ${watched.host} holds of ${space.id} depends on the order in which it came.`,
        { space: space.id, host: watched.host, expected: { ...expected }, got: { ...hash } }
      )
    }
  }

  // What was lost with a crash, or deleted for good, is not what an equal table must have been given.
  private isBeaten({ table, ledger }: Watched, write: Write): boolean {
    if (ledger.voided.has(write.address)) return false
    const held = table.peekAddress(write.address)
    return held !== undefined && held.time > write.time
  }
}

/** An entry of a writer that a table needs not know. */
type Written = Omit<Entry, 'writer'> & { readonly writer: { readonly key: WriterKey } }

function entryOf({ path, slot, value, time, seq, expiresAtMs, author }: Write): Written {
  return { path, slot, value, time, seq, expiresAtMs, writer: author, quality: 0, batch: 0 }
}

function mergeAll(entries: readonly Written[], random: Random, trusted: TrustedClock): TableHash {
  const table = new RegisterTable({
    node: nodeId('replay'),
    trusted: new TrustedClock(new ManualClock(trusted.nowMs()), trusted.maxClockSkewMs),
    random
  })
  const order = entries.flatMap(entry => (random.float() < 0.25 ? [entry, entry] : [entry]))
  for (let i = order.length - 1; i > 0; i--) {
    const j = below(random, i + 1)
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  for (const entry of order) table.merge({ ...plain(entry), writer: table.writer(entry.writer.key) }, 1)
  return table.hash()
}

function plain({ path, slot, value, time, seq, quality, expiresAtMs, batch }: Written): Omit<Entry, 'writer'> {
  return { path, slot, value, time, seq, quality, expiresAtMs, batch }
}

/** Addresses at which two tables contribute differently to their hashes. */
function differences(one: Watched, other: Watched): string[] {
  const found = new Set<string>()
  for (const [a, b] of [
    [one.table, other.table],
    [other.table, one.table]
  ] as const)
    for (const pool of [a.all(), a.shadows.values()])
      for (const register of pool) {
        const address = register.slot === '' ? register.path : `${register.path}\u0000${register.slot}`
        const [mine, theirs] = [a.contributor(address), b.contributor(address)]
        if (mine?.time !== theirs?.time || mine?.writer.node !== theirs?.writer.node) found.add(address)
      }
  return [...found].sort()
}

/** What kind of places they are, for a fingerprint. */
function kindsOf(addresses: readonly string[]): string {
  const kinds = addresses.map(address => (address.startsWith('@') ? address.split(/[/\u0000]/)[0]! : 'point'))
  return [...new Set(kinds)].sort().join(', ') || 'a value'
}
