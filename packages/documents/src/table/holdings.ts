/**
 * What a table holds, and the one place where registers change: a register an address, a shadow beside it when a stamp is too far
 * ahead (I5), and everything that is kept in step with them: writers' lists, the change list, the hash, tombstones, what falls due,
 * voids. It decides nothing: which entry wins, and when, is the table's business.
 */
import { hlcToMs, type HlcTime, type TrustedClock, type Value } from '@selvedge/core'
import { ChangeList } from './change-list.js'
import { DueQueue } from './due-queue.js'
import { IncrementalHash } from './incremental-hash.js'
import { addressOf, type Entry, isNewer, isSystemPath, Register, valuesMatch, type WriterLog } from './register.js'
import type { RegisterTableOptions } from './table-options.js'
import { VoidList } from './voids.js'

/** How often what is disputed is looked at again. */
const disputedLookMs = 1_000

export class Holdings {
  readonly registers = new Map<string, Register>()
  readonly shadows = new Map<string, Register>()
  readonly tombstones = new Set<Register>()
  readonly voids = new VoidList()
  readonly changes = new ChangeList()
  readonly hash = new IncrementalHash(
    register => this.stands(register),
    address => this.shadows.get(address) ?? this.registers.get(address)
  )
  /** Path → slot → register, for slots other than ''. */
  readonly composites = new Map<string, Map<string, Register>>()
  private readonly due = new DueQueue<Register>()
  /** Expired for the skew and more by a clock that peers doubt. */
  private readonly disputed = new Set<Register>()
  private lookedAtMs = Number.NEGATIVE_INFINITY
  private liveCount = 0

  constructor(
    private readonly trusted: TrustedClock,
    private readonly options: Pick<RegisterTableOptions, 'onChange' | 'onDrop' | 'onOverruled'>,
    /** A void took out a register that had been obeyed, and with it what that had overwritten. */
    private readonly onUncovered: (voiding: Register) => void
  ) {}

  /** Registers that are no tombstones. */
  get live(): number {
    return this.liveCount
  }

  /** Registers of a path's slots other than '', tombstones included. */
  slots(path: string): Iterable<Register> {
    return this.composites.get(path)?.values() ?? []
  }

  /** Puts an entry in its address's place, whatever stands there: the caller has judged it the winner. */
  place(entry: Entry, source: number): void {
    const address = entry.slot === '' ? entry.path : addressOf(entry.path, entry.slot)
    let register = this.registers.get(address)
    if (register === undefined) {
      register = new Register(entry.path, entry.slot, entry)
      this.registers.set(address, register)
      this.count(register)
      entry.writer.insert(register)
    } else this.overwrite(register, entry)
    if (register.expiresAtMs !== 0 && register.value !== undefined) this.pushExpiry(register)
    if (this.shadows.size > 0) {
      const shadow = this.shadows.get(address)
      if (shadow && !isNewer(shadow, register)) this.leave(shadow)
    }
    this.hash.add(register)
    this.touch(register, source)
    if (register.isVoid) this.applyVoid(register)
  }

  private overwrite(register: Register, entry: Entry): void {
    this.hash.remove(register)
    if (register.isVoid) this.voids.remove(register)
    if (register.value === undefined ? entry.value !== undefined : entry.value === undefined) this.turn(register)
    register.relink(entry.writer, entry.seq)
    register.value = entry.value
    register.time = entry.time
    register.quality = entry.quality
    register.expiresAtMs = entry.expiresAtMs
    register.batch = entry.batch
  }

  /**
   * What {@link place} comes to for almost every write: a live value over a live value, plain and without an expiry, made here.
   * Returns whether it was of that kind. (A void always has a slot.)
   */
  rewrite(path: string, value: Value, time: HlcTime, writer: WriterLog, seq: number, quality: number, batch: number): boolean {
    const register = this.registers.get(path)
    if (register === undefined || register.value === undefined || this.shadows.size > 0) return false
    if (register.hashed) this.hash.remove(register)
    register.writer.remove(register)
    register.writer = writer
    register.seq = seq
    writer.insert(register)
    register.value = value
    register.time = time
    register.quality = quality
    register.expiresAtMs = 0
    register.batch = batch
    if (!register.hashQueued) this.hash.add(register)
    this.touch(register, 0)
    return true
  }

  /** A live register becomes a tombstone, or the reverse. */
  private turn(register: Register): void {
    if (register.value === undefined) {
      this.tombstones.delete(register)
      this.liveCount++
    } else {
      this.tombstones.add(register)
      this.liveCount--
    }
  }

