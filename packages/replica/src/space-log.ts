/**
 * A table's registers on disk: a circular log. Each commit appends records of columnar blocks with the registers changed since the
 * last, and, with the last block of a flush, the vector of the instant at which the flush began (I3). The oldest records are
 * rewritten (what is still current in them moves to the tail) once the log is twice as large as what is live, so the disk holds
 * O(live registers), a write costs about one more, and opening reads a few large records in order.
 *
 * A record is: dropped addresses (each with a mark for shadows), then a block of entries. Reading in order, a later form of an
 * address replaces an earlier one and a drop removes it; since records leave from the oldest end only, a drop is never outlived by
 * what it dropped.
 */
import { ByteReader, ByteWriter, limits, type SpaceStore, type StoreBatch } from '@selvedge/core'
import { addressOf, EntryEncoder, visitEntries, WriterDictionary, type Register, type RegisterTable } from '@selvedge/documents'

const prefix = 'log/'
/** Sizes in bytes: small where flash is dear, and in tests, so that a few registers are stored as a million would be. */
export interface LogTuning {
  /** Of one record, about. Default 64 KiB. */
  readonly recordBytes: number
  /** Of registers in one atomic batch, about: a flush of more is stored in parts, the vector with the last. Default 1 MiB. */
  readonly batchBytes: number
  /** A log up to this size is never rewritten. Default 512 KiB. */
  readonly slackBytes: number
  /** Of old records taken up by one batch at most. Default 256 KiB. */
  readonly rewriteBytes: number
}

const defaultLogTuning: LogTuning = {
  recordBytes: 64 * 1024,
  batchBytes: 1024 * 1024,
  slackBytes: 512 * 1024,
  rewriteBytes: 256 * 1024
}
const recordsMax = 1_024
/** One for all logs: a record is encoded in one turn. */
const encoder = new EntryEncoder(new WriterDictionary())

interface LogRecord {
  readonly key: string
  readonly bytes: number
  /** Entries in it. */
  readonly entries: number
  /** Registers stored in it, some of them in another form by now. */
  registers: Register[]
  /** Registers whose current form this record stores. */
  live: number
}

export class SpaceLog {
  /** By number, oldest first. */
  private readonly records = new Map<number, LogRecord>()
  private next = 1
  private totalBytes = 0
  private liveBytes = 0
  private dropped: Register[] = []

  private readonly tuning: LogTuning

  constructor(tuning: Partial<LogTuning> = {}) {
    this.tuning = { ...defaultLogTuning, ...tuning }
  }

  /** A log up to this size is never rewritten. */
  get slackBytes(): number {
    return this.tuning.slackBytes
  }

  /** Bytes in the log, and about how many of them are current. */
  get size(): { readonly totalBytes: number; readonly liveBytes: number; readonly records: number } {
    return { totalBytes: this.totalBytes, liveBytes: Math.round(this.liveBytes), records: this.records.size }
  }

  /** A register left the table: the next batch says so. */
  noteDrop(register: Register): void {
    this.forgetOld(register)
    this.dropped.push(register)
  }

  get hasDrops(): boolean {
    return this.dropped.length > 0
  }

  /** Takes registers from `changed` at `from` on until a batch is full; fills `batch` and tells where to go on. */
  fill(batch: { puts: StoreBatch['puts'][number][]; deletes: string[] }, changed: readonly Register[], from: number): number {
    let filled = 0
    let next = from
    const drops = this.dropped
    this.dropped = []
    const old = this.takeOldest(batch)
    const queue = { changed, next, old, oldNext: 0 }
    let first = true
    while (first ? drops.length > 0 || hasMore(queue) : hasMore(queue)) {
      if (filled >= this.tuning.batchBytes && !inBatch(changed, queue.next)) break
      filled += this.append(batch, first ? drops : [], queue)
      first = false
    }
    next = queue.next
    // Old registers are always taken whole: their records are deleted in this batch.
    while (queue.oldNext < old.length) this.append(batch, [], queue)
    return next
  }

