/**
 * The outgoing half of a space link: cuts and seals (SES-4 to SES-10, SES-21). A cut takes the vector and the registers owed in one
 * turn; live changes are sent ahead of a long cut without a seal; when the cut and what went ahead are out, the seal follows. `cursor`
 * is the table's change index up to which everything was sent, stands in the cut or is left to its writer, so a slow peer costs no
 * memory for what is overwritten meanwhile.
 *
 * What the peer hears from its writer itself is left to the writer: its cut waits a while, and then sends what the peer does not
 * cover by then. Everything else goes ahead of such a cut at once.
 */
import { ByteWriter, LazyMap, limits, type NodeId } from '@selvedge/core'
import {
  EntryBlock,
  EntryEncoder,
  PeerView,
  WriterDictionary,
  writeSeqs,
  writeVector,
  type Register,
  type VersionVector,
  type WriterKey
} from '@selvedge/documents'
import { byPath, isSendable, type Cut } from './cut.js'
import { bodyOf, Kind } from './frames.js'
import type { LinkState } from './link-state.js'
import { vectorSeqsPerFrame, type Outgoing } from './messages.js'
import { Patience } from './patience.js'
import { News, newsOfSeal } from './seal-news.js'

/** One for all links: a frame is encoded in one turn. */
const encoder = new EntryEncoder(new WriterDictionary())
/** Live frames that may go ahead of one frame of a long cut. */
const liveFramesAhead = 4
const heldPerFrameBytes = 128 * 1024

export class CutSender {
  private cursor = 0
  private cut: Cut | undefined
  private ahead: Register[] = []
  private aheadNext = 0
  private aheadFrames = 0
  private forced: Register[] = []
  /** Registers left to their writers since the cut. */
  private readonly left = new Set<Register>()
  private readonly patience: Patience
  private askedAwaited = 0
  /** Since when a seal waits of what the peer hears for itself. */
  private heardSince: number | undefined
  private firstCut = true
  private sealedVersion = -1
  private readonly sentFloors = new LazyMap<WriterKey, number>()
  /** What this side has told the peer that it covers, the peer's own writes too: by that the peer knows its lost writes from conflicts. */
  private readonly told = new PeerView()
  /** Registers still to be sent in a full compare. */
  private comparing: { registers: Register[]; next: number } | undefined

  constructor(private readonly link: LinkState) {
    this.patience = new Patience(link)
  }

  /** The floors and the vector that the announcement told. */
  announced(floors: ReadonlyMap<WriterKey, number>, vector: VersionVector): void {
    for (const [key, seq] of floors) this.sentFloors.set(key, seq)
    for (const [key, seq] of vector.seqs) this.told.raise(this.link.intern(key), seq)
  }

  /** Sends a register though the peer covers it: a rebuttal. */
  force(register: Register): void {
    this.forced.push(register)
  }

  get hasForced(): boolean {
    return this.forced.length > 0
  }

  /** The next live frame: rebuttals, changes, small cuts and their seals. */
  nextLive(now: number): Outgoing | undefined {
    if (!this.link.peerReady) return undefined
    if (this.aheadNext < this.ahead.length) return this.aheadFrame()
    // A seal by itself that waits gives way to a cut that takes what it says along.
    if (this.cut?.isSealOnly && (this.hasNews || this.cut.vectorVersion !== this.link.space.table.vectorVersion))
      this.cut = undefined
    this.cut ??= this.beginCut(now)
    const { cut } = this
    if (!cut) return undefined
    if (this.aheadNext < this.ahead.length) return this.aheadFrame()
    if (cut.live && cut.dueAt <= now) return this.cutFrame(cut, now)
    // A long cut is under way, or one that waits: what changes meanwhile goes ahead of it, but never shuts it out.
    if (cut.dueAt <= now && this.aheadFrames >= liveFramesAhead) return undefined
    this.takeAhead(now)
    return this.aheadNext < this.ahead.length ? this.aheadFrame() : undefined
  }

