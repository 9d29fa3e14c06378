/**
 * The register table: one space's device state. See SPEC.md beside this file for the rules (REG-…) that tests carry.
 *
 * It is sans-I/O: time comes from its HLC and trusted clock, nothing is awaited, and one call is one turn. It keeps
 * - one {@link Register} an address, and a shadow beside it when a stamp is too far ahead (I5);
 * - one {@link WriterLog} a writer, whose list by seq gives deltas in O(changed) (I1, I2);
 * - one list of all registers by latest change, from which sessions and the store take what they have not seen: a reader that falls
 *   behind costs nothing, since an overwritten register stands in it once.
 *
 * @example
 * const table = new RegisterTable({ node, trusted, random })
 * table.set('ahu/1/supply-temp', 18.5)
 * table.get('ahu/1/supply-temp')?.value // 18.5
 */
import { assert, Hlc, hlcFromMs, hlcToMs, type HlcTime, type NodeId, type Random, type TrustedClock, type Value } from '@selvedge/core'
import { DueQueue } from './due-queue.js'
import { addressOf, isNewer, Register, type Dot, type Entry, type Quality, type WriterKey } from './register.js'
import { hashRegister, type TableHash } from './register-hash.js'
import { checkWriterKey, makeWriterKey, WriterLog } from './writer-log.js'
import { VoidList, voidPath } from './voids.js'
import { covers, type DotRuns, type PeerView, type VersionVector } from './version-vector.js'

export interface RegisterTableOptions {
  readonly node: NodeId
  readonly trusted: TrustedClock
  readonly random: Random
  /** Called after a register changed, a shadow came or went, or a register fell due. Must not write to the table. */
  readonly onChange?: (change: TableChange) => void
  /** Called when a register leaves the table without a successor, so that the store forgets it too. */
  readonly onDrop?: (register: Register) => void
  /** Called when something happened that an operator should know. */
  readonly onAlarm?: (alarm: TableAlarm) => void
}

export interface TableChange {
  readonly register: Register
  /** Session in which it came; 0: written here, loaded, or fallen due. */
  readonly source: number
}

export type TableAlarm =
  /** A peer knows writes of this incarnation that this table never made: a cloned disk or memory (I4). */
  | { readonly kind: 'equivocation'; readonly writer: WriterKey; readonly claimedSeq: number; readonly ownSeq: number }
  /** Own clock was found ahead: stamps beyond skew became shadows (I5). */
  | { readonly kind: 'clock-ahead'; readonly aheadMs: number; readonly shadowed: number }
  | { readonly kind: 'incarnation-closed'; readonly writer: WriterKey }

/** The hash of one instant (see {@link RegisterTable.freezeHash}). */
export interface FrozenHash {
  readonly hash: TableHash
  readonly changeIndex: number
  /** Contributions, at that instant, of addresses changed since. */
  readonly before: Map<string, { readonly a: number; readonly b: number }>
  without(addresses: Iterable<string>): TableHash
  release(): void
}

export interface WriteOptions {
  readonly slot?: string
  readonly quality?: Quality
  /** Trusted wall milliseconds from which the register reads as absent. */
  readonly expiresAtMs?: number
}

export interface WriteResult {
  readonly dot: Dot
  /** The own stamp is too far ahead: stored and sent, but not obeyed until trusted time comes near (I5). */
  readonly shadowed: boolean
}

/** What became of a received entry. `lost`: an older or equal one; `rebut`: the sender must be answered with the winner (I6). */
export type MergeOutcome = 'applied' | 'shadowed' | 'duplicate' | 'lost' | 'rebut' | 'voided'

const qualityCodes: Readonly<Record<Quality, number>> = { good: 0, uncertain: 1, bad: 2 }

export class RegisterTable {
  readonly node: NodeId
  readonly hlc: Hlc
  readonly trusted: TrustedClock
  readonly writers = new Map<WriterKey, WriterLog>()
  /** Closed floor: node → creation time up to which its incarnations are closed. */
  readonly closed = new Map<NodeId, HlcTime>()
  readonly shadows = new Map<string, Register>()
  readonly tombstones = new Set<Register>()

