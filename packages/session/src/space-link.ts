/**
 * One space in one session: its announcement, and the parts that do the rest. Every rule is in SPEC.md (SES-…).
 */
import { assert, SelvedgeError, type ByteReader } from '@selvedge/core'
import { readHave, readSeqs, readVector, writeHave, writeSeqs, writeVector, type DotRuns } from '@selvedge/documents'
import { CutSender } from './cut-sender.js'
import { DurabilityExchange } from './durability-exchange.js'
import { sessionErrors } from './errors.js'
import { bodyOf, Kind } from './frames.js'
import { HashQuestion } from './hash-question.js'
import { LinkState, type LinkOptions } from './link-state.js'
import { chunk, splitHave, vectorSeqsPerFrame, type Outgoing } from './messages.js'
import { RegisterReceiver } from './register-receiver.js'
import type { DocumentLink, SessionSpace } from './session-space.js'

/** Runs of dots that a peer may hold above its vector; it could not make more of a table of as many points. */
const haveRunsMax = 8_000_000

export interface SpaceLinkOptions extends LinkOptions {
  readonly documents: DocumentLink | undefined
}

export class SpaceLink {
  readonly space: SessionSpace
  readonly index: number
  readonly documents: DocumentLink | undefined
  readonly sender: CutSender
  readonly receiver: RegisterReceiver
  readonly durability: DurabilityExchange
  readonly question: HashQuestion
  /** The peer's index of this space; undefined until it announced it. */
  remoteIndex: number | undefined
  private readonly link: LinkState
  private have: DotRuns[] | undefined
  private announced = false
  private haveRuns = 0

  constructor(options: SpaceLinkOptions) {
    this.space = options.space
    this.index = options.index
    this.documents = options.documents
    this.link = new LinkState(options)
    this.sender = new CutSender(this.link)
    this.durability = new DurabilityExchange(this.link)
    this.receiver = new RegisterReceiver(this.link, this.sender, this.durability)
    this.question = new HashQuestion(this.link, this.sender)
    this.have = this.space.table.have()
  }

  /** Messages that announce this space: its id, vector, floors, and how many `have` messages follow. */
  announce(): Outgoing[] {
    assert(!this.announced, 'a space is announced once in a session')
    this.announced = true
    const { table } = this.space
    const vector = table.vector()
    const parts = chunk([...vector.seqs], vectorSeqsPerFrame)
    const have = splitHave(this.have ?? [], this.link.tuning.haveRunsPerFrame)
    this.have = undefined
    const messages: Outgoing[] = parts.map((seqs, i) => ({
      kind: Kind.Space,
      body: bodyOf(out => {
        const last = i === parts.length - 1
        out
          .uint(this.index)
          .string(this.space.id)
          .byte(last ? 1 : 0)
        writeVector(out, this.link.outgoing, { seqs: new Map(seqs), closed: last ? vector.closed : new Map() }, this.link.intern)
        writeSeqs(out, this.link.outgoing, last ? table.floors() : new Map(), this.link.intern)
        out.uint(last ? have.length : 0)
      })
    }))
    have.forEach((runs, i) =>
      messages.push({
        kind: Kind.Have,
        body: bodyOf(out => {
          out.uint(this.index).byte(i === have.length - 1 ? 1 : 0)
          writeHave(out, this.link.outgoing, runs)
        })
      })
    )
    this.sender.announced(table.floors(), vector)
    return messages
  }

  receiveSpace(reader: ByteReader): void {
    this.requireAnnouncing()
    const last = reader.byte() === 1
    this.link.raiseView(readVector(reader, this.link.incoming, this.link.intern))
    for (const [key, seq] of readSeqs(reader, this.link.incoming, this.link.intern)) this.link.peerFloors.set(key, seq)
    const haveMessages = reader.uint()
    if (last) this.receiver.judgeLeft()
    if (last && haveMessages === 0) this.link.peerReady = true
  }

  private receiveHave(reader: ByteReader): void {
    this.requireAnnouncing()
    const last = reader.byte() === 1
    for (const { writer, runs } of readHave(reader, this.link.incoming, this.link.intern)) {
      this.link.view.addHave(writer, runs)
      this.haveRuns += runs.length
    }
    if (this.haveRuns > haveRunsMax)
      throw new SelvedgeError(sessionErrors.overloaded, `an announcement of more than ${haveRunsMax} runs of dots`)
    if (last) this.link.peerReady = true
  }

  private requireAnnouncing(): void {
    if (this.link.peerReady) throw new SelvedgeError(sessionErrors.protocolViolation, `${this.space.id} was announced already`)
  }

  /** A message of this space. What it answers is sent as a control frame. */
  receive(kind: Kind, reader: ByteReader, now: number): Outgoing | undefined {
    switch (kind) {
      case Kind.Have:
        return void this.receiveHave(reader)
      case Kind.Registers:
        return void this.receiver.receiveRegisters(reader)
      case Kind.Held:
        return void this.receiver.receiveHeld(reader)
      case Kind.Seal:
        return void this.receiver.receiveSeal(reader)
      case Kind.Ack:
        return void this.durability.receiveAck(reader)
      case Kind.Members:
        return void this.durability.receiveMembers(reader)
      case Kind.Compare:
        return this.question.receiveCompare(reader, now)
      case Kind.Compared:
        return this.question.receiveCompared(reader)
      case Kind.FullCompare:
        return void this.sender.beginFullCompare()
      default:
        return void this.documents?.receive(reader.raw(reader.remaining))
    }
  }

  /** Counters of the session, for status and reports. */
  get counts(): LinkState['tally']['counts'] {
    return this.link.tally.counts
  }

  /** Changes that the peer has not been sent. */
  get backlog(): number {
    return this.sender.backlog
  }

  /** Whether both sides have sealed once. */
  get isCaughtUp(): boolean {
    return this.link.tally.isOver
  }

  /** Whether there may be something to send because of a message. What it changed in the table wakes each session by itself. */
  asksForMore(kind: Kind): boolean {
    if (kind === Kind.Ack || kind === Kind.Members) return false
    if (kind !== Kind.Registers && kind !== Kind.Seal) return true
    return !this.isCaughtUp || this.sender.hasForced || this.durability.isAsked
  }

  /** Whether the peer's announcement is complete. */
  get ready(): boolean {
    return this.link.peerReady
  }

  close(): void {
    this.link.tally.reportRest()
    this.receiver.close()
    this.question.close()
    this.documents?.close()
  }
}
