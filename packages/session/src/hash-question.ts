/**
 * Proof of equality (I7, SES-13, SES-14): one side holds its hash and tells its vector; the other answers with its hash without the
 * addresses that the asker can't have yet, and those addresses.
 */
import { limits, type ByteReader } from '@selvedge/core'
import { hashesEqual, readVector, writeVector, type FrozenHash, type TableHash } from '@selvedge/documents'
import type { CutSender } from './cut-sender.js'
import { bodyOf, Kind } from './frames.js'
import type { LinkState } from './link-state.js'
import { vectorSeqsPerFrame, type Outgoing } from './messages.js'

/** Replicas that were equal and have not changed are compared again after a longer time each time, up to this many intervals. */
const restfulIntervalsMax = 8
/** Beyond this many addresses in flight a compare is put off. */
const comparedAddressesMax = 2_000

export class HashQuestion {
  private frozen: FrozenHash | undefined
  private askedAtMs = Number.NEGATIVE_INFINITY
  /** Intervals from the last question to the next, while nothing changes. */
  private restful = 1
  /** The state that the latest question was about, and the state that was found equal. */
  private asked = -1
  private matched = -1

  constructor(
    private readonly link: LinkState,
    private readonly sender: CutSender
  ) {}

  /** Whether it is time for a question, of which there is one in each interval while something changes. */
  isDue(now: number, intervalMs: number): boolean {
    if (now < this.askedAtMs + intervalMs) return false
    return this.matched !== this.state || now >= this.askedAtMs + this.restful * intervalMs
  }

  /** Asks the peer to compare hashes; only when nothing is owed, so that the peer has all that this side has now. */
  compareRequest(now: number): Outgoing | undefined {
    const { table } = this.link.space
    // One question at a time: an answer is of the instant at which its own question was asked.
    if (this.frozen || table.writers.size > vectorSeqsPerFrame) return undefined
    if (!this.sender.idle) return void this.sender.hurry(now)
    this.sender.calm()
    this.frozen = table.freezeHash()
    this.noteQuestion(now)
    const { a, b, count } = this.frozen.hash
    return {
      kind: Kind.Compare,
      body: bodyOf(out => {
        out.uint(this.link.index)
        writeVector(out, this.link.outgoing, table.vector(), this.link.intern)
        out.uint(a).uint(b).uint(count)
      })
    }
  }

  private noteQuestion(now: number): void {
    this.askedAtMs = now
    this.asked = this.state
    this.restful = this.asked === this.matched ? Math.min(2 * this.restful, restfulIntervalsMax) : 1
  }

  /**
   * Answers with the hash of all but the addresses that the asker can't have yet, and those addresses. Where there are none, the hash of
   * the asker tells this side as much as an answer to a question of its own.
   */
  receiveCompare(reader: ByteReader, now: number): Outgoing | undefined {
    this.link.tally.reportRest()
    const vector = readVector(reader, this.link.incoming, this.link.intern)
    const theirs = reader.remaining > 0 ? readHash(reader) : undefined
    const { table } = this.link.space
    const beyond = this.link.peerReady ? table.addressesBeyond(vector, comparedAddressesMax) : undefined
    const hash = beyond && table.hashWithout(beyond)
    if (hash && theirs && !this.frozen && beyond.length === 0 && hashesEqual(hash, theirs)) {
      this.noteQuestion(now)
      this.found()
    }
    return {
      kind: Kind.Compared,
      body: bodyOf(out => {
        out.uint(this.link.index).byte(hash ? 1 : 0)
        if (!hash || !beyond) return
        out.uint(hash.a).uint(hash.b).uint(hash.count).uint(beyond.length)
        for (const address of beyond) out.string(address)
      })
    }
  }

  /** Takes the answer: equal, or a divergence that starts a full compare both ways. */
  receiveCompared(reader: ByteReader): Outgoing | undefined {
    this.link.tally.reportRest()
    const frozen = this.frozen
    this.frozen = undefined
    frozen?.release()
    if (reader.byte() === 0) return undefined
    const theirs = readHash(reader)
    const beyond: string[] = []
    for (let left = reader.count('the number of addresses'); left > 0; left--)
      beyond.push(reader.string(limits.pathBytesMax + limits.slotBytesMax + 1, 'an address'))
    if (!frozen) return undefined
    if (hashesEqual(frozen.without(beyond), theirs)) return this.found()
    this.matched = -1
    this.link.space.diverged(this.link.peer.node)
    this.sender.beginFullCompare()
    return { kind: Kind.FullCompare, body: bodyOf(out => out.uint(this.link.index)) }
  }

  private found(): undefined {
    this.matched = this.asked
    this.link.space.matched(this.link.peer.node)
  }

  /** Of the table: rises with every change of it. */
  private get state(): number {
    const { changeIndex, vectorVersion } = this.link.space.table
    return changeIndex + vectorVersion
  }

  close(): void {
    this.frozen?.release()
    this.frozen = undefined
  }
}

function readHash(reader: ByteReader): TableHash {
  return { a: reader.uint(), b: reader.uint(), count: reader.uint() }
}