  /** Puts an entry beside its address's register, unless a newer or equal shadow stands there. */
  placeShadow(entry: Entry, source: number): boolean {
    const address = addressOf(entry.path, entry.slot)
    const held = this.shadows.get(address)
    if (held && !isNewer(entry, held)) return false
    if (held) {
      held.replaced = true
      this.remove(held)
    }
    const shadow = new Register(entry.path, entry.slot, entry)
    shadow.shadow = true
    this.shadows.set(address, shadow)
    this.pushShadow(shadow)
    entry.writer.insert(shadow)
    const beside = this.registers.get(address)
    if (beside) this.hash.remove(beside)
    this.hash.add(shadow)
    this.touch(shadow, source)
    return true
  }

  /** Of an address that was just written here: what is held back there stands in its place one day. */
  judgeWrite(path: string, slot: string): void {
    const address = slot === '' ? path : addressOf(path, slot)
    const [written, shadow] = [this.registers.get(address), this.shadows.get(address)]
    if (!written || !shadow || isSystemPath(path) || valuesMatch(written.value, shadow.value)) return
    this.options.onOverruled?.(written, shadow)
  }

  /** When {@link fallDue} has something to do; undefined: nothing is pending. */
  nextDueMs(): number | undefined {
    const dueMs = this.due.peekMs()
    return this.disputed.size === 0 ? dueMs : Math.min(dueMs ?? Number.POSITIVE_INFINITY, this.lookedAtMs + disputedLookMs)
  }

  /** Does what is due at `nowMs`: registers expire; what a shadow comes to is the caller's business. */
  fallDue(nowMs: number, cameNear: (shadow: Register) => void): void {
    if (nowMs < this.lookedAtMs - this.trusted.maxClockSkewMs) this.wentBack()
    this.lookedAtMs = nowMs
    const disputed = [...this.disputed]
    this.disputed.clear()
    for (const register of disputed) if (!register.gone) this.expire(register, nowMs)
    for (let due = this.popDue(nowMs); due; due = this.popDue(nowMs)) {
      if (due.shadow) cameNear(due)
      else this.expire(due, nowMs)
    }
  }

  /** A clock that was ahead has been repaired: what had expired by it alone is there again. */
  private wentBack(): void {
    this.disputed.clear()
    for (const register of this.registers.values()) {
      if (register.expiresAtMs === 0 || register.expiresAtMs > this.lookedAtMs || register.value === undefined) continue
      this.due.push(register.expiresAtMs, register)
      this.tell(register)
    }
  }

  /** Takes the next shadow or register with an expiry that is due. */
  private popDue(nowMs: number): Register | undefined {
    for (let due = this.due.popDue(nowMs); due; due = this.due.popDue(nowMs)) if (!due.item.gone) return due.item
    return undefined
  }

  /** A shadow becomes the register (I5). */
  promote(shadow: Register): void {
    this.leave(shadow)
    const mine = this.registers.get(addressOf(shadow.path, shadow.slot))
    if (!mine || isNewer(shadow, mine)) this.place(shadow, shadow.source)
  }

  /** Registers with a stamp above `limit` become shadows (I5): tells how many, and the latest stamp of those that stay. */
  shadowBeyond(limit: HlcTime): { readonly shadowed: number; readonly latest: HlcTime } {
    const ahead: Register[] = []
    let latest: HlcTime = Number.MIN_SAFE_INTEGER
    for (const register of this.registers.values())
      if (register.time > limit) ahead.push(register)
      else latest = Math.max(latest, register.time)
    for (const register of ahead) {
      this.leave(register)
      if (!this.placeShadow(register, register.source)) this.tell(register)
    }
    return { shadowed: ahead.length, latest }
  }

  /**
   * An expired register reads as absent; once it was so for the skew, it becomes a tombstone with the same stamp and dot (I9). That can't
   * be undone, so a clock that peers doubt does not decide it.
   */
  private expire(register: Register, nowMs: number): void {
    // Overwritten meanwhile: with another expiry, which has an entry of its own in the queue, or with none.
    if (register.expiresAtMs === 0 || register.expiresAtMs > nowMs || register.value === undefined) return
    const keptUntilMs = register.expiresAtMs + this.trusted.maxClockSkewMs
    if (keptUntilMs > nowMs) {
      this.due.push(keptUntilMs, register)
      this.tell(register)
      return
    }
    if (keptUntilMs > this.trusted.undisputedMs()) return void this.disputed.add(register)
    this.hash.remove(register)
    register.value = undefined
    this.liveCount--
    this.tombstones.add(register)
    this.touch(register, register.source)
  }

  /** Gives a register another dot of the same node; stamp time and value stay, and so does the hash (I4). */
  redot(register: Register, writer: WriterLog, seq: number): void {
    register.relink(writer, seq)
    register.batch = 0
    this.touch(register, 0)
  }

  /** Takes out a register for the shadow of its address, or the reverse: the store forgets the one place. */
  leave(register: Register): void {
    register.replaced = true
    this.remove(register)
    this.options.onDrop?.(register)
  }

