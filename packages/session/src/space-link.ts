/**
 * One space in one session: what the peer covers, what it is owed, cuts and seals (I1, I2). Every rule is in SPEC.md (SES-…).
 *
 * Outgoing: a cut takes the vector and the registers owed in one turn; live changes are sent ahead of a long cut without a seal;
 * when the cut and what went ahead are out, the seal follows. `cursor` is the table's change index up to which everything was sent
 * or stands in the cut, so a slow peer costs no memory for what is overwritten meanwhile.
 *
 * Incoming: registers are merged as they come; the seal moves the vector and is where conflicts are judged (I8).
 */
import {
  addressOf,
  covers,
  decodeEntries,
  emptyVector,
  EntryEncoder,
  hashesEqual,
  isSystemPath,
  joinVectors,
  PeerView,
  readHave,
  readSeqs,
  readVector,
  valuesMatch,
  writeHave,
  writeSeqs,
  writeVector,
  WriterDictionary,
  type DotRuns,
  type Entry,
  type FrozenHash,
  type Intern,
  type Register,
  type VersionVector,
  type WriterKey,
  type WriterLog
} from '@selvedge/documents'
import { assert, type ByteReader, ByteWriter, limits, nodeId, SelvedgeError, type NodeId } from '@selvedge/core'
import { sessionErrors } from './errors.js'
import { Kind } from './frames.js'
import type { Member, MemberRole } from './members.js'
import { sideOf, type Conflict, type DocumentLink, type SessionSpace } from './session-space.js'

/** Sizes that tests make small, so that a handful of registers is cut up as a million would be. */
export interface SessionTuning {
  /** A frame of registers is closed once it has this many bytes. Default 48 KiB. */
  readonly registersFrameBytes: number
  /** A cut of more registers than this is a long one: live changes go ahead of it. Default 256. */
  readonly liveRegistersMax: number
  /** Runs of dots in one `have` message. Default 4,000. */
  readonly haveRunsPerFrame: number
}

export const defaultTuning: SessionTuning = { registersFrameBytes: 48 * 1024, liveRegistersMax: 256, haveRunsPerFrame: 4_000 }

/** Live frames that may go ahead of one frame of a long cut. */
const liveFramesAhead = 4
const heldPerFrameBytes = 128 * 1024
/** An address, and for a shadow a mark and its time. */
const heldNameBytesMax = limits.pathBytesMax + limits.slotBytesMax + 16
/** Addresses of a held list that a receiver keeps; a peer that sends more closes the session. */
const heldMax = 8_000_000
const unackedMax = 8_192
const reportedConflictsMax = 1_000
const documentPrefix = '@doc/'
const vectorSeqsPerFrame = 2_000
/** Beyond this many addresses in flight a compare is put off. */
const comparedAddressesMax = 2_000

interface Cut {
  readonly vector: VersionVector
  readonly floors: ReadonlyMap<WriterKey, number>
  readonly registers: readonly Register[]
  readonly changeIndex: number
  next: number
  /** Addresses held at the cut, when the peer is below the floor. */
  held: string[] | undefined
  heldNext: number
  live: boolean
}

interface Contest {
  readonly conflict: Conflict
  readonly mineWriter: WriterLog
  readonly mineSeq: number
}

/** A message to send: its kind and body. */
export interface Outgoing {
  readonly kind: Kind
  readonly body: Uint8Array
}

export interface SpaceLinkOptions {
  readonly space: SessionSpace
  /** Index of the space in this side's messages. */
  readonly index: number
  /** Number of the session: marks what came in it. */
  readonly source: number
  readonly peer: { readonly node: NodeId; readonly role: MemberRole }
  readonly documents: DocumentLink | undefined
  readonly nowMs: () => number
  readonly tuning: SessionTuning
}

