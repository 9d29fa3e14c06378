/**
 * The register table: one space's device state. See SPEC.md of this package for the rules (REG-…) that tests carry.
 *
 * It is sans-I/O: time comes from its HLC and trusted clock, nothing is awaited, and one call is one turn. It decides which entry
 * wins, what is covered, what falls due and what may be dropped; {@link Holdings} keeps the registers and all that is in step with
 * them, {@link Coverage} the writers and the version vector.
 *
 * @example
 * const table = new RegisterTable({ node, trusted, random })
 * table.set('ahu/1/supply-temp', 18.5)
 * table.get('ahu/1/supply-temp')?.value // 18.5
 */
import { Hlc, hlcFromMs, hlcToMs, type HlcTime, type NodeId, type TrustedClock, type Value } from '@selvedge/core'
import { Coverage } from './coverage.js'
import { collectTombstones, dropUnheld, heldNames } from './dropping.js'
import { Holdings } from './holdings.js'
import type { FrozenHash } from './incremental-hash.js'
import { renewDots, straysOf, writtenBy } from './incarnations.js'
import { TableLoading } from './loading.js'
import { outcomeAgainst } from './merge-outcome.js'
import { addressOf, type Entry, isNewer, qualityCodes, type Register, sameDot, voidPath, type WriterLog } from './register.js'
import type { TableHash } from './register-hash.js'
import type { MergeOutcome, RegisterTableOptions, WriteOptions, WriteResult } from './table-options.js'
import type { DotRuns, PeerView, VersionVector } from './version-vector.js'
import { beneathVoid, slotOfVoid, valueOfVoid } from './voids.js'
import { makeWriterKey, type WriterKey } from './writer-key.js'

export class RegisterTable {
  readonly node: NodeId
  readonly hlc: Hlc
  readonly trusted: TrustedClock
  readonly writers: ReadonlyMap<WriterKey, WriterLog>
  /** Closed floor: node → creation time up to which its incarnations are closed. */
  readonly closed: ReadonlyMap<NodeId, HlcTime>
  readonly shadows: ReadonlyMap<string, Register>
  readonly tombstones: ReadonlySet<Register>
  readonly composites: ReadonlyMap<string, ReadonlyMap<string, Register>>

  private readonly holdings: Holdings
  private readonly coverage = new Coverage()
  private own: WriterLog | undefined
  private batchSeq = 0
  private batchDepth = 0

  constructor(private readonly options: RegisterTableOptions) {
    this.node = options.node
    this.trusted = options.trusted
    this.hlc = new Hlc(() => options.trusted.nowMs())
    this.holdings = new Holdings(options.trusted, options, voiding => this.putBack(voiding))
    this.writers = this.coverage.writers
    this.closed = this.coverage.closed
    this.shadows = this.holdings.shadows
    this.tombstones = this.holdings.tombstones
    this.composites = this.holdings.composites
  }

  // ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The live register of an address: no tombstone, not expired. */
  get(path: string, slot = ''): Register | undefined {
    const register = this.holdings.registers.get(slot === '' ? path : addressOf(path, slot))
    if (register === undefined || register.value === undefined || this.isExpired(register)) return undefined
    return register
  }

  /** What stands at an address, tombstones and expired ones included. */
  peek(path: string, slot = ''): Register | undefined {
    return this.holdings.registers.get(addressOf(path, slot))
  }

  peekAddress(address: string): Register | undefined {
    return this.holdings.registers.get(address)
  }

  /** Live registers of a path's slots other than ''. */
  *slots(path: string): IterableIterator<Register> {
    for (const register of this.holdings.slots(path))
      if (register.value !== undefined && !this.isExpired(register)) yield register
  }

  /** Every register, tombstones included, shadows apart. */
  all(): IterableIterator<Register> {
    return this.holdings.registers.values()
  }

  isExpired(register: Pick<Register, 'expiresAtMs'>): boolean {
    return register.expiresAtMs !== 0 && register.expiresAtMs <= this.trusted.nowMs()
  }