  private readonly registers = new Map<string, Register>()
  /** Path → slot → register, for slots other than ''. */
  private readonly composites = new Map<string, Map<string, Register>>()
  private readonly voids = new VoidList()
  private readonly due = new DueQueue<Register>()
  private readonly unhashed: Register[] = []
  private hashA = 0
  private hashB = 0
  private hashCount = 0
  private lastChange: Register | undefined
  private changes = 0
  private own: WriterLog | undefined
  private batchSeq = 0
  private batchDepth = 0
  private liveCount = 0
  private vectorMoves = 0
  private readonly freezes = new Set<FrozenHash>()

  constructor(private readonly options: RegisterTableOptions) {
    this.node = options.node
    this.trusted = options.trusted
    this.hlc = new Hlc(() => options.trusted.nowMs())
  }

  // ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The live register of an address: no tombstone, not expired. */
  get(path: string, slot = ''): Register | undefined {
    const register = this.registers.get(slot === '' ? path : addressOf(path, slot))
    if (register === undefined || register.value === undefined || this.isExpired(register)) return undefined
    return register
  }

  /** What stands at an address, tombstones and expired ones included. */
  peek(path: string, slot = ''): Register | undefined {
    return this.registers.get(addressOf(path, slot))
  }

  peekAddress(address: string): Register | undefined {
    return this.registers.get(address)
  }

  /** Live registers of a path's slots other than ''. */
  *slots(path: string): IterableIterator<Register> {
    for (const register of this.composites.get(path)?.values() ?? [])
      if (register.value !== undefined && !this.isExpired(register)) yield register
  }

  /** Every register, tombstones included, shadows apart. */
  all(): IterableIterator<Register> {
    return this.registers.values()
  }

  isExpired(register: Register): boolean {
    return register.expiresAtMs !== 0 && register.expiresAtMs <= this.trusted.nowMs()
  }

  /** Registers held, tombstones and shadows included. */
  get size(): number {
    return this.registers.size + this.shadows.size
  }

  /** Registers that are no tombstones. */
  get live(): number {
    return this.liveCount
  }

  // ── writing here ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes a value that was validated and belongs to the table from now on. */
  set(path: string, value: Value, options?: WriteOptions): WriteResult {
    return this.write(
      path,
      options?.slot ?? '',
      value,
      options?.quality === undefined ? 0 : qualityCodes[options.quality],
      options?.expiresAtMs ?? 0
    )
  }

  /** Writes a tombstone. Deleting what is absent writes one all the same: another replica may hold it. */
  delete(path: string, slot = ''): WriteResult {
    return this.write(path, slot, undefined, 0, 0)
  }

  /** Writes made inside `fn` travel and are stored together (I1). */
  batch<T>(fn: () => T): T {
    if (this.batchDepth++ === 0) this.batchSeq = this.ownWriter().covered + 1
    try {
      return fn()
    } finally {
      if (--this.batchDepth === 0) this.batchSeq = 0
    }
  }

  private write(path: string, slot: string, value: Value | undefined, quality: number, expiresAtMs: number): WriteResult {
    const writer = this.ownWriter()
    const time = this.hlc.tick()
    const seq = ++writer.covered
    this.vectorMoves++
    const dot = { writer: writer.key, seq }
    const entry = { path, slot, value, time, writer, seq, quality, expiresAtMs, batch: this.batchSeq }
    const shadowed = time > this.skewLimit()
    if (shadowed) this.placeShadow(entry, 0)
    else this.place(entry, 0)
    return { dot, shadowed }
  }

  /** This boot's writer, made when first asked for (I4). */
  ownWriter(): WriterLog {
    if (this.own) return this.own
    const createdAt = this.hlc.tick()
    this.own = this.writer(makeWriterKey(this.node, createdAt, this.options.random))
    return this.own
  }

  /** The incarnation in use, if it has written. */
  get ownWriterKey(): WriterKey | undefined {
    return this.own?.key
  }

  /** Interns a writer; text from outside is checked. */
  writer(key: WriterKey): WriterLog {
    let writer = this.writers.get(key)
    if (!writer) this.writers.set(key, (writer = new WriterLog(checkWriterKey(key))))
    return writer
  }

