/**
 * Every write of a space that was seen in any table, by its dot: what a check compares tables with. It keeps the newest writes of each
 * writer; of older ones there is no evidence any more.
 */
import type { HlcTime, NodeId, SpaceId, Value } from '@selvedge/core'
import { addressOf, valuesMatch, voidPath, type Register, type WriterKey, type WriterLog } from '@selvedge/documents'

/** Writes kept a writer, and deletes kept an address. */
const writesMax = 32_768
const deletesMax = 1_024

/** One write, as it was first seen in some table. */
export interface Write {
  readonly address: string
  readonly path: string
  readonly slot: string
  /** `undefined`: a delete. */
  readonly value: Value | undefined
  readonly time: HlcTime
  readonly expiresAtMs: number
  readonly author: Author
  readonly seq: number
  /** True time at which it was first seen. */
  readonly atMs: number
  /** The machine in whose table it was first seen. */
  readonly host: string
}

/** A writer: one incarnation of a node. */
export class Author {
  /** Machine → the seq up to which it has it, but for the incarnation's own. */
  private readonly heard = new Map<string, number>()
  private writes: (Write | undefined)[] = []
  /** Seq of the first that is kept. */
  private first = 1

  constructor(
    readonly key: WriterKey,
    readonly node: NodeId,
    readonly createdAt: HlcTime,
    /** In the order in which they were first seen. */
    readonly index: number
  ) {}

  /** The seq up to which anybody but the incarnation itself has it. What is above may have been lost with it, or by all who had it. */
  get heardUpTo(): number {
    let upTo = 0
    for (const seq of this.heard.values()) upTo = Math.max(upTo, seq)
    return upTo
  }

  /** A machine has it up to a seq, from now on. */
  heardBy(host: string, seq: number): void {
    this.heard.set(host, seq)
  }

  get(seq: number): Write | undefined {
    return this.writes[seq - this.first]
  }

  put(write: Write): void {
    if (write.seq < this.first) return
    if (write.seq - this.first >= 2 * writesMax) {
      const drop = write.seq - this.first - writesMax
      this.writes = this.writes.slice(drop)
      this.first += drop
    }
    this.writes[write.seq - this.first] = write
  }

  /** Writes with a seq above `from`, up to `to`. */
  *between(from: number, to: number): IterableIterator<Write> {
    const last = Math.min(to, this.first + this.writes.length - 1)
    for (let seq = Math.max(from + 1, this.first); seq <= last; seq++) {
      const write = this.writes[seq - this.first]
      if (write) yield write
    }
  }
}

export interface Noted {
  readonly write: Write
  /** The dot was seen before, as something else. */
  readonly clash: boolean
}

export class SpaceLedger {
  readonly authors = new Map<WriterKey, Author>()
  /** Address → the deletes that were seen, and what expired there, the latest stamp last. */
  private readonly deleted = new Map<string, Write[]>()
  /** Addresses at which an operator has discarded or released a write. */
  readonly voided = new Set<string>()

  constructor(readonly id: SpaceId) {}

  author(writer: Pick<WriterLog, 'key' | 'node' | 'createdAt'>): Author {
    let author = this.authors.get(writer.key)
    if (!author) this.authors.set(writer.key, (author = new Author(writer.key, writer.node, writer.createdAt, this.authors.size)))
    return author
  }

  find(key: WriterKey, seq: number): Write | undefined {
    return this.authors.get(key)?.get(seq)
  }

  /** Whether anything was ever deleted there, or has expired. */
  wasDeleted(address: string): boolean {
    return this.deleted.has(address)
  }

  /** Deletes of an address with a stamp of `time` or later, the latest first. */
  *deletesSince(address: string, time: HlcTime): IterableIterator<Write> {
    const deletes = this.deleted.get(address) ?? []
    for (let i = deletes.length - 1; i >= 0 && deletes[i]!.time >= time; i--) yield deletes[i]!
  }

  note(register: Register, atMs: number, host: string): Noted {
    const author = this.author(register.writer)
    const known = author.get(register.seq)
    if (known) {
      if (register.value === undefined) this.noteDelete(known)
      return { write: known, clash: !isSame(known, register) }
    }
    const { path, slot, value, time, expiresAtMs, seq } = register
    const write = { address: addressOf(path, slot), path, slot, value, time, expiresAtMs, author, seq, atMs, host }
    author.put(write)
    if (value === undefined) this.noteDelete(write)
    if (path === voidPath) this.noteVoid(value)
    return { write, clash: false }
  }

  private noteDelete(write: Write): void {
    const deletes = this.deleted.get(write.address)
    if (!deletes) return void this.deleted.set(write.address, [write])
    if (deletes.includes(write)) return
    const at = deletes.findLastIndex(({ time }) => time <= write.time)
    deletes.splice(at + 1, 0, write)
    if (deletes.length > deletesMax) deletes.shift()
  }

  private noteVoid(value: Value | undefined): void {
    const { path, slot } = (typeof value === 'object' && value !== null ? value : {}) as { path?: unknown; slot?: unknown }
    if (typeof path === 'string' && typeof slot === 'string') this.voided.add(addressOf(path, slot))
  }
}

/** Whether a register is the write in any of its forms: what expired becomes a delete, and keeps its dot. */
function isSame(write: Write, register: Register): boolean {
  if (write.time !== register.time || write.path !== register.path || write.slot !== register.slot) return false
  if (write.expiresAtMs !== register.expiresAtMs) return false
  return valuesMatch(write.value, register.value) || (register.expiresAtMs !== 0 && register.value === undefined)
}

/** Whether two are one write of a node: it may have had another dot in between. */
export function isOneWrite(a: Write, b: Write): boolean {
  return a === b || (a.address === b.address && a.time === b.time && a.author.node === b.author.node)
}