  private append(batch: { puts: StoreBatch['puts'][number][] }, drops: readonly Register[], queue: Queue): number {
    const number = this.next++
    encoder.start(new WriterDictionary())
    const registers: Register[] = []
    const forgetOld = (register: Register): void => this.forgetOld(register)
    while (queue.oldNext < queue.old.length && encoder.size < this.tuning.recordBytes) take(queue.old[queue.oldNext++]!)
    while (queue.next < queue.changed.length && (encoder.size < this.tuning.recordBytes || inBatch(queue.changed, queue.next))) {
      const register = queue.changed[queue.next++]!
      if (!register.gone) take(register)
    }
    function take(register: Register): void {
      // Taken up from an old record, and changed since: once is enough.
      if (register.record === number) return
      forgetOld(register)
      register.record = number
      encoder.add(register)
      registers.push(register)
    }
    if (registers.length === 0 && drops.length === 0) return 0
    const out = new ByteWriter(encoder.size + 1024)
    out.uint(drops.length)
    for (const register of drops) out.byte(register.shadow ? 1 : 0).string(addressOf(register.path, register.slot))
    encoder.finish(out)
    const value = out.finish()
    const key = keyOf(number)
    batch.puts.push({ key, value })
    this.records.set(number, { key, bytes: value.length, entries: registers.length, registers, live: registers.length })
    this.totalBytes += value.length
    if (registers.length > 0) this.liveBytes += value.length
    return value.length
  }

  private forgetOld(register: Register): void {
    const record = this.records.get(register.record)
    register.record = 0
    if (!record) return
    record.live--
    this.liveBytes -= record.bytes / record.entries
  }

  private takeOldest(batch: { deletes: string[] }): Register[] {
    const old: Register[] = []
    let bytes = 0
    for (const [number, record] of this.records) {
      // Many small records make opening slow; large ones are as many as what is stored needs.
      const many = this.records.size > recordsMax + (2 * this.totalBytes) / this.tuning.recordBytes
      const wasteful = many || this.totalBytes > 2 * this.liveBytes + this.tuning.slackBytes
      if (!wasteful || bytes >= this.tuning.rewriteBytes) break
      batch.deletes.push(record.key)
      this.records.delete(number)
      this.totalBytes -= record.bytes
      for (const register of record.registers) {
        if (register.record !== number) continue
        this.liveBytes -= record.bytes / record.entries
        register.record = 0
        if (!register.gone) old.push(register)
      }
      bytes += record.bytes
    }
    return old
  }

  /** Reads the log of a space into an empty table. */
  async load(store: SpaceStore, table: RegisterTable): Promise<void> {
    const loading = table.beginLoad()
    for await (const { key, value } of store.read(prefix)) {
      const number = Number.parseInt(key.slice(prefix.length), 16)
      const reader = new ByteReader(value)
      for (let left = reader.count('the number of drops', 2); left > 0; left--) {
        const shadow = reader.byte() === 1
        const dropped = loading.drop(reader.string(limits.pathBytesMax + limits.slotBytesMax + 1, 'an address'), shadow)
        if (dropped) dropped.record = 0
      }
      const registers: Register[] = []
      let entries = 0
      visitEntries(
        reader,
        new WriterDictionary(),
        writer => table.writer(writer),
        entry => {
          entries++
          const register = loading.put(entry)
          if (register.record === number) return
          register.record = number
          registers.push(register)
        }
      )
      reader.finish('a record of registers')
      this.records.set(number, { key, bytes: value.length, entries, registers, live: 0 })
      this.totalBytes += value.length
      this.next = number + 1
    }
    loading.finish(this.standing())
    for (const record of this.records.values())
      if (record.entries > 0) this.liveBytes += (record.bytes * record.live) / record.entries
  }

  /** The registers that stand, by the records that store them; the records let go of the others. */
  private *standing(): Generator<readonly Register[]> {
    for (const [number, record] of this.records) {
      record.registers = record.registers.filter(register => register.record === number && !register.gone)
      record.live = record.registers.length
      yield record.registers
    }
  }
}

interface Queue {
  readonly changed: readonly Register[]
  next: number
  readonly old: readonly Register[]
  oldNext: number
}

function hasMore(queue: Queue): boolean {
  return queue.next < queue.changed.length || queue.oldNext < queue.old.length
}

/** Whether the register at `index` belongs to the same batch as the one before it: writes of a batch are stored together. */
function inBatch(registers: readonly Register[], index: number): boolean {
  const register = registers[index]
  const before = registers[index - 1]
  return (
    register !== undefined &&
    before !== undefined &&
    register.batch !== 0 &&
    register.batch === before.batch &&
    register.writer === before.writer
  )
}

function keyOf(number: number): string {
  return prefix + number.toString(16).padStart(12, '0')
}