  // ── merging ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Merges one received entry (REG-2). Does not move the vector: only {@link seal} does.
   * @param source the session it came in, above 0
   * @param sender what the sender covers, to see that it has dropped what beats its entry (I6)
   * @param onContest called before two different writes of one address meet: the material of conflicts (I8)
   */
  merge(entry: Entry, source: number, sender?: PeerView, onContest?: (mine: Register, entry: Entry) => void): MergeOutcome {
    if (entry.writer === this.own && entry.seq > this.own.covered) this.claimedAbove(entry.seq)
    if (this.voids.size > 0 && this.voids.has(entry)) return 'voided'
    const address = addressOf(entry.path, entry.slot)
    const mine = this.registers.get(address)
    if (mine !== undefined && onContest && (mine.writer !== entry.writer || mine.seq !== entry.seq)) onContest(mine, entry)
    if (mine !== undefined && !isNewer(entry, mine)) {
      if (mine.writer === entry.writer && mine.seq === entry.seq) return 'duplicate'
      return sender?.covers(mine.writer, mine.seq) ? 'rebut' : 'lost'
    }
    if (entry.time > this.skewLimit()) return this.placeShadow(entry, source) ? 'shadowed' : 'duplicate'
    this.hlc.observe(entry.time)
    this.place(entry, source)
    return 'applied'
  }

  /** The seal (I1): what `vector` covers is covered here from now on. Called once every register owed has been merged. */
  seal(vector: VersionVector): void {
    for (const [key, seq] of vector.seqs) {
      const writer = this.writer(key)
      if (writer === this.own) {
        if (seq > writer.covered) this.claimedAbove(seq)
      } else if (seq > writer.covered) {
        writer.covered = seq
        this.vectorMoves++
      }
    }
    for (const [node, time] of vector.closed) this.close(node, time)
  }

  /** Incarnations of `node` made at or before `time` are covered for good. */
  close(node: NodeId, time: HlcTime): void {
    if (time <= (this.closed.get(node) ?? Number.NEGATIVE_INFINITY)) return
    this.closed.set(node, time)
    this.vectorMoves++
    if (this.own && this.own.node === node && this.own.createdAt <= time) {
      this.options.onAlarm?.({ kind: 'incarnation-closed', writer: this.own.key })
      this.renewIncarnation()
    }
  }

  /** Whether this replica covers the write (writer, seq). */
  covers(writer: WriterLog, seq: number): boolean {
    if (seq <= writer.covered) return true
    return this.closed.size > 0 && (this.closed.get(writer.node) ?? Number.NEGATIVE_INFINITY) >= writer.createdAt
  }

  /** The version vector of this instant. */
  vector(): VersionVector {
    const seqs = new Map<WriterKey, number>()
    for (const writer of this.writers.values()) if (writer.covered > 0 && !this.isClosed(writer)) seqs.set(writer.key, writer.covered)
    return { seqs, closed: new Map(this.closed) }
  }

  /** Rises whenever the vector does: equal numbers mean an equal vector. */
  get vectorVersion(): number {
    return this.vectorMoves
  }

  /** GC floors above 0. */
  floors(): Map<WriterKey, number> {
    const floors = new Map<WriterKey, number>()
    for (const writer of this.writers.values()) if (writer.floor > 0) floors.set(writer.key, writer.floor)
    return floors
  }

  raiseFloor(key: WriterKey, seq: number): void {
    const writer = this.writer(key)
    if (seq > writer.floor) writer.floor = seq
  }

  isClosed(writer: WriterLog): boolean {
    return this.closed.size > 0 && (this.closed.get(writer.node) ?? Number.NEGATIVE_INFINITY) >= writer.createdAt
  }

  // ── deltas ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Registers that the peer neither covers nor told that it has, by writer and seq upwards (I1). Costs O(owed). */
  owedTo(peer: PeerView): Register[] {
    const owed: Register[] = []
    for (const writer of this.writers.values()) {
      const start = owed.length
      for (let at = writer.newest; at && !peer.covers(writer, at.seq); at = at.older) if (!peer.has(at)) owed.push(at)
      reverse(owed, start)
    }
    return owed
  }

