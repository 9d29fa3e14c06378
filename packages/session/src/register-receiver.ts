/**
 * The incoming half of a space link: registers are merged as they come; the seal moves the vector, drops what the peer no longer holds
 * (I6), and is where conflicts are judged (I8).
 */
import { limits, SelvedgeError, type ByteReader } from '@selvedge/core'
import {
  addressOf,
  decodeEntries,
  emptyVector,
  isSystemPath,
  joinVectors,
  readSeqs,
  readVector,
  valuesMatch,
  type Entry,
  type Register,
  type VersionVector,
  type WriterLog
} from '@selvedge/documents'
import { Contests, sideOf } from './contests.js'
import type { CutSender } from './cut-sender.js'
import type { DurabilityExchange } from './durability-exchange.js'
import { sessionErrors } from './errors.js'
import type { LinkState } from './link-state.js'

/** An address, and for a shadow a mark and its time. */
const heldNameBytesMax = limits.pathBytesMax + limits.slotBytesMax + 16
/** Addresses of a held list that a receiver keeps; a peer that sends more closes the session. */
const heldMax = 8_000_000

export class RegisterReceiver {
  private heldIncoming: Set<string> | undefined
  /** Parts of a seal whose last part has not come. */
  private sealing: VersionVector = emptyVector
  private readonly contests = new Contests()

  constructor(
    private readonly link: LinkState,
    private readonly sender: CutSender,
    private readonly durability: DurabilityExchange
  ) {}

  receiveRegisters(reader: ByteReader): void {
    const entries = inOrderOfSeqs(decodeEntries(reader, this.link.incoming, this.link.intern))
    const { table } = this.link.space
    const returner = this.link.peerIsReturner()
    let applied = 0
    for (const entry of entries) {
      const covered = table.covers(entry.writer, entry.seq)
      const vacant = returner && !covered && table.peek(entry.path, entry.slot)?.value === undefined
      const outcome = table.merge(entry, this.link.source, this.link.said, this.contest)
      if (outcome === 'applied' || outcome === 'shadowed') {
        applied++
        this.link.tally.notePath(entry.path)
        // Covered and not held: it was dropped here, and the peer still has it (I6).
        // Or the peer comes back from below the floor, and the delete of what it brings may be one that was dropped.
        if ((covered || vacant) && entry.value !== undefined) this.link.tally.noteReturned(entry)
        if (covered || (vacant && entry.value !== undefined)) this.goesOn(entry)
        if (!covered) this.durability.received(entry.writer, entry.seq)
      } else if (outcome === 'rebut' || outcome === 'lost') {
        const winner = table.winnerOver(entry)
        if (!winner) continue
        if (outcome === 'rebut' || this.link.peerStored(winner)) this.sender.force(winner)
        // This side is the returner: what beats a delete may have lost to another that was dropped.
        if (entry.value === undefined && winner.value !== undefined && this.link.isReturner())
          this.link.tally.noteReturned(winner)
      }
    }
    this.link.tally.counts.received += entries.length
    this.link.tally.counts.applied += applied
    this.link.space.merged(entries.length)
  }

  /** What came back here, and the delete that answers it, others need too, whatever they cover (SES-23). */
  private goesOn({ path, slot }: Entry): void {
    const { table, cameBack } = this.link.space
    const register = table.peek(path, slot)
    if (register) cameBack?.note(register)
  }

  private readonly contest = (mine: Register, entry: Entry): void => {
    if (mine.writer.node === entry.writer.node || isSystemPath(entry.path)) return
    const { table } = this.link.space
    if (this.link.said.covers(mine.writer, mine.seq) || table.covers(entry.writer, entry.seq)) return
    if (valuesMatch(mine.value, entry.value)) return
    const mineWins = mine.time !== entry.time ? mine.time > entry.time : mine.writer.key > entry.writer.key
    const [winner, loser] = mineWins ? [mine, entry] : [entry, mine]
    this.contests.add({
      conflict: { path: entry.path, slot: entry.slot, winner: sideOf(winner), loser: sideOf(loser) },
      mineWriter: mine.writer,
      mineSeq: mine.seq,
      entryWriter: entry.writer,
      entrySeq: entry.seq
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
    const vector = readVector(reader, this.link.incoming, this.link.intern)
    const floors = readSeqs(reader, this.link.incoming, this.link.intern)
    const { table } = this.link.space
    this.link.raiseView(vector)
    this.sealing = joinVectors(this.sealing, vector)
    // A long vector comes in parts. None counts before the last: what is dropped depends on what was covered before the seal.
    if (!(flags & 1)) return
    if (flags & 4) this.durability.wanted()
    const sealed = this.sealing
    this.sealing = emptyVector
    for (const [key, seq] of floors) this.link.peerFloors.set(key, Math.max(seq, this.link.peerFloors.get(key) ?? 0))
    this.judge()
    if (flags & 2) this.dropUnheld()
    this.heldIncoming = undefined
    table.seal(sealed)
    for (const [key, seq] of this.link.peerFloors) table.raiseFloor(key, seq)
    this.durability.sealed()
    this.link.space.sealed(this.link.peer.node, this.link.tally.sealReceived())
    this.link.tally.check()
  }

  private dropUnheld(): void {
    const { table } = this.link.space
    if (!this.link.isReturner()) return
    // If it has closed this replica's own incarnation, its registers get new dots first: the peer does not hold what it never had.
    const closed = this.link.said.closed.get(table.node)
    if (closed !== undefined) table.close(table.node, closed)
    const held = this.heldIncoming ?? new Set()
    this.link.tally.counts.dropped += table.dropUnheld(held, this.link.said).length
    // What stays though the peer does not hold it comes back to it: deletes of it may be among those that the peer has dropped.
    for (const register of table.all())
      if (register.value !== undefined && !held.has(addressOf(register.path, register.slot)))
        this.link.tally.noteReturned(register)
  }

  private judge(): void {
    for (const conflict of this.contests.judge(this.link.said)) {
      this.link.tally.noteConflict(conflict)
      this.link.space.conflict(conflict)
    }
    this.judgeLeft()
  }

  /** The peer has said what it covers: what met in sessions that ended before their seals may be judged by that. */
  judgeLeft(): void {
    for (const conflict of this.link.space.leftContests?.judge(this.link.said) ?? []) this.link.space.conflict(conflict)
  }

  /** The session is over: what waits for a seal is left to those of other sessions. */
  close(): void {
    this.link.space.leftContests?.take(this.contests)
  }
}

/** Entries as a table takes them fastest: a writer's by their seqs. A frame is whole, so that its order means nothing else. */
function inOrderOfSeqs<E extends Pick<Entry, 'writer' | 'seq'>>(entries: E[]): E[] {
  const latest = new Map<WriterLog, number>()
  const rises = entries.every(({ writer, seq }) => {
    const before = latest.get(writer)
    latest.set(writer, seq)
    return before === undefined || before < seq
  })
  if (rises) return entries
  const order = new Map([...latest.keys()].map((writer, i) => [writer, i]))
  return entries.sort((a, b) => order.get(a.writer)! - order.get(b.writer)! || a.seq - b.seq)
}