  /** Takes a register or shadow out for good; store and watchers are told. */
  drop(register: Register): void {
    this.remove(register)
    this.options.onDrop?.(register)
    this.options.onChange?.(register, 0)
  }

  private remove(register: Register): void {
    const address = addressOf(register.path, register.slot)
    this.hash.remove(register)
    register.gone = true
    register.writer.remove(register)
    this.changes.unlink(register)
    if (register.shadow) {
      this.shadows.delete(address)
      const beside = this.registers.get(address)
      if (beside) this.hash.add(beside)
      return
    }
    this.registers.delete(address)
    if (register.isVoid) this.voids.remove(register)
    if (register.value === undefined) this.tombstones.delete(register)
    else this.liveCount--
    if (register.slot === '') return
    const slots = this.composites.get(register.path)
    slots?.delete(register.slot)
    if (slots?.size === 0) this.composites.delete(register.path)
  }

  private touch(register: Register, source: number): void {
    this.changes.touch(register)
    register.source = source
    this.options.onChange?.(register, source)
  }

  /** The register reads otherwise though it did not change. */
  tell(register: Register): void {
    this.options.onChange?.(register, 0)
  }

  private applyVoid(register: Register): void {
    const address = this.voids.add(register)
    if (address === undefined) return
    const shadow = this.shadows.get(address)
    if (shadow && this.voids.has(shadow)) this.drop(shadow)
    const named = this.registers.get(address)
    if (!named || !this.voids.has(named)) return
    this.drop(named)
    this.onUncovered(register)
  }

  private count(register: Register): void {
    if (register.slot !== '') this.addSlot(register)
    if (register.value === undefined) this.tombstones.add(register)
    else this.liveCount++
  }

  private addSlot(register: Register): void {
    const slots = this.composites.get(register.path)
    if (slots) slots.set(register.slot, register)
    else this.composites.set(register.path, new Map([[register.slot, register]]))
  }

  private pushShadow(shadow: Register): void {
    this.due.push(hlcToMs(shadow.time) - this.trusted.maxClockSkewMs, shadow)
  }

  private pushExpiry(register: Register): void {
    this.due.push(register.expiresAtMs, register)
    // Expiries renewed before they fall due leave entries behind: rebuild when most of them are such.
    if (this.due.size <= 1024 || this.due.size <= 4 * (this.registers.size + this.shadows.size)) return
    const { maxClockSkewMs } = this.trusted
    this.due.retain(
      (item, dueMs) => !item.gone && (item.shadow || item.expiresAtMs === dueMs || item.expiresAtMs + maxClockSkewMs === dueMs)
    )
  }

  /** The register or shadow that stands for an address in the hash: live, without an expiry, and not beside a shadow (I7). */
  private stands(register: Register): boolean {
    if (register.gone || register.value === undefined || register.expiresAtMs !== 0) return false
    return register.shadow || this.shadows.size === 0 || !this.shadows.has(addressOf(register.path, register.slot))
  }

  contributor(address: string): Register | undefined {
    const register = this.shadows.get(address) ?? this.registers.get(address)
    return register && this.stands(register) ? register : undefined
  }

  /** Brings everything in step with the registers and shadows that loading put in place (see loading.ts). Gives the latest stamp of a register. */
  admitLoaded(inOrder: Iterable<readonly Register[]>): HlcTime {
    let latest: HlcTime = Number.MIN_SAFE_INTEGER
    // A shadow that its register has overtaken is left out.
    for (const [address, shadow] of this.shadows) {
      const register = this.registers.get(address)
      if (!register || isNewer(shadow, register)) continue
      shadow.gone = true
      this.shadows.delete(address)
    }
    const late = new Map<WriterLog, Register[]>()
    for (const registers of inOrder)
      for (const register of registers) {
        if (register.gone) continue
        if (register.time > latest && !register.shadow) latest = register.time
        this.admit(register)
        const { writer } = register
        if (writer.newest === undefined || writer.newest.seq < register.seq) writer.insert(register)
        else if (late.has(writer)) late.get(writer)!.push(register)
        else late.set(writer, [register])
      }
    for (const [writer, registers] of late) {
      for (let at = writer.newest; at; at = at.older) registers.push(at)
      writer.link(registers.sort((a, b) => a.seq - b.seq))
    }
    return latest
  }

  private admit(register: Register): void {
    this.changes.touch(register)
    if (register.shadow) this.pushShadow(register)
    else {
      this.count(register)
      if (register.expiresAtMs !== 0 && register.value !== undefined) this.due.push(register.expiresAtMs, register)
    }
    if (register.isVoid && !register.shadow) this.voids.add(register)
    this.hash.add(register)
  }
}
