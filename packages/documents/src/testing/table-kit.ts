/** Tables for tests: one with its clock at hand, entries as other replicas would write them, and what a table must always be. */
import { hlcFromMs, ManualClock, nodeId, seededRandom, TrustedClock, type HlcTime, type Value } from '@selvedge/core'
import {
  addressOf,
  covers,
  hashRegister,
  makeWriterKey,
  PeerView,
  Register,
  RegisterTable,
  type DotRuns,
  type Entry,
  type TableAlarm,
  type TableHash,
  type VersionVector,
  type WriterKey
} from '../table/index.js'

export const startMs = Date.UTC(2026, 0, 1)

export interface TableKit {
  readonly table: RegisterTable
  readonly clock: ManualClock
  readonly alarms: TableAlarm[]
  readonly dropped: Register[]
  /** Values that were written beside one that is held back, and that one. */
  readonly overruled: { readonly written: Value | undefined; readonly by: Value | undefined }[]
  /** Addresses of changes, as told. */
  readonly changed: string[]
}

export function tableKit(name = 'a', skewMs = 300_000, seed = 1): TableKit {
  const clock = new ManualClock(startMs)
  const alarms: TableAlarm[] = []
  const dropped: Register[] = []
  const changed: string[] = []
  const overruled: TableKit['overruled'] = []
  const table = new RegisterTable({
    node: nodeId(name),
    trusted: new TrustedClock(clock, skewMs),
    random: seededRandom(seed),
    onAlarm: alarm => void alarms.push(alarm),
    onDrop: register => void dropped.push(register),
    onOverruled: (written, by) => void overruled.push({ written: written.value, by: by.value }),
    onChange: register => void changed.push(addressOf(register.path, register.slot))
  })
  return { table, clock, alarms, dropped, overruled, changed }
}

/** The key of a writer of `node` made `createdMs` after the start. */
export function writerKey(node: string, createdMs = 0): WriterKey {
  return makeWriterKey(nodeId(node), hlcFromMs(startMs + createdMs), seededRandom(createdMs))
}

export interface EntryOptions {
  readonly path?: string
  readonly slot?: string
  readonly value?: Value | undefined
  /** Milliseconds after the start. Default 1. */
  readonly atMs?: number
  readonly writer?: WriterKey
  readonly seq?: number
  readonly expiresAtMs?: number
  readonly batch?: number
}

/** An entry as `table` would decode it. */
export function entryFor(table: RegisterTable, options: EntryOptions): Entry {
  return {
    path: options.path ?? 'p',
    slot: options.slot ?? '',
    value: 'value' in options ? options.value : 1,
    time: hlcFromMs(startMs + (options.atMs ?? 1)),
    writer: table.writer(options.writer ?? writerKey('b')),
    seq: options.seq ?? 1,
    quality: 0,
    expiresAtMs: options.expiresAtMs ?? 0,
    batch: options.batch ?? 0
  }
}

/** What another table's register is to `table`: the entry that a session would bring. */
export function entryAs(table: RegisterTable, register: Entry): Entry {
  const { path, slot, value, time, writer, seq, quality, expiresAtMs, batch } = register
  return { path, slot, value, time, writer: table.writer(writer.key), seq, quality, expiresAtMs, batch }
}

/** What a peer covers. */
export function peerView(table: RegisterTable, seqs: Readonly<Record<WriterKey, number>>): PeerView {
  const view = new PeerView()
  for (const [key, seq] of Object.entries(seqs)) view.raise(table.writer(key), seq)
  return view
}

export function vectorOf(seqs: Readonly<Record<WriterKey, number>>): VersionVector {
  return { seqs: new Map(Object.entries(seqs)), closed: new Map() }
}