  /** The next frame of a long cut, or of a full compare. */
  nextBulk(now: number): Outgoing | undefined {
    if (!this.link.peerReady) return undefined
    if (this.cut && !this.cut.live && this.cut.dueAt <= now) {
      this.aheadFrames = 0
      if (this.aheadNext < this.ahead.length) return this.aheadFrame()
      return this.cutFrame(this.cut, now)
    }
    if (this.comparing) return this.compareFrame(this.comparing)
    return undefined
  }

  /** When the cut that waits is due. */
  get dueAt(): number | undefined {
    return this.cut?.dueAt
  }

  /** Leaves nothing to its writer for a moment, so that the link may become {@link idle}. */
  hurry(now: number): void {
    if (this.patience.hurry(now) && this.cut) this.cut.dueAt = Number.NEGATIVE_INFINITY
  }

  /** What was left to its writers goes now, so that there is a moment to compare in. */
  isHurried(now: number): boolean {
    return this.patience.isHurried(now)
  }

  /** What {@link hurry} was for is done. */
  calm(): void {
    this.patience.calm()
  }

  /** Whether the peer has been sent, and sealed, everything of this instant. */
  get idle(): boolean {
    const { table } = this.link.space
    return (
      this.link.peerReady &&
      !this.firstCut &&
      this.cut === undefined &&
      this.comparing === undefined &&
      this.forced.length === 0 &&
      this.left.size === 0 &&
      this.aheadNext >= this.ahead.length &&
      this.cursor === table.changeIndex &&
      this.sealedVersion === table.vectorVersion
    )
  }

  /** Changes that the peer has not been sent: what status calls backlog. */
  get backlog(): number {
    const left = this.cut ? this.cut.registers.length - this.cut.next : 0
    const changed = Math.max(0, this.link.space.table.changeIndex - this.cursor)
    return left + this.left.size + changed + (this.ahead.length - this.aheadNext)
  }

  private takeAhead(now: number): void {
    const { table } = this.link.space
    this.ahead = this.forced
    this.forced = []
    this.aheadNext = 0
    if (table.changeIndex === this.cursor) return
    for (const register of table.changedSince(this.cursor)) {
      this.left.delete(register)
      if (!this.isOwed(register)) continue
      if (this.patience.leaves(register, now)) this.left.add(register)
      else this.ahead.push(register)
    }
    this.cursor = table.changeIndex
  }

  private readonly isOwed = (register: Register): boolean =>
    register.source !== this.link.source && (!this.link.view.has(register) || this.link.mayLack(register))

  private aheadFrame(): Outgoing {
    this.aheadFrames++
    const [frame, next] = this.registersFrame(this.ahead, this.aheadNext, isSendable)
    this.aheadNext = next
    if (next >= this.ahead.length) {
      this.ahead = []
      this.aheadNext = 0
    }
    return frame
  }

  private get hasNews(): boolean {
    const { table, awaited = 0 } = this.link.space
    return this.forced.length > 0 || this.cursor !== table.changeIndex || this.askedAwaited !== awaited
  }

  private beginCut(now: number): Cut | undefined {
    const { table, awaited = 0 } = this.link.space
    if (!this.firstCut && !this.hasNews && this.left.size === 0 && this.sealedVersion === table.vectorVersion) return undefined
    const first = this.firstCut
    this.firstCut = false
    const registers = first ? this.takeFirst() : this.takeOwed()
    this.cursor = table.changeIndex
    const floors = table.floors()
    const held = this.peerIsBelow(floors) ? [...table.heldNames()] : undefined
    let waits = false
    if (!first && !held && registers.length === 0 && this.askedAwaited === awaited) {
      const news = newsOfSeal(this.link, this.patience, floors, this.sentFloors)
      if (news === News.None) {
        this.sealedVersion = table.vectorVersion
        return undefined
      }
      waits = news === News.Heard && !this.patience.isHurried(now)
    }
    const { changeIndex, vectorVersion } = table
    const cut = { vector: table.vector(), vectorVersion, floors, changeIndex, next: 0, passed: [], held, heldNext: 0 }
    const left = first || held ? [] : registers.filter(register => this.patience.leaves(register, now))
    if (waits || left.length > 0) this.heardSince ??= now
    if (left.length > 0) {
      const waiting = new Set(left)
      this.ahead = registers.filter(register => !waiting.has(register))
      this.aheadNext = 0
    }
    const choice = left.length > 0 ? left : registers
    const live = choice.length <= this.link.tuning.liveRegistersMax && !held
    const ranked = !live && this.link.ranks()
    const owed = ranked ? byPath(choice) : choice
    return {
      ...cut,
      registers: owed,
      live,
      ranked,
      dots: left.length > 0 ? owed.map(({ writer, seq }) => ({ writer, seq })) : undefined,
      hasSent: false,
      isSealOnly: waits,
      dueAt: this.dueAtOf(waits, left.length > 0, now)
    }
  }