  /** Registers held, tombstones and shadows included. */
  get size(): number {
    return this.holdings.registers.size + this.shadows.size
  }

  /** Registers that are no tombstones. */
  get live(): number {
    return this.holdings.live
  }

  // ── writing here ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes a value that was validated and belongs to the table from now on. */
  set(path: string, value: Value, options?: WriteOptions): WriteResult {
    const quality = options?.quality === undefined ? 0 : qualityCodes[options.quality]
    return this.write(path, options?.slot ?? '', value, quality, options?.expiresAtMs ?? 0)
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
    const nowMs = this.trusted.nowMs()
    let time = this.hlc.tick(nowMs)
    // Since a clock that was ahead went back, a time of this node can come again: never one that is void.
    const { voids } = this.holdings
    while (voids.size > 0 && voids.has({ path, slot, time, writer })) time = this.hlc.tick(nowMs)
    const seq = this.coverage.next(writer)
    const shadowed = time > this.skewLimit(nowMs)
    const batch = this.batchSeq
    const plain = slot === '' && value !== undefined && expiresAtMs === 0 && !shadowed
    if (!plain || !this.holdings.rewrite(path, value, time, writer, seq, quality, batch))
      this.holdings[shadowed ? 'placeShadow' : 'place']({ path, slot, value, time, writer, seq, quality, expiresAtMs, batch }, 0)
    if (this.shadows.size > 0 && !shadowed) this.holdings.judgeWrite(path, slot)
    return { writer: writer.key, seq, shadowed }
  }

  /** This boot's writer, made when first asked for (I4). */
  ownWriter(): WriterLog {
    if (this.own) return this.own
    // Made after every incarnation that is closed, whatever the clock says: else its writes would be taken for covered.
    const createdAt = Math.max(this.hlc.tick(), this.coverage.closedUpTo(this.node) + 1)
    this.own = this.writer(makeWriterKey(this.node, createdAt, this.options.random))
    return this.own
  }

  /** The incarnation in use, if it has written. */
  get ownWriterKey(): WriterKey | undefined {
    return this.own?.key
  }

  /** Interns a writer; text from outside is checked. */
  writer(key: WriterKey): WriterLog {
    return this.coverage.writer(key)
  }

  // ── merging ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Merges one received entry (REG-2). Does not move the vector: only {@link seal} does.
   * @param source the session it came in, above 0
   * @param sender what the sender covers, to see that it has dropped what beats its entry (I6)
   * @param onContest called before two different writes of one address meet: the material of conflicts (I8)
   */
  merge(entry: Entry, source: number, sender?: PeerView, onContest?: (mine: Register, entry: Entry) => void): MergeOutcome {
    if (entry.writer === this.own && entry.seq > this.own.covered) this.claimedAbove(this.own, entry.seq)
    const { holdings } = this
    if (holdings.voids.size > 0 && holdings.voids.has(entry)) return 'voided'
    const address = addressOf(entry.path, entry.slot)
    const mine = holdings.registers.get(address)
    // What is held back there stands in its place one day.
    const beside = onContest && this.shadows.size > 0 ? this.shadows.get(address) : undefined
    if (beside !== undefined && onContest && !sameDot(beside, entry)) onContest(beside, entry)
    if (mine !== undefined && onContest && !sameDot(mine, entry)) onContest(mine, entry)
    if (mine !== undefined && !isNewer(entry, mine)) return outcomeAgainst(mine, entry, sender)
    if (entry.time > this.skewLimit())
      return holdings.placeShadow(entry, source) ? 'shadowed' : outcomeAgainst(this.shadows.get(address)!, entry, sender)
    this.hlc.observe(entry.time)
    holdings.place(entry, source)
    return 'applied'
  }

  /** The register or shadow that beats an entry which {@link merge} called `lost` or `rebut`. */
  winnerOver(entry: Entry): Register | undefined {
    const address = addressOf(entry.path, entry.slot)
    return [this.holdings.registers.get(address), this.shadows.get(address)].find(held => held && !isNewer(entry, held))
  }

