/**
 * Bounded growth: what is held and stored is a linear function of what is live, however often it was overwritten, and every queue keeps
 * within its limit. Sizes are those of tables, logs and queues: unlike the heap they are the same in every run.
 */
import { encodedSize, type SpaceId } from '@selvedge/core'
import { connectionLimits } from '@selvedge/network'
import { conflictsKept } from '@selvedge/replica'
import type { SimulatedConnection } from '../simulated-network.js'
import type { Run } from '../run.js'
import type { Check, HappenedEvent } from './check.js'
import { diskRecords } from './disk-records.js'
import { observerOf, type Observer, type Watched, type Witness } from './observer.js'
import { peersOf, type Machine } from './views.js'

const lookEveryMs = 1_000
/** As session.ts bounds them. */
const controlFramesMax = 512
/** A session stops sending when a connection says that it is full: with the frame that filled it. */
const underWayMax = connectionLimits.highWaterBytes + connectionLimits.frameBytesMax
/** A log is rewritten when it is more than twice as large as what is live in it; small ones need not be, and a rewriting is under way. */
const logFactor = 4
/** A register's part in a block beside its path and value. */
const registerBytes = 96
const healReportsKept = 32
/** Writers that one boot may make: an incarnation, and what cures a clone, a clock or a closing. */
const writersPerBoot = 4
/** Who waits between attempts, longer each time, does not try more often to reach one other than this. */
const attemptsMax = 40
const attemptsWithinMs = 10_000
/** Deletes that are collected within this are waited for: so many rounds of it, and the time until members' vectors are known. */
const quickMs = 2_000
const collections = 4
const membersToldMs = 12_000