export class SpaceLink {
  readonly space: SessionSpace
  readonly index: number
  /** What the peer covers: its own words, and what this side has sealed to it. Decides what is owed. */
  private readonly view = new PeerView()
  /** What the peer itself said that it covers. Decides rebuttals, conflicts and drops. */
  private readonly said = new PeerView()
  // A writer's log belongs to one table, so each space names its writers for itself.
  private readonly outgoing = new WriterDictionary()
  private readonly incoming = new WriterDictionary()
  /** The peer's index of this space; undefined until it announced it. */
  remoteIndex: number | undefined
  /** Registers received and not yet covered by a seal, with the change index after their merge. */
  private unacked: { writer: WriterLog; seq: number; changeIndex: number }[] = []
  /** The peer's vector and `have` are complete: it may be sent registers. */
  private peerReady = false
  private peerFloors = new Map<WriterKey, number>()
  private have: DotRuns[] | undefined
  private announced = false
  private cursor = 0
  private cut: Cut | undefined
  private ahead: Register[] = []
  private aheadNext = 0
  private aheadFrames = 0
  private forced: Register[] = []
  private firstCut = true
  private sealedVersion = -1
  private sentFloors = new Map<WriterKey, number>()
  /** The peer's durable vector, by its own acks in this session. */
  private acked: VersionVector | undefined
  private ackedVersion = -1
  private ackedVector: VersionVector | undefined
  private membersVersion = 0
  private readonly told = new Map<NodeId, VersionVector>()
  private news: { member: Member; seqs: [WriterKey, number][] }[] = []
  private heldIncoming: Set<string> | undefined
  /** Parts of a seal whose last part has not come. */
  private sealing: VersionVector = emptyVector
  private contests: Contest[] = []
  private sealsIn = 0
  private sealsOut = 0
  private caughtUp = false
  private readonly startedAtMs: number
  /** Counters for status and reports. */
  readonly counts = { received: 0, applied: 0, sent: 0, conflicts: 0, dropped: 0 }
  private reported = { ...this.counts }
  private returned: string[] = []
  private found: Conflict[] = []
  private readonly documentsSeen = new Set<string>()
  private frozen: FrozenHash | undefined
  /** Registers still to be sent in a full compare. */
  private comparing: { registers: Register[]; next: number } | undefined

  constructor(private readonly options: SpaceLinkOptions) {
    this.space = options.space
    this.index = options.index
    this.startedAtMs = options.nowMs()
    this.have = this.space.table.have()
  }

  private readonly intern: Intern = key => this.space.table.writer(key)

  // ── outgoing ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Messages that announce this space: its id, vector, floors, and how many `have` messages follow. */
  announce(): Outgoing[] {
    assert(!this.announced, 'a space is announced once in a session')
    this.announced = true
    const { table } = this.space
    const vector = table.vector()
    const parts = chunk([...vector.seqs], vectorSeqsPerFrame)
    const have = splitHave(this.have ?? [], this.options.tuning.haveRunsPerFrame)
    this.have = undefined
    const messages: Outgoing[] = parts.map((seqs, i) => ({
      kind: Kind.Space,
      body: body(out => {
        const last = i === parts.length - 1
        out.uint(this.index).string(this.space.id).byte(last ? 1 : 0)
        writeVector(out, this.outgoing, { seqs: new Map(seqs), closed: last ? vector.closed : new Map() }, this.intern)
        writeSeqs(out, this.outgoing, last ? table.floors() : new Map(), this.intern)
        out.uint(last ? have.length : 0)
      })
    }))
    have.forEach((runs, i) =>
      messages.push({
        kind: Kind.Have,
        body: body(out => {
          out.uint(this.index).byte(i === have.length - 1 ? 1 : 0)
          writeHave(out, this.outgoing, runs)
        })
      })
    )
    this.sentFloors = table.floors()
    return messages
  }

  /** The next live frame: rebuttals, changes, small cuts and their seals. */
  nextLive(): Outgoing | undefined {
    if (!this.peerReady) return undefined
    if (this.aheadNext < this.ahead.length) return this.aheadFrame()
    if (this.cut && !this.cut.live) {
      // A long cut is under way: what changes meanwhile goes ahead of it, but never shuts it out.
      if (this.aheadFrames >= liveFramesAhead) return undefined
      this.takeAhead()
      if (this.aheadNext < this.ahead.length) return this.aheadFrame()
      return undefined
    }
    this.cut ??= this.beginCut()
    return this.cut?.live ? this.cutFrame(this.cut) : undefined
  }