  /** The seal (I1): what `vector` covers is covered here from now on. Called once every register owed has been merged. */
  seal(vector: VersionVector): void {
    for (const [key, seq] of vector.seqs) {
      const writer = this.writer(key)
      if (writer === this.own && seq > writer.covered) this.claimedAbove(writer, seq)
      this.coverage.raise(writer, seq)
    }
    for (const [node, time] of vector.closed) this.close(node, time)
  }

  /** Incarnations of `node` made at or before `time` are covered for good. */
  close(node: NodeId, time: HlcTime): void {
    if (!this.coverage.close(node, time) || !this.own || !this.coverage.isClosed(this.own)) return
    this.options.onAlarm?.({ kind: 'incarnation-closed', writer: this.own.key })
    this.renewIncarnation()
  }

  /** Whether this replica covers the write (writer, seq). */
  covers(writer: WriterLog, seq: number): boolean {
    return this.coverage.covers(writer, seq)
  }

  /** The version vector of this instant. */
  vector(): VersionVector {
    return this.coverage.vector()
  }

  /** Rises whenever the vector does: equal numbers mean an equal vector. */
  get vectorVersion(): number {
    return this.coverage.version
  }

  /** GC floors above 0. */
  floors(): Map<WriterKey, number> {
    return this.coverage.floors()
  }

  raiseFloor(key: WriterKey, seq: number): void {
    const writer = this.writer(key)
    if (seq > writer.floor) writer.floor = seq
  }

  isClosed(writer: WriterLog): boolean {
    return this.coverage.isClosed(writer)
  }

  // ── deltas ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Registers that the peer neither covers nor told that it has, by writer and seq upwards (I1). Costs O(owed). */
  owedTo(peer: PeerView): Register[] {
    return this.coverage.owedTo(peer)
  }

  /** Dots held above the vector (I2). */
  have(): DotRuns[] {
    return this.coverage.have()
  }

  /** Number of the latest change: a reader that has seen all up to here has seen everything. */
  get changeIndex(): number {
    return this.holdings.changes.index
  }

  /** Registers changed after `index`, oldest change first. Costs O(changed). */
  changedSince(index: number): Register[] {
    return this.holdings.changes.since(index)
  }

  // ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Stamps above this are not obeyed yet (I5): it is the last of its millisecond, as what falls due goes by milliseconds. */
  skewLimit(nowMs = this.trusted.nowMs()): HlcTime {
    return hlcFromMs(nowMs + this.trusted.maxClockSkewMs + 1) - 1
  }

  /** Trusted wall milliseconds at which {@link advance} has something to do; undefined: nothing is pending. */
  nextDueMs(): number | undefined {
    return this.holdings.nextDueMs()
  }

  /** Does what has fallen due: expired registers read as absent, then become tombstones (I9); shadows become registers (I5). */
  advance(): void {
    const nowMs = this.trusted.nowMs()
    if (this.hlc.last > this.skewLimit()) this.stepBack()
    this.holdings.fallDue(nowMs, shadow => {
      this.hlc.observe(shadow.time)
      this.holdings.promote(shadow)
    })
  }

  // A stamp that was followed is further ahead than the skew: the clock was ahead and has been repaired (I5).
  private stepBack(): void {
    const aheadMs = hlcToMs(this.hlc.last) - this.trusted.nowMs()
    const { shadowed, latest } = this.holdings.shadowBeyond(this.skewLimit())
    this.hlc.reset(hlcFromMs(this.trusted.nowMs()))
    // What is obeyed is followed: a write from now on must beat what it overwrites.
    this.hlc.observe(latest)
    this.own = undefined
    this.options.onAlarm?.({ kind: 'clock-ahead', aheadMs, shadowed })
  }

  // ── shadows ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Discards a shadow (REG-9): a replicated void names it, so that it stays discarded wherever it is met. */
  discardShadow(path: string, slot = ''): WriteResult | undefined {
    const shadow = this.shadows.get(addressOf(path, slot))
    return shadow && this.voidWrite(shadow)
  }