  private dueAtOf(waits: boolean, leaves: boolean, now: number): number {
    if (waits) return (this.heardSince ?? now) + this.link.tuning.heardSealMs
    return leaves ? now + this.link.tuning.patienceMs : Number.NEGATIVE_INFINITY
  }

  private takeFirst(): Register[] {
    const registers = this.link.space.table.owedTo(this.link.view).filter(register => register.source !== this.link.source)
    this.link.view.dropHave()
    return this.withForced(registers)
  }

  private takeOwed(): Register[] {
    const { table } = this.link.space
    const changed = this.cursor === table.changeIndex ? [] : table.changedSince(this.cursor)
    if (this.left.size === 0) return this.withForced(changed.filter(this.isOwed))
    for (const register of changed) this.left.delete(register)
    const registers = [...this.left, ...changed].filter(this.isOwed)
    this.left.clear()
    return this.withForced(registers)
  }

  private withForced(registers: Register[]): Register[] {
    if (this.forced.length === 0) return registers
    const forced = new Set(this.forced)
    this.forced = []
    return [...forced, ...registers.filter(register => !forced.has(register))]
  }

  private peerIsBelow(floors: ReadonlyMap<WriterKey, number>): boolean {
    for (const [key, seq] of floors) if (!this.link.view.covers(this.link.intern(key), seq)) return true
    return false
  }

  private cutFrame(cut: Cut, now: number): Outgoing | undefined {
    const stillOwed = (register: Register, index: number): boolean => {
      if (!isSendable(register)) return false
      // What the peer covers of its writer by now it holds in this form or a later one.
      const dot = cut.dots?.[index]
      if (dot && this.link.view.covers(dot.writer, dot.seq)) return false
      // A register changed since the cut has gone ahead, or will before the seal, unless it is left to its writer again.
      if (register.gone || register.changeIndex <= cut.changeIndex || this.left.has(register)) return true
      if (register.changeIndex > this.cursor) cut.passed.push(register)
      return false
    }
    while (cut.next < cut.registers.length && !stillOwed(cut.registers[cut.next]!, cut.next)) cut.next++
    if (cut.next < cut.registers.length) {
      const [frame, next] = this.registersFrame(cut.registers, cut.next, stillOwed, cut.ranked)
      cut.next = next
      cut.hasSent = true
      return frame
    }
    if (cut.passed.length > 0) {
      this.takeAhead(now)
      for (const register of cut.passed) if (this.left.has(register)) this.ahead.push(register)
      cut.passed = []
      if (this.ahead.length > 0) return this.aheadFrame()
    }
    if (cut.held && cut.heldNext < cut.held.length) return this.heldFrame(cut, cut.held)
    return this.sealWaits(cut, now) ? undefined : this.sealFrame(cut)
  }

  // Everything that was left to its writers came from there: that this side has it too is not urgent.
  private sealWaits(cut: Cut, now: number): boolean {
    const dueAt = this.dueAtOf(true, false, now)
    if (!cut.dots || cut.hasSent || cut.isSealOnly || now >= dueAt || this.hasNews || this.patience.isHurried(now)) return false
    if (newsOfSeal(this.link, this.patience, cut.floors, this.sentFloors) === News.More) return false
    cut.isSealOnly = true
    cut.dueAt = dueAt
    return true
  }