export class BoundedGrowth implements Check, Witness {
  readonly name = 'bounded-growth'
  private run!: Run
  private observer!: Observer
  private lookAtMs = 0
  private readonly boots = new Map<SpaceId, number>()
  /** When each tried to reach each other lately. */
  private readonly attempts = new Map<string, number[]>()
  private judged = 0

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.observer.join(this)
  }

  booted({ space }: Watched): void {
    this.boots.set(space.id, (this.boots.get(space.id) ?? 0) + 1)
  }

  afterEvent(event: HappenedEvent): void {
    if (event.label === 'connect') this.attempted(event)
    if (this.run.nowMs < this.lookAtMs) return
    this.lookAtMs = this.run.nowMs + lookEveryMs
    for (const machine of this.observer.machines) this.judgeQueues(machine)
  }

  private attempted({ actor, atMs }: HappenedEvent): void {
    const times = this.attempts.get(actor) ?? []
    this.attempts.set(actor, times)
    times.push(atMs)
    while (times[0]! < atMs - attemptsWithinMs) times.shift()
    if (times.length <= attemptsMax) return
    const [from, to] = actor.split('>')
    this.run.fail(
      this,
      'a storm of attempts to connect',
      `${from} has tried to reach ${to} ${times.length} times in ${attemptsWithinMs / 1_000} s.`,
      { actor }
    )
  }

  private judgeQueues(machine: Machine): void {
    for (const { session, connection, node } of peersOf(machine)) {
      this.judged++
      const control = session['control'].length
      if (control > controlFramesMax) return this.tooMany(machine.name, 'control frames', control, controlFramesMax, node)
      const underWay = (connection as SimulatedConnection)['underWay']
      if (underWay > underWayMax) return this.tooMany(machine.name, 'bytes under way', underWay, underWayMax, node)
      for (const link of session.spaces) {
        const { sender, space } = link
        // Registers are named, never copied: no list of them is longer than the table, but for what a rebuttal forces twice.
        const waiting = sender['forced'].length + sender['ahead'].length + sender['left'].size
        const most = 4 * space.table.size + 1_024
        if (waiting > most) return this.tooMany(machine.name, 'registers that wait to be sent', waiting, most, node)
        const contests = link.receiver['contests'].size
        const contestsMost = 64 * space.table.size + 1_024
        if (contests > contestsMost)
          return this.tooMany(machine.name, 'contests that wait for a seal', contests, contestsMost, node)
      }
    }
  }

  private tooMany(host: string, what: string, got: number, most: number, peer: string): void {
    this.run.fail(this, `too many ${what}`, `${host} keeps ${got} ${what} for one peer, ${most} at most.`, {
      host,
      got,
      most,
      peer
    })
  }

  async atEnd(): Promise<void> {
    this.observer.look()
    for (const watched of this.observer.all()) if (!this.judge(watched)) return
    if (!(await this.judgeTombstones())) return
    if (this.judged > 0) this.run.pass(this)
    else this.run.unknown(this, 'nothing was held')
  }

  /** Once all are equal and nobody writes, all deletes are collected: where that takes seconds it is waited for. */
  private async judgeTombstones(): Promise<boolean> {
    const { phase, world } = this.run
    const { gcIntervalMs = Infinity, deletesKeptMs = Infinity } = world.options.siteOptions?.timing ?? {}
    if (phase !== 'settled' || gcIntervalMs + deletesKeptMs > quickMs) return true
    const nodes = [...this.observer.all()].filter(({ machine }) => machine.role === 'node')
    const collected = (): boolean => nodes.every(({ table }) => table.tombstones.size === 0)
    if (await world.passUntil(collected, deletesKeptMs + collections * gcIntervalMs + membersToldMs)) return true
    for (const watched of nodes) {
      const [tombstone] = watched.table.tombstones
      if (!tombstone) continue
      const { path, slot } = tombstone
      return this.grown(watched, 'deletes', `${path} was deleted everywhere, and still takes room`, { path, slot })
    }
    return true
  }

  private judge(watched: Watched): boolean {
    const { table, space } = watched
    if (table.size === 0) return true
    this.judged++
    let liveBytes = 0
    const rings = new Map<string, number>()
    for (const register of table.all()) {
      const { path, slot, value } = register
      liveBytes += path.length + slot.length + registerBytes + (value === undefined ? 0 : encodedSize(value))
      const ring = /^@(conflict|heal)\/[^/]+/.exec(path)?.[0]
      if (ring) rings.set(ring, (rings.get(ring) ?? 0) + 1)
    }
    for (const [ring, count] of rings)
      if (count > (ring.startsWith('@heal') ? healReportsKept : conflictsKept) + 1)
        return this.grown(watched, 'a ring', `${ring} has ${count} registers`, { ring: ring.split('/')[0]!, count })
    const boots = this.boots.get(space.id) ?? 0
    const writersMost = writersPerBoot * boots
    if (table.writers.size > writersMost)
      return this.grown(watched, 'writers', `it knows ${table.writers.size} writers after ${boots} boots`, {
        writers: table.writers.size,
        boots
      })
    const { totalBytes } = space.persister.logSize
    const most = logFactor * liveBytes + space.persister.logSlackBytes
    if (totalBytes > most)
      return this.grown(watched, 'the log', `its log has ${totalBytes} bytes for ${liveBytes} that are live`, {
        totalBytes,
        liveBytes,
        most
      })
    const storedBytes = this.storedBytes(watched)
    // Each record has a frame on disk.
    if (this.run.phase === 'settled' && storedBytes > 1.25 * totalBytes + space.persister.logSlackBytes)
      return this.grown(watched, 'the disk', `its disk has ${storedBytes} bytes of its log, which has ${totalBytes}`, {
        storedBytes,
        totalBytes
      })
    const { receipts } = space
    const isKept = (['local', 'site', 'relay'] as const).some(level =>
      [...receipts['waiting'][level]].some(({ writer, seq }) => level === 'local' || receipts['isDurable'](writer, seq, level))
    )
    if (this.run.phase === 'settled' && isKept)
      return this.grown(watched, 'waiting receipts', 'receipts wait for what is durable', {
        pending: space.receipts.pending
      })
    return true
  }

  /** What the disk has of a log, whatever the log knows of. */
  private storedBytes({ host, space }: Watched): number {
    const { disk } = this.run.world.processes.find(({ name }) => name === host)!
    const log = `r/${space.id}/log/`
    let bytes = 0
    for (const { key, value } of diskRecords(disk)) if (key.startsWith(log)) bytes += value.length
    return bytes
  }

  private grown(
    { host, space }: Watched,
    what: string,
    how: string,
    details: Readonly<Record<string, string | number>>
  ): boolean {
    this.run.fail(
      this,
      `grows without bound: ${what}`,
      `${host} holds more of ${space.id} than what is live accounts for: ${how}.`,
      {
        space: space.id,
        host,
        ...details
      }
    )
    return false
  }
}