  /** The next frame of a long cut, or of a full compare. */
  nextBulk(): Outgoing | undefined {
    if (!this.peerReady) return undefined
    if (this.cut && !this.cut.live) {
      this.aheadFrames = 0
      if (this.aheadNext < this.ahead.length) return this.aheadFrame()
      return this.cutFrame(this.cut)
    }
    if (this.comparing) return this.compareFrame(this.comparing)
    return undefined
  }

  /** Whether the peer has been sent, and sealed, everything of this instant. */
  get idle(): boolean {
    const { table } = this.space
    return (
      this.peerReady &&
      !this.firstCut &&
      this.cut === undefined &&
      this.comparing === undefined &&
      this.forced.length === 0 &&
      this.aheadNext >= this.ahead.length &&
      this.cursor === table.changeIndex &&
      this.sealedVersion === table.vectorVersion
    )
  }

  /** Changes that the peer has not been sent: what status calls backlog. */
  get backlog(): number {
    const left = this.cut ? this.cut.registers.length - this.cut.next : 0
    return left + Math.max(0, this.space.table.changeIndex - this.cursor) + (this.ahead.length - this.aheadNext)
  }

  private takeAhead(): void {
    const { table } = this.space
    this.ahead = [...this.forced, ...(table.changeIndex > this.cursor ? table.changedSince(this.cursor).filter(this.isOwed) : [])]
    this.forced = []
    this.aheadNext = 0
    this.cursor = table.changeIndex
  }

  private readonly isOwed = (register: Register): boolean => register.source !== this.options.source && !this.view.has(register)

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

  private beginCut(): Cut | undefined {
    const { table } = this.space
    if (!this.firstCut && this.forced.length === 0 && this.cursor === table.changeIndex && this.sealedVersion === table.vectorVersion) return undefined
    let registers: Register[]
    if (this.firstCut) {
      registers = table.owedTo(this.view).filter(register => register.source !== this.options.source)
      this.view.dropHave()
    } else registers = this.cursor === table.changeIndex ? [] : table.changedSince(this.cursor).filter(this.isOwed)
    if (this.forced.length > 0) {
      const forced = new Set(this.forced)
      registers = [...this.forced, ...registers.filter(register => !forced.has(register))]
      this.forced = []
    }
    const changeIndex = table.changeIndex
    this.cursor = changeIndex
    const floors = table.floors()
    const held = this.peerIsBelow(floors) ? [...table.heldNames()] : undefined
    const first = this.firstCut
    this.firstCut = false
    if (!first && registers.length === 0 && !held && !this.sealSaysMore(floors)) {
      this.sealedVersion = table.vectorVersion
      return undefined
    }
    return { vector: table.vector(), floors, registers, changeIndex, next: 0, held, heldNext: 0, live: registers.length <= this.options.tuning.liveRegistersMax && !held }
  }

  private peerIsBelow(floors: ReadonlyMap<WriterKey, number>): boolean {
    for (const [key, seq] of floors) if (!this.view.covers(this.intern(key), seq)) return true
    return false
  }

  private sealSaysMore(floors: ReadonlyMap<WriterKey, number>): boolean {
    const { table } = this.space
    for (const writer of table.writers.values()) if (writer.covered > 0 && !this.view.covers(writer, writer.covered) && !table.isClosed(writer)) return true
    for (const [node, time] of table.closed) if ((this.view.closed.get(node) ?? Number.NEGATIVE_INFINITY) < time) return true
    for (const [key, seq] of floors) if (seq > (this.sentFloors.get(key) ?? 0)) return true
    return false
  }