  /** Dots held above the vector (I2). */
  have(): DotRuns[] {
    const have: DotRuns[] = []
    for (const writer of this.writers.values()) {
      const runs: [number, number][] = []
      for (let at = writer.newest; at && !this.covers(writer, at.seq); at = at.older) {
        const last = runs[runs.length - 1]
        if (last && last[0] === at.seq + 1) {
          last[0] = at.seq
          last[1]++
        } else runs.push([at.seq, 1])
      }
      if (runs.length > 0) have.push({ writer, runs: runs.reverse() })
    }
    return have
  }

  /** Number of the latest change: a reader that has seen all up to here has seen everything. */
  get changeIndex(): number {
    return this.changes
  }

  /** Registers changed after `index`, oldest change first. Costs O(changed). */
  changedSince(index: number): Register[] {
    const changed: Register[] = []
    for (let at = this.lastChange; at && at.changeIndex > index; at = at.changedBefore) changed.push(at)
    return changed.reverse()
  }

  // ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Stamps above this are not obeyed yet (I5). */
  skewLimit(): HlcTime {
    return hlcFromMs(this.trusted.nowMs() + this.trusted.maxClockSkewMs)
  }

  /** Trusted wall milliseconds at which {@link advance} has something to do; undefined: nothing is pending. */
  nextDueMs(): number | undefined {
    return this.due.peekMs()
  }

  /** Does what has fallen due: expired registers read as absent, then become tombstones (I9); shadows become registers (I5). */
  advance(): void {
    const nowMs = this.trusted.nowMs()
    if (this.hlc.last > this.skewLimit()) this.stepBack()
    for (let due = this.due.popDue(nowMs); due; due = this.due.popDue(nowMs)) {
      const register = due.item
      if (register.gone) continue
      if (register.shadow) {
        if (hlcToMs(register.time) <= nowMs + this.trusted.maxClockSkewMs) this.promote(register)
      } else if (register.expiresAtMs !== 0 && register.value !== undefined) this.expire(register, nowMs)
    }
  }

  private expire(register: Register, nowMs: number): void {
    const keptUntilMs = register.expiresAtMs + this.trusted.maxClockSkewMs
    if (register.expiresAtMs > nowMs) return // overwritten with a later expiry, which has an entry of its own
    if (keptUntilMs <= nowMs) {
      this.unhash(register)
      register.value = undefined
      this.liveCount--
      this.tombstones.add(register)
      this.touch(register, register.source)
      return
    }
    this.due.push(keptUntilMs, register)
    this.options.onChange?.({ register, source: 0 })
  }

  // A stamp of one's own is further ahead than the skew: the clock was ahead and has been repaired (I5).
  private stepBack(): void {
    const limit = this.skewLimit()
    const ahead = [...this.registers.values()].filter(register => register.time > limit)
    const aheadMs = hlcToMs(this.hlc.last) - this.trusted.nowMs()
    this.hlc.reset(hlcFromMs(this.trusted.nowMs()))
    this.own = undefined
    for (const register of ahead) {
      const { path, slot, value, time, writer, seq, quality, expiresAtMs, batch, source } = register
      this.remove(register)
      this.placeShadow({ path, slot, value, time, writer, seq, quality, expiresAtMs, batch }, source)
    }
    this.options.onAlarm?.({ kind: 'clock-ahead', aheadMs, shadowed: ahead.length })
  }

  // ── shadows ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Discards a shadow (REG-9): a replicated void names it, so that it stays discarded wherever it is met. */
  discardShadow(path: string, slot = ''): WriteResult | undefined {
    const shadow = this.shadows.get(addressOf(path, slot))
    if (!shadow) return undefined
    return this.set(voidPath, VoidList.valueOf(shadow), { slot: VoidList.slotOf(shadow) })
  }

  /** Releases a shadow: its value is written anew, with a stamp of now, and the shadow voided. */
  releaseShadow(path: string, slot = ''): WriteResult | undefined {
    const shadow = this.shadows.get(addressOf(path, slot))
    if (!shadow) return undefined
    return this.batch(() => {
      this.discardShadow(path, slot)
      return this.write(path, slot, shadow.value, shadow.quality, shadow.expiresAtMs)
    })
  }