  private registersFrame(
    registers: readonly Register[],
    from: number,
    owed: (register: Register, index: number) => boolean,
    inOrderOfPaths = false
  ): [Outgoing, number] {
    const ranked = inOrderOfPaths && registers[from]!.batch === 0
    encoder.start(this.link.outgoing, ranked ? EntryBlock.Ranked : EntryBlock.InOrder)
    let next = from
    for (; next < registers.length; next++) {
      const register = registers[next]!
      if (encoder.isFull || (inOrderOfPaths && ranked !== (register.batch === 0))) break
      if (encoder.entries > 0 && encoder.size >= this.link.tuning.registersFrameBytes) {
        const before = registers[next - 1]!
        const sameBatch = register.batch !== 0 && register.batch === before.batch && register.writer === before.writer
        if (!sameBatch || encoder.size >= limits.frameBytesMax / 2 + limits.batchBytesMax / 2) break
      }
      if (!owed(register, next)) continue
      encoder.add(register)
      this.link.tally.notePath(register.path)
    }
    this.link.tally.counts.sent += encoder.entries
    const frame = bodyOf(out => {
      out.uint(this.link.index)
      encoder.finish(out)
    })
    return [{ kind: Kind.Registers, body: frame }, next]
  }

  private heldFrame(cut: Cut, held: string[]): Outgoing {
    return {
      kind: Kind.Held,
      body: bodyOf(out => {
        out.uint(this.link.index)
        const part = new ByteWriter(4096)
        let count = 0
        while (cut.heldNext < held.length && part.size < heldPerFrameBytes) {
          part.string(held[cut.heldNext++]!)
          count++
        }
        out.uint(count).raw(part.peek())
      })
    }
  }

  private sealFrame(cut: Cut): Outgoing {
    const seqs = new Map<WriterKey, number>()
    let last = true
    for (const [key, seq] of cut.vector.seqs) {
      const writer = this.link.intern(key)
      if (this.link.view.covers(writer, seq) && this.told.covers(writer, seq)) continue
      if (seqs.size === vectorSeqsPerFrame) {
        last = false
        break
      }
      seqs.set(key, seq)
      this.link.view.raise(writer, seq)
      this.told.raise(writer, seq)
    }
    if (!last) return this.sealMessage(false, false, { seqs, closed: new Map() }, new Map())
    const closed = new Map<NodeId, number>()
    for (const [node, time] of cut.vector.closed) {
      if ((this.link.view.closed.get(node) ?? Number.NEGATIVE_INFINITY) >= time) continue
      closed.set(node, time)
      this.link.view.close(node, time)
    }
    const floors = new Map<WriterKey, number>()
    for (const [key, seq] of cut.floors) {
      if ((this.sentFloors.get(key) ?? 0) >= seq) continue
      floors.set(key, seq)
      this.sentFloors.set(key, seq)
    }
    this.cut = undefined
    this.heardSince = undefined
    this.sealedVersion = cut.vectorVersion
    const message = this.sealMessage(true, cut.held !== undefined, { seqs, closed }, floors)
    this.link.tally.sealSent()
    return message
  }

  private sealMessage(last: boolean, held: boolean, vector: VersionVector, floors: ReadonlyMap<WriterKey, number>): Outgoing {
    const { awaited = 0 } = this.link.space
    const asks = last && awaited !== this.askedAwaited
    if (asks) this.askedAwaited = awaited
    const frame = bodyOf(out => {
      out.uint(this.link.index).byte((last ? 1 : 0) | (held ? 2 : 0) | (asks ? 4 : 0))
      writeVector(out, this.link.outgoing, vector, this.link.intern)
      writeSeqs(out, this.link.outgoing, floors, this.link.intern)
    })
    return { kind: Kind.Seal, body: frame }
  }

  private compareFrame(comparing: { registers: Register[]; next: number }): Outgoing {
    const [frame, next] = this.registersFrame(comparing.registers, comparing.next, register => !register.gone)
    comparing.next = next
    if (next >= comparing.registers.length) this.comparing = undefined
    return frame
  }

  /** Sends every register again, whatever the peer covers (I7). */
  beginFullCompare(): void {
    const { table } = this.link.space
    this.comparing = { registers: [...table.all(), ...table.shadows.values()], next: 0 }
  }
}