  private cutFrame(cut: Cut): Outgoing {
    // A register changed since the cut has gone ahead, or will before the seal.
    const stillOwed = (register: Register): boolean =>
      isSendable(register) && (register.gone || register.changeIndex <= cut.changeIndex || register.changeIndex > this.cursor)
    while (cut.next < cut.registers.length && !stillOwed(cut.registers[cut.next]!)) cut.next++
    if (cut.next < cut.registers.length) {
      const [frame, next] = this.registersFrame(cut.registers, cut.next, stillOwed)
      cut.next = next
      return frame
    }
    if (cut.held && cut.heldNext < cut.held.length) return this.heldFrame(cut, cut.held)
    return this.sealFrame(cut)
  }

  private registersFrame(
    registers: readonly Register[],
    from: number,
    owed: (register: Register) => boolean
  ): [Outgoing, number] {
    const encoder = new EntryEncoder(this.outgoing)
    let next = from
    for (; next < registers.length; next++) {
      const register = registers[next]!
      if (encoder.entries > 0 && encoder.size >= this.options.tuning.registersFrameBytes) {
        const before = registers[next - 1]!
        const sameBatch = register.batch !== 0 && register.batch === before.batch && register.writer === before.writer
        if (!sameBatch || encoder.size >= limits.frameBytesMax / 2 + limits.batchBytesMax / 2) break
      }
      if (!owed(register)) continue
      encoder.add(register)
      if (!this.caughtUp && register.path.startsWith(documentPrefix)) this.noteDocument(register.path)
    }
    this.counts.sent += encoder.entries
    const frame = body(out => {
      out.uint(this.index)
      encoder.finish(out)
    })
    return [{ kind: Kind.Registers, body: frame }, next]
  }