  private placeShadow(entry: Entry, source: number): boolean {
    const address = addressOf(entry.path, entry.slot)
    const held = this.shadows.get(address)
    if (held && !isNewer(entry, held)) return false
    if (held) this.remove(held)
    const shadow = new Register(entry.path, entry.slot, entry)
    shadow.shadow = true
    this.shadows.set(address, shadow)
    this.due.push(hlcToMs(entry.time) - this.trusted.maxClockSkewMs, shadow)
    entry.writer.insert(shadow)
    const beside = this.registers.get(address)
    if (beside) this.unhash(beside)
    this.queueHash(shadow)
    this.touch(shadow, source)
    return true
  }

  private promote(shadow: Register): void {
    this.remove(shadow)
    const mine = this.registers.get(addressOf(shadow.path, shadow.slot))
    this.hlc.observe(shadow.time)
    if (!mine || isNewer(shadow, mine)) this.place(shadow, shadow.source)
  }

  // ── incarnations ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private claimedAbove(claimedSeq: number): void {
    const own = this.own
    assert(own, 'only the own writer can be claimed above')
    this.options.onAlarm?.({ kind: 'equivocation', writer: own.key, claimedSeq, ownSeq: own.covered })
    this.renewIncarnation()
  }

  /** Takes a new incarnation and gives every register of the old one a new dot (same stamp and value: I4). */
  renewIncarnation(): void {
    const old = this.own
    this.own = undefined
    if (!old) return
    const registers: Register[] = []
    for (let at = old.newest; at; at = at.older) registers.push(at)
    const writer = this.ownWriter()
    for (const register of registers.reverse()) {
      old.remove(register)
      register.writer = writer
      register.seq = ++writer.covered
      this.vectorMoves++
      register.batch = 0
      writer.insert(register)
      this.touch(register, 0)
    }
  }

  // ── dropping ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Drops tombstones whose dot every member covers durably, and raises the floor (I6). Returns how many. */
  collect(coveredByAll: (register: Register) => boolean): number {
    let dropped = 0
    for (const register of this.tombstones) {
      // A shadow of the same address still needs the tombstone's stamp no less: it is collected on its own.
      if (!coveredByAll(register)) continue
      register.writer.floor = Math.max(register.writer.floor, register.seq)
      this.drop(register)
      dropped++
    }
    return dropped
  }

  /** Drops what a peer covers and, by its frozen list of addresses, no longer holds (I6). Returns what was dropped. */
  dropUnheld(held: ReadonlySet<string>, sender: PeerView): Register[] {
    const dropped: Register[] = []
    for (const pool of [this.registers, this.shadows])
      for (const [address, register] of pool)
        if (!held.has(address) && sender.covers(register.writer, register.seq)) dropped.push(register)
    for (const register of dropped) this.drop(register)
    return dropped
  }

  private drop(register: Register): void {
    this.remove(register)
    this.options.onDrop?.(register)
    this.options.onChange?.({ register, source: 0 })
  }

  /** Forgets what is covered (I4): after a loss found at open, or when a test says so. Registers stay and become `have`. */
  forgetCoverage(): void {
    for (const writer of this.writers.values()) {
      writer.covered = 0
      writer.floor = 0
    }
    this.closed.clear()
    this.own = undefined
    this.vectorMoves++
  }

  // ── hash ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The hash of what is held and live (I7). Costs O(changed since the last call). */
  hash(): TableHash {
    for (const register of this.unhashed) {
      register.hashQueued = false
      if (register.hashed || !this.isHashed(register)) continue
      hashRegister(register)
      register.hashed = true
      this.hashA = (this.hashA + register.hashA) >>> 0
      this.hashB = (this.hashB + register.hashB) >>> 0
      this.hashCount++
    }
    this.unhashed.length = 0
    return { a: this.hashA, b: this.hashB, count: this.hashCount }
  }

  /** The hash without some addresses: those that a peer can't hold alike yet. */
  hashWithout(addresses: Iterable<string>): TableHash {
    const whole = this.hash()
    let { a, b, count } = whole
    for (const address of new Set(addresses)) {
      const register = this.contributor(address)
      if (!register?.hashed) continue
      a = (a - register.hashA) >>> 0
      b = (b - register.hashB) >>> 0
      count--
    }
    return { a, b, count }
  }

  /**
   * Holds the hash of this instant, to be compared later while the table goes on changing: `frozen.without(addresses)` is what
   * {@link hashWithout} would have said now. Costs O(changed) while it is held; `release` it.
   */
  freezeHash(): FrozenHash {
    const frozen: FrozenHash = {
      hash: this.hash(),
      changeIndex: this.changes,
      before: new Map(),
      without: addresses => this.frozenWithout(frozen, addresses),
      release: () => void this.freezes.delete(frozen)
    }
    this.freezes.add(frozen)
    return frozen
  }

  private frozenWithout(frozen: FrozenHash, addresses: Iterable<string>): TableHash {
    let { a, b, count } = frozen.hash
    for (const address of new Set(addresses)) {
      const before = frozen.before.get(address)
      const register = before ? undefined : this.contributor(address)
      const part = before ?? (register?.hashed && register.changeIndex <= frozen.changeIndex ? { a: register.hashA, b: register.hashB } : undefined)
      if (!part) continue
      a = (a - part.a) >>> 0
      b = (b - part.b) >>> 0
      count--
    }
    return { a, b, count }
  }

  /** Addresses with a dot that `vector` does not cover; undefined when they are more than `max`. */
  addressesBeyond(vector: VersionVector, max: number): string[] | undefined {
    const addresses: string[] = []
    for (const writer of this.writers.values())
      for (let at = writer.newest; at && !covers(vector, writer, at.seq); at = at.older)
        if (addresses.push(addressOf(at.path, at.slot)) > max) return undefined
    return addresses
  }

  /** The register or shadow that stands for an address in the hash, if one does. */
  contributor(address: string): Register | undefined {
    const register = this.shadows.get(address) ?? this.registers.get(address)
    return register && this.isHashed(register) ? register : undefined
  }

  private isHashed(register: Register): boolean {
    if (register.gone || register.value === undefined || register.expiresAtMs !== 0) return false
    return register.shadow || this.shadows.size === 0 || !this.shadows.has(addressOf(register.path, register.slot))
  }

  private unhash(register: Register): void {
    if (!register.hashed) return
    register.hashed = false
    if (this.freezes.size > 0) {
      const address = addressOf(register.path, register.slot)
      for (const frozen of this.freezes) if (!frozen.before.has(address)) frozen.before.set(address, { a: register.hashA, b: register.hashB })
    }
    this.hashA = (this.hashA - register.hashA) >>> 0
    this.hashB = (this.hashB - register.hashB) >>> 0
    this.hashCount--
  }

  private queueHash(register: Register): void {
    if (register.hashQueued) return
    register.hashQueued = true
    this.unhashed.push(register)
  }

  // ── loading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Fills an empty table from what was stored, in the order it was stored; later forms of an address replace earlier ones. */
  load(stored: Iterable<Register>): void {
    assert(this.changes === 0, 'a table is loaded once, before it is used')
    for (const register of stored) {
      const pool = register.shadow ? this.shadows : this.registers
      const address = addressOf(register.path, register.slot)
      const before = pool.get(address)
      if (before) before.gone = true
      pool.set(address, register)
    }
    const byWriter = new Map<WriterLog, Register[]>()
    for (const pool of [this.registers, this.shadows])
      for (const register of pool.values()) {
        const list = byWriter.get(register.writer)
        if (list) list.push(register)
        else byWriter.set(register.writer, [register])
        this.admit(register)
      }
    for (const [writer, list] of byWriter) writer.link(list.sort((a, b) => a.seq - b.seq))
  }

  private admit(register: Register): void {
    register.changeIndex = ++this.changes
    this.appendChange(register)
    if (!register.shadow) {
      this.hlc.observe(register.time)
      if (register.slot !== '') this.addSlot(register)
      if (register.value === undefined) this.tombstones.add(register)
      else this.liveCount++
      if (register.expiresAtMs !== 0 && register.value !== undefined) this.due.push(register.expiresAtMs, register)
    } else this.due.push(hlcToMs(register.time) - this.trusted.maxClockSkewMs, register)
    if (register.path === voidPath) this.voids.add(register)
    this.queueHash(register)
  }

  // ── the one place where registers change ─────────────────────────────────────────────────────────────────────────────────

  private place(entry: Entry, source: number): void {
    const address = entry.slot === '' ? entry.path : addressOf(entry.path, entry.slot)
    let register = this.registers.get(address)
    if (register === undefined) {
      register = new Register(entry.path, entry.slot, entry)
      this.registers.set(address, register)
      if (entry.slot !== '') this.addSlot(register)
      if (entry.value === undefined) this.tombstones.add(register)
      else this.liveCount++
      entry.writer.insert(register)
    } else {
      this.unhash(register)
      if (register.value === undefined) {
        if (entry.value !== undefined) {
          this.tombstones.delete(register)
          this.liveCount++
        }
      } else if (entry.value === undefined) {
        this.tombstones.add(register)
        this.liveCount--
      }
      if (register.writer !== entry.writer || register.seq !== entry.seq) {
        register.writer.remove(register)
        register.writer = entry.writer
        register.seq = entry.seq
        entry.writer.insert(register)
      }
      register.value = entry.value
      register.time = entry.time
      register.quality = entry.quality
      register.expiresAtMs = entry.expiresAtMs
      register.batch = entry.batch
    }
    if (register.expiresAtMs !== 0 && register.value !== undefined) this.pushDue(register)
    if (this.shadows.size > 0) {
      const shadow = this.shadows.get(address)
      if (shadow && isNewer(register, shadow)) this.remove(shadow)
    }
    this.queueHash(register)
    this.touch(register, source)
    if (register.path === voidPath) this.applyVoid(register)
  }

  private pushDue(register: Register): void {
    this.due.push(register.expiresAtMs, register)
    // Expiries renewed before they fall due leave entries behind: rebuild when most of them are such.
    if (this.due.size > 1024 && this.due.size > 4 * this.size)
      this.due.retain((item, dueMs) => !item.gone && (item.shadow || item.expiresAtMs === dueMs || item.expiresAtMs + this.trusted.maxClockSkewMs === dueMs))
  }

  private applyVoid(register: Register): void {
    const address = this.voids.add(register)
    if (address === undefined) return
    for (const pool of [this.registers, this.shadows]) {
      const named = pool.get(address)
      if (named && this.voids.has(named)) this.drop(named)
    }
  }

  private addSlot(register: Register): void {
    const slots = this.composites.get(register.path)
    if (slots) slots.set(register.slot, register)
    else this.composites.set(register.path, new Map([[register.slot, register]]))
  }

  private remove(register: Register): void {
    const address = addressOf(register.path, register.slot)
    this.unhash(register)
    register.gone = true
    register.writer.remove(register)
    this.unlinkChange(register)
    if (register.shadow) {
      this.shadows.delete(address)
      const beside = this.registers.get(address)
      if (beside) this.queueHash(beside)
      return
    }
    this.registers.delete(address)
    if (register.value === undefined) this.tombstones.delete(register)
    else this.liveCount--
    if (register.slot === '') return
    const slots = this.composites.get(register.path)
    slots?.delete(register.slot)
    if (slots?.size === 0) this.composites.delete(register.path)
  }

  private touch(register: Register, source: number): void {
    if (register.changeIndex !== 0 && this.lastChange !== register) this.unlinkChange(register)
    if (this.lastChange !== register) this.appendChange(register)
    register.changeIndex = ++this.changes
    register.source = source
    this.options.onChange?.({ register, source })
  }

  private appendChange(register: Register): void {
    register.changedBefore = this.lastChange
    register.changedAfter = undefined
    if (this.lastChange) this.lastChange.changedAfter = register
    this.lastChange = register
  }

  private unlinkChange(register: Register): void {
    if (register.changedAfter) register.changedAfter.changedBefore = register.changedBefore
    else if (this.lastChange === register) this.lastChange = register.changedBefore
    if (register.changedBefore) register.changedBefore.changedAfter = register.changedAfter
    register.changedBefore = undefined
    register.changedAfter = undefined
  }
}

function reverse(list: unknown[], from: number): void {
  for (let low = from, high = list.length - 1; low < high; low++, high--) [list[low], list[high]] = [list[high], list[low]]
}