  /** Releases a shadow: its value is written anew, with a stamp of now, and the shadow voided. */
  releaseShadow(path: string, slot = ''): WriteResult | undefined {
    const shadow = this.shadows.get(addressOf(path, slot))
    if (!shadow) return undefined
    return this.batch(() => {
      const released = this.write(path, slot, shadow.value, shadow.quality, shadow.expiresAtMs)
      this.voidWrite(shadow)
      return released
    })
  }

  private voidWrite(shadow: Register): WriteResult {
    return this.set(voidPath, valueOfVoid(shadow, this.peek(shadow.path, shadow.slot)), { slot: slotOfVoid(shadow) })
  }

  // Here a void took out a register, not a shadow: what it had overwritten is what the void brings along.
  private putBack(voiding: Register): void {
    const beneath = beneathVoid(voiding, key => this.writer(key))
    if (beneath) this.merge(beneath, voiding.source)
  }

  // ── incarnations ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  private claimedAbove(own: WriterLog, claimedSeq: number): void {
    this.options.onAlarm?.({ kind: 'equivocation', writer: own.key, claimedSeq, ownSeq: own.covered })
    this.renewIncarnation()
  }

  /** Takes a new incarnation and gives every register of the old one a new dot (same stamp and value: I4). */
  renewIncarnation(): void {
    const old = this.own
    this.own = undefined
    if (old) renewDots(writtenBy(old), this.ownWriter(), this.holdings, this.coverage)
  }

  /** Gives new dots to what former incarnations wrote here and no seal has covered (REG-6). Returns how many. */
  adoptStrays(): number {
    const strays = straysOf(this.node, this.own, this.coverage)
    if (strays.length > 0) renewDots(strays, this.ownWriter(), this.holdings, this.coverage)
    return strays.length
  }

  // ── dropping ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Drops tombstones whose dot every member covers durably, and raises the floor (I6). Returns how many. */
  collect(coveredByAll: (register: Register) => boolean): number {
    return collectTombstones(this.holdings, coveredByAll)
  }

  /** Names of everything held, tombstones and shadows included: what {@link dropUnheld} is told. */
  heldNames(): IterableIterator<string> {
    return heldNames(this.holdings)
  }

  /** Drops what a peer covers and, by its frozen list of held names, no longer holds (I6). Returns what was dropped. */
  dropUnheld(held: ReadonlySet<string>, sender: PeerView): Register[] {
    return dropUnheld(this.holdings, held, sender)
  }

  /** Forgets what is covered (I4): after a loss found at open, or when a test says so. Registers stay and become `have`. */
  forgetCoverage(): void {
    this.coverage.forget()
    this.own = undefined
  }

  // ── hash ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The hash of what is held and live (I7). Costs O(changed since the last call). */
  hash(): TableHash {
    return this.holdings.hash.current()
  }

  /** The hash without some addresses: those that a peer can't hold alike yet. */
  hashWithout(addresses: Iterable<string>): TableHash {
    return this.holdings.hash.without(addresses)
  }

  /**
   * Holds the hash of this instant, to be compared later while the table goes on changing: `frozen.without(addresses)` is what
   * {@link hashWithout} would have said now. Costs O(changed) while it is held; `release` it.
   */
  freezeHash(): FrozenHash {
    return this.holdings.hash.freeze()
  }

  /** Addresses with a dot that `vector` does not cover; undefined when they are more than `max`. */
  addressesBeyond(vector: VersionVector, max: number): string[] | undefined {
    return this.coverage.addressesBeyond(vector, max)
  }

  /** The register or shadow that stands for an address in the hash, if one does. */
  contributor(address: string): Register | undefined {
    return this.holdings.contributor(address)
  }

  /** Begins to fill an empty table from what was stored: nothing else is asked of it until the loading has finished. */
  beginLoad(): TableLoading {
    return new TableLoading(this.holdings, this.hlc)
  }
}