  private heldFrame(cut: Cut, held: string[]): Outgoing {
    return {
      kind: Kind.Held,
      body: body(out => {
        out.uint(this.index)
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
      const writer = this.intern(key)
      if (this.view.covers(writer, seq)) continue
      if (seqs.size === vectorSeqsPerFrame) {
        last = false
        break
      }
      seqs.set(key, seq)
      this.view.raise(writer, seq)
    }
    if (!last) return this.sealMessage(false, false, { seqs, closed: new Map() }, new Map())
    const closed = new Map<NodeId, number>()
    for (const [node, time] of cut.vector.closed) {
      if ((this.view.closed.get(node) ?? Number.NEGATIVE_INFINITY) >= time) continue
      closed.set(node, time)
      this.view.close(node, time)
    }
    const floors = new Map<WriterKey, number>()
    for (const [key, seq] of cut.floors) {
      if ((this.sentFloors.get(key) ?? 0) >= seq) continue
      floors.set(key, seq)
      this.sentFloors.set(key, seq)
    }
    this.cut = undefined
    this.sealsOut++
    this.sealedVersion = this.cursor === this.space.table.changeIndex ? this.space.table.vectorVersion : -1
    const message = this.sealMessage(true, cut.held !== undefined, { seqs, closed }, floors)
    this.checkCaughtUp()
    return message
  }

  private sealMessage(last: boolean, held: boolean, vector: VersionVector, floors: ReadonlyMap<WriterKey, number>): Outgoing {
    const frame = body(out => {
      out.uint(this.index).byte((last ? 1 : 0) | (held ? 2 : 0))
      writeVector(out, this.outgoing, vector, this.intern)
      writeSeqs(out, this.outgoing, floors, this.intern)
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
    const { table } = this.space
    this.comparing = { registers: [...table.all(), ...table.shadows.values()], next: 0 }
  }

  // ── comparing hashes (I7) ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Asks the peer to compare hashes; only when nothing is owed, so that the peer has all that this side has now. */
  compareRequest(): Outgoing | undefined {
    const { table } = this.space
    // One question at a time: an answer is of the instant at which its own question was asked.
    if (this.frozen || !this.idle || table.writers.size > vectorSeqsPerFrame) return undefined
    this.frozen = table.freezeHash()
    return {
      kind: Kind.Compare,
      body: body(out => {
        out.uint(this.index)
        writeVector(out, this.outgoing, table.vector(), this.intern)
      })
    }
  }

  /** Answers with the hash of all but the addresses that the asker can't have yet, and those addresses. */
  receiveCompare(reader: ByteReader): Outgoing | undefined {
    this.reportRest()
    const vector = readVector(reader, this.incoming, this.intern)
    const { table } = this.space
    const beyond = this.peerReady ? table.addressesBeyond(vector, comparedAddressesMax) : undefined
    const hash = beyond && table.hashWithout(beyond)
    return {
      kind: Kind.Compared,
      body: body(out => {
        out.uint(this.index).byte(hash ? 1 : 0)
        if (!hash || !beyond) return
        out.uint(hash.a).uint(hash.b).uint(hash.count).uint(beyond.length)
        for (const address of beyond) out.string(address)
      })
    }
  }

  /** Takes the answer: equal, or a divergence that starts a full compare both ways. */
  receiveCompared(reader: ByteReader): Outgoing | undefined {
    this.reportRest()
    const frozen = this.frozen
    this.frozen = undefined
    frozen?.release()
    if (reader.byte() === 0) return undefined
    const theirs = { a: reader.uint(), b: reader.uint(), count: reader.uint() }
    const beyond: string[] = []
    for (let left = reader.count('the number of addresses'); left > 0; left--)
      beyond.push(reader.string(limits.pathBytesMax + limits.slotBytesMax + 1, 'an address'))
    if (!frozen) return undefined
    const { node } = this.options.peer
    if (hashesEqual(frozen.without(beyond), theirs)) {
      this.space.matched(node)
      return undefined
    }
    this.space.diverged(node)
    this.beginFullCompare()
    return { kind: Kind.FullCompare, body: body(out => out.uint(this.index)) }
  }

  /** An ack, when the store has made more durable since the last (I3). */
  nextAck(): Outgoing | undefined {
    const { durable } = this.space
    if (!this.peerReady || durable.version === this.ackedVersion) return undefined
    this.ackedVersion = durable.version
    const seqs = new Map<WriterKey, number>()
    for (const [key, seq] of durable.vector.seqs) if ((this.ackedVector?.seqs.get(key) ?? 0) !== seq) seqs.set(key, seq)
    const dots = this.takeDurableDots(durable.changeIndex)
    const reset = this.ackedVector !== undefined && [...this.ackedVector.seqs.keys()].some(key => !durable.vector.seqs.has(key))
    const first = this.ackedVector === undefined || reset
    this.ackedVector = durable.vector
    if (!first && seqs.size === 0 && dots.length === 0) return undefined
    return {
      kind: Kind.Ack,
      body: body(out => {
        out.uint(this.index).byte(first ? 1 : 0)
        writeVector(out, this.outgoing, { seqs: first ? durable.vector.seqs : seqs, closed: durable.vector.closed }, this.intern)
        writeHave(out, this.outgoing, dots)
      })
    }
  }

  private takeDurableDots(changeIndex: number): DotRuns[] {
    if (this.unacked.length === 0) return []
    const durable = this.unacked.filter(dot => dot.changeIndex <= changeIndex)
    this.unacked = this.unacked.filter(dot => dot.changeIndex > changeIndex)
    const byWriter = new Map<WriterLog, number[]>()
    for (const { writer, seq } of durable) {
      const seqs = byWriter.get(writer)
      if (seqs) seqs.push(seq)
      else byWriter.set(writer, [seq])
    }
    return [...byWriter].map(([writer, seqs]) => ({ writer, runs: runsOf(seqs.sort((a, b) => a - b)) }))
  }

  /** Whether {@link nextMembers} may have something to say. */
  get hasNews(): boolean {
    return this.peerReady && (this.news.length > 0 || this.space.members.version !== this.membersVersion)
  }

  /** Members' durable vectors that the peer has not been told. */
  nextMembers(): Outgoing | undefined {
    const { members } = this.space
    if (!this.peerReady) return undefined
    if (this.news.length === 0 && members.version !== this.membersVersion) {
      for (const member of members.changedSince(this.membersVersion)) {
        if (member.node === this.options.peer.node || member.node === this.space.table.node || this.told.get(member.node) === member.vector) continue
        this.told.set(member.node, member.vector)
        for (const seqs of chunk([...member.vector.seqs], vectorSeqsPerFrame)) this.news.push({ member, seqs })
      }
      this.membersVersion = members.version
    }
    const next = this.news.shift()
    if (!next) return undefined
    return {
      kind: Kind.Members,
      body: body(out => {
        out.uint(this.index).string(next.member.node)
        out.byte(next.member.role === 'relay' ? 1 : 0)
        writeVector(out, this.outgoing, { seqs: new Map(next.seqs), closed: next.member.vector.closed }, this.intern)
      })
    }
  }

  // ── incoming ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  receiveSpace(reader: ByteReader): void {
    const last = reader.byte() === 1
    this.raiseView(readVector(reader, this.incoming, this.intern))
    for (const [key, seq] of readSeqs(reader, this.incoming, this.intern)) this.peerFloors.set(key, seq)
    const haveMessages = reader.uint()
    if (last && haveMessages === 0) this.peerReady = true
  }

  receiveHave(reader: ByteReader): void {
    const last = reader.byte() === 1
    for (const { writer, runs } of readHave(reader, this.incoming, this.intern)) this.view.addHave(writer, runs)
    if (last) this.peerReady = true
  }

  receiveRegisters(reader: ByteReader): void {
    const entries = decodeEntries(reader, this.incoming, this.intern)
    const { table } = this.space
    const returner = this.peerIsReturner()
    let applied = 0
    for (const entry of entries) {
      const covered = table.covers(entry.writer, entry.seq)
      const vacant = returner && !covered && table.peek(entry.path, entry.slot)?.value === undefined
      const outcome = table.merge(entry, this.options.source, this.said, this.contest)
      if (outcome === 'applied' || outcome === 'shadowed') {
        applied++
        if (!this.caughtUp && entry.path.startsWith(documentPrefix)) this.noteDocument(entry.path)
        // Covered and not held: it was dropped here, and the peer still has it (I6).
        // Or the peer comes back from below the floor, and the delete of what it brings may be one that was dropped.
        if ((covered || vacant) && entry.value !== undefined) this.noteReturned(entry)
        if (!covered && this.unacked.length < unackedMax)
          this.unacked.push({ writer: entry.writer, seq: entry.seq, changeIndex: table.changeIndex })
      } else if (outcome === 'rebut' || outcome === 'lost') {
        const winner = table.winnerOver(entry)
        if (!winner) continue
        if (outcome === 'rebut' || this.peerStored(winner)) this.forced.push(winner)
        // This side is the returner: what beats a delete may have lost to another that was dropped.
        if (entry.value === undefined && winner.value !== undefined && this.isReturner()) this.noteReturned(winner)
      }
    }
    this.counts.received += entries.length
    this.counts.applied += applied
    this.space.merged(entries.length)
  }

  private noteDocument(path: string): void {
    if (this.documentsSeen.size < 1_000) this.documentsSeen.add(path.slice(documentPrefix.length))
  }

  private noteReturned(entry: Entry): void {
    if (this.returned.length < 1_000 && !isSystemPath(entry.path) && !this.space.table.isExpired(entry))
      this.returned.push(addressOf(entry.path, entry.slot))
  }

  /** Whether the peer itself never said that it covers this side's floors: in a session it says so by its acks alone. */
  private peerIsReturner(): boolean {
    for (const writer of this.space.table.writers.values())
      if (writer.floor > 0 && !this.said.covers(writer, writer.floor) && !this.peerStored({ writer, seq: writer.floor })) return true
    return false
  }

  /** Whether this replica does not cover the peer's floors. */
  private isReturner(): boolean {
    for (const [key, seq] of this.peerFloors) if (!this.space.table.covers(this.intern(key), seq)) return true
    return false
  }

  /** Whether the peer's own acks say that it holds, or has held, the write durably. */
  private peerStored(dot: Pick<Register, 'writer' | 'seq'>): boolean {
    return this.acked !== undefined && covers(this.acked, dot.writer, dot.seq)
  }

  private readonly contest = (mine: Register, entry: Entry): void => {
    if (mine.writer.node === entry.writer.node || isSystemPath(entry.path)) return
    const { table } = this.space
    if (this.said.covers(mine.writer, mine.seq) || table.covers(entry.writer, entry.seq)) return
    if (valuesMatch(mine.value, entry.value)) return
    const mineWins = mine.time !== entry.time ? mine.time > entry.time : mine.writer.key > entry.writer.key
    const [winner, loser] = mineWins ? [mine, entry] : [entry, mine]
    this.contests.push({
      conflict: { path: entry.path, slot: entry.slot, winner: sideOf(winner), loser: sideOf(loser) },
      mineWriter: mine.writer,
      mineSeq: mine.seq
    })
  }

  receiveHeld(reader: ByteReader): void {
    const held = (this.heldIncoming ??= new Set())
    for (let left = reader.count('the number of addresses'); left > 0; left--)
      held.add(reader.string(heldNameBytesMax, 'the name of a held register'))
    if (held.size > heldMax) throw new SelvedgeError(sessionErrors.overloaded, `a list of more than ${heldMax} addresses`)
  }

  receiveSeal(reader: ByteReader): void {
    const flags = reader.byte()
    const vector = readVector(reader, this.incoming, this.intern)
    const floors = readSeqs(reader, this.incoming, this.intern)
    const { table } = this.space
    this.raiseView(vector)
    this.sealing = joinVectors(this.sealing, vector)
    // A long vector comes in parts. None counts before the last: what is dropped depends on what was covered before the seal.
    if (!(flags & 1)) return
    const sealed = this.sealing
    this.sealing = emptyVector
    for (const [key, seq] of floors) this.peerFloors.set(key, Math.max(seq, this.peerFloors.get(key) ?? 0))
    this.judge()
    if (flags & 2) this.dropUnheld()
    this.heldIncoming = undefined
    table.seal(sealed)
    for (const [key, seq] of this.peerFloors) table.raiseFloor(key, seq)
    this.unacked = this.unacked.filter(dot => !table.covers(dot.writer, dot.seq))
    this.sealsIn++
    this.space.sealed(this.options.peer.node, this.sealsIn === 1)
    this.checkCaughtUp()
  }

  private dropUnheld(): void {
    const { table } = this.space
    if (!this.isReturner()) return
    // If it has closed this replica's own incarnation, its registers get new dots first: the peer does not hold what it never had.
    const closed = this.said.closed.get(table.node)
    if (closed !== undefined) table.close(table.node, closed)
    const held = this.heldIncoming ?? new Set()
    this.counts.dropped += table.dropUnheld(held, this.said).length
    // What stays though the peer does not hold it comes back to it: deletes of it may be among those that the peer has dropped.
    for (const register of table.all())
      if (register.value !== undefined && !held.has(addressOf(register.path, register.slot))) this.noteReturned(register)
  }

  private judge(): void {
    const contests = this.contests
    this.contests = []
    const seen = new Set<string>()
    for (const { conflict, mineWriter, mineSeq } of contests) {
      if (this.said.covers(mineWriter, mineSeq)) continue
      const dot = `${conflict.loser.writer}:${conflict.loser.seq}`
      if (seen.has(dot)) continue
      seen.add(dot)
      this.counts.conflicts++
      if (!this.caughtUp && this.found.push(conflict) > 2 * reportedConflictsMax) this.found.splice(0, reportedConflictsMax)
      this.space.conflict(conflict)
    }
  }

  receiveAck(reader: ByteReader): void {
    const first = reader.byte() === 1
    const vector = readVector(reader, this.incoming, this.intern)
    const dots = readHave(reader, this.incoming, this.intern)
    const { members } = this.space
    const { node, role } = this.options.peer
    const seqs = new Map(first ? undefined : this.acked?.seqs)
    for (const [key, seq] of vector.seqs) seqs.set(key, seq)
    const next: VersionVector = { seqs, closed: vector.closed }
    this.told.set(node, next)
    this.acked = next
    members.learn(node, role, next, this.options.nowMs(), true)
    if (dots.length > 0) members.learnDots(node, dots)
  }

  receiveMembers(reader: ByteReader): void {
    const node = nodeId(reader.string(limits.nodeIdLengthMax, 'a node id'))
    const role = reader.byte() === 1 ? 'relay' : 'node'
    const vector = readVector(reader, this.incoming, this.intern)
    if (node === this.space.table.node || !this.space.admitsMember(node)) return
    if (this.space.members.learn(node, role, vector, this.options.nowMs())) this.told.set(node, this.space.members.get(node)!.vector)
  }

  private raiseView(vector: VersionVector): void {
    for (const [key, seq] of vector.seqs) {
      const writer = this.intern(key)
      this.view.raise(writer, seq)
      this.said.raise(writer, seq)
    }
    for (const [node, time] of vector.closed) {
      this.view.close(node, time)
      this.said.close(node, time)
    }
  }

  private checkCaughtUp(): void {
    if (this.caughtUp || this.sealsIn === 0 || this.sealsOut === 0) return
    this.caughtUp = true
    this.report()
  }

  /** Tells what came back or was dropped since the last report, if anything did: in a full compare, or in a session cut short. */
  private reportRest(): void {
    if (this.returned.length > 0 || this.counts.dropped > this.reported.dropped) this.report()
  }

  private report(): void {
    const { counts, reported, returned } = this
    const { node, role } = this.options.peer
    this.reported = { ...counts }
    this.returned = []
    this.space.caughtUp({
      peer: node,
      role,
      startedAtMs: this.startedAtMs,
      durationMs: this.options.nowMs() - this.startedAtMs,
      registersReceived: counts.received - reported.received,
      registersApplied: counts.applied - reported.applied,
      registersSent: counts.sent - reported.sent,
      conflicts: counts.conflicts - reported.conflicts,
      newestConflicts: this.found.splice(0).slice(-reportedConflictsMax),
      documents: [...this.documentsSeen],
      returned,
      dropped: counts.dropped - reported.dropped
    })
    this.documentsSeen.clear()
  }

  get isCaughtUp(): boolean {
    return this.caughtUp
  }

  get ready(): boolean {
    return this.peerReady
  }

  get documents(): DocumentLink | undefined {
    return this.options.documents
  }

  close(): void {
    this.reportRest()
    this.frozen?.release()
    this.options.documents?.close()
  }
}

/**
 * Whether a register that was to be sent still is. One that has left the table is sent in its last form when the seal covers it and
 * its successor is another object, or when it is a delete; one dropped for good is not: nobody should have it back.
 */
function isSendable(register: Register): boolean {
  return !register.gone || register.replaced || register.tombstone
}

function body(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(512)
  write(out)
  return out.finish()
}

function chunk<T>(list: readonly T[], size: number): T[][] {
  const chunks: T[][] = []
  for (let i = 0; i < list.length; i += size) chunks.push(list.slice(i, i + size))
  return chunks.length > 0 ? chunks : [[]]
}

function splitHave(have: readonly DotRuns[], haveRunsPerFrame: number): DotRuns[][] {
  const frames: DotRuns[][] = []
  let frame: DotRuns[] = []
  let room = haveRunsPerFrame
  for (const { writer, runs } of have)
    for (const part of chunk(runs, haveRunsPerFrame)) {
      if (part.length > room) {
        frames.push(frame)
        frame = []
        room = haveRunsPerFrame
      }
      frame.push({ writer, runs: part })
      room -= part.length
    }
  if (frame.length > 0) frames.push(frame)
  return frames
}

function runsOf(seqs: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const seq of seqs) {
    const last = runs[runs.length - 1]
    if (last && last[0] + last[1] === seq) last[1]++
    else if (!last || last[0] + last[1] < seq) runs.push([seq, 1]) // a register dropped and received again stands twice in the list
  }
  return runs
}