/** Everything held, in an order that depends on nothing else: equal for replicas that hold the same. */
export function contents(table: RegisterTable): unknown[] {
  return [...table.all(), ...table.shadows.values()]
    .map(register => [
      addressOf(register.path, register.slot),
      register.shadow,
      register.value ?? null,
      register.value === undefined,
      register.time,
      register.writer.key,
      register.seq,
      register.expiresAtMs
    ])
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

/** The hash by its definition: over held live registers without an expiry, the shadow if there is one. */
export function hashFromScratch(table: RegisterTable, without: ReadonlySet<string> = new Set()): TableHash {
  let a = 0
  let b = 0
  let count = 0
  for (const address of new Set([
    ...[...table.all()].map(register => addressOf(register.path, register.slot)),
    ...table.shadows.keys()
  ])) {
    const held = table.shadows.get(address) ?? table.peekAddress(address)!
    if (held.value === undefined || held.expiresAtMs !== 0 || without.has(address)) continue
    const copy = new Register(held.path, held.slot, held)
    hashRegister(copy)
    a = (a + copy.hashA) >>> 0
    b = (b + copy.hashB) >>> 0
    count++
  }
  return { a, b, count }
}

/** What the table must be after whatever was done to it: every index agrees with the registers. Returns what does not hold. */
export function tableProblem(table: RegisterTable, peer: PeerView, vector: VersionVector): string | undefined {
  const registers = [...table.all()]
  const held = [...registers, ...table.shadows.values()]
  const same = (what: string, found: unknown, expected: unknown): string | undefined =>
    JSON.stringify(found) === JSON.stringify(expected)
      ? undefined
      : `${what}: ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`
  const name = (register: Register): string => `${addressOf(register.path, register.slot)} ${register.writer.key}:${register.seq}`
  const bySeq = (list: Register[]): Register[] => list.sort((a, b) => a.seq - b.seq)
  for (const writer of table.writers.values()) {
    const linked: Register[] = []
    for (let at = writer.newest; at; at = at.older) {
      linked.push(at)
      if (at.older && at.older.newer !== at) return `the list of ${writer.key} is torn at ${at.seq}`
    }
    const problem = same(
      'a writer list',
      linked.reverse().map(name),
      bySeq(held.filter(register => register.writer === writer)).map(name)
    )
    if (problem) return problem
  }
  const ofEach = (wanted: (register: Register) => boolean): string[] =>
    [...table.writers.values()].flatMap(writer =>
      bySeq(held.filter(register => register.writer === writer && wanted(register))).map(name)
    )
  const middle = Math.floor(table.changeIndex / 2)
  return (
    same('size', table.size, held.length) ??
    same('live', table.live, registers.filter(register => register.value !== undefined).length) ??
    same(
      'tombstones',
      [...table.tombstones].map(name).sort(),
      registers
        .filter(register => register.value === undefined)
        .map(name)
        .sort()
    ) ??
    same('hash', table.hash(), hashFromScratch(table)) ??
    same(
      'changes',
      table.changedSince(middle).map(name),
      held
        .filter(register => register.changeIndex > middle)
        .sort((a, b) => a.changeIndex - b.changeIndex)
        .map(name)
    ) ??
    same(
      'owed',
      table.owedTo(peer).map(name),
      ofEach(register => !peer.has(register))
    ) ??
    same('have', dotsOf(table.have()), dotsOf(naiveHave(table, held))) ??
    same(
      'beyond',
      (table.addressesBeyond(vector, 1_000) ?? []).sort(),
      held
        .filter(register => !covers(vector, register.writer, register.seq))
        .map(register => addressOf(register.path, register.slot))
        .sort()
    )
  )
}

function naiveHave(table: RegisterTable, held: readonly Register[]): DotRuns[] {
  return [...table.writers.values()]
    .map(writer => ({
      writer,
      runs: held
        .filter(register => register.writer === writer && !table.covers(writer, register.seq))
        .map(register => [register.seq, 1] as const)
        .sort((a, b) => a[0] - b[0])
    }))
    .filter(({ runs }) => runs.length > 0)
}

/** The single dots that runs stand for; runs that touch or overlap are a mistake. */
export function dotsOf(have: readonly DotRuns[]): Record<WriterKey, number[]> {
  return Object.fromEntries(
    have.map(({ writer, runs }) => [
      writer.key,
      runs.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i))
    ])
  )
}

export function hlcAt(ms: number): HlcTime {
  return hlcFromMs(startMs + ms)
}
