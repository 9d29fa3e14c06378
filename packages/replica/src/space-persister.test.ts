/** A table and its place on disk: what is loaded is what was stored, through overwrites, drops, rewrites and crashes. */
import { describe, expect, it } from 'vitest'
import {
  encodeValue,
  ManualClock,
  nodeId,
  seededRandom,
  silentLogger,
  spaceId,
  systemClock,
  TrustedClock,
  below,
  type Random
} from '@selvedge/core'
import { RegisterTable } from '@selvedge/documents'
import { MemberTable } from '@selvedge/session'
import { MemoryDisk, MemoryStore } from '@selvedge/store'
import { SpacePersister } from './space-persister.js'

const space = spaceId('hq/state')
const runs = Number(process.env['SELVEDGE_MODEL_RUNS'] ?? 120)

interface Opened {
  readonly table: RegisterTable
  readonly persister: SpacePersister
  readonly store: MemoryStore
  readonly rejoining: boolean
}

async function open(disk: MemoryDisk, clock: ManualClock, random: Random, beforeSync = (): void => undefined): Promise<Opened> {
  const store = new MemoryStore({ clock: systemClock, disk, beforeSync })
  const trusted = new TrustedClock(clock, 300_000)
  const table: RegisterTable = new RegisterTable({
    node: nodeId('a'),
    trusted,
    random,
    onDrop: register => persister.noteDrop(register)
  })
  const persister: SpacePersister = new SpacePersister({
    store: await store.open(space),
    table,
    members: new MemberTable(),
    clock: systemClock,
    log: silentLogger,
    onDurable: () => undefined,
    logTuning: { recordBytes: 200, batchBytes: 600, slackBytes: 500, rewriteBytes: 300 }
  })
  const { rejoining } = await persister.load()
  return { table, persister, store, rejoining }
}

function shown(table: RegisterTable): unknown {
  const registers = [...table.all(), ...table.shadows.values()].map(register => [
    register.path,
    register.slot,
    register.shadow,
    register.time,
    register.writer.key,
    register.seq,
    register.value === undefined ? 'deleted' : Buffer.from(encodeValue(register.value)).toString('hex'),
    register.expiresAtMs
  ])
  return registers.map(register => JSON.stringify(register)).sort()
}

/** One random change of the table. */
function change(table: RegisterTable, clock: ManualClock, random: Random, paths: number): void {
  const path = `p/${below(random, paths)}`
  const dice = random.float()
  if (dice < 0.5) table.set(path, below(random, 1_000_000))
  else if (dice < 0.6) table.set(path, 'x'.repeat(below(random, 300)), { slot: `s${below(random, 3)}` })
  else if (dice < 0.7) table.delete(path)
  else if (dice < 0.75) table.collect(register => below(random, 2) === 0 && register.value === undefined)
  else if (dice < 0.8) table.set(path, 1, { expiresAtMs: clock.wallMs() + below(random, 1_000_000) })
  else if (dice < 0.85) table.batch(() => [table.set(path, 1), table.set(`q/${below(random, paths)}`, 2)])
  else if (dice < 0.9) {
    clock.advance(below(random, 600_000))
    table.advance()
  } else if (dice < 0.95) {
    const writer = table.writer(`b~${'22c1873c000000'}0000000${below(random, 2)}`)
    table.merge(
      {
        path,
        slot: '',
        value: 7,
        time: table.skewLimit() + 4_096 * below(random, 500_000),
        writer,
        seq: 1 + below(random, 500),
        quality: 0,
        expiresAtMs: 0,
        batch: 0
      },
      1
    )
  } else if (table.shadows.size > 0) table.discardShadow([...table.shadows.values()][0]!.path)
}

describe('a table on disk', () => {
  it(`I3: is loaded as it was stored (${runs} runs)`, { timeout: 60_000 + runs * 500 }, async () => {
    for (let seed = 1; seed <= runs; seed++) {
      const random = seededRandom(seed)
      const clock = new ManualClock()
      const disk = new MemoryDisk()
      for (let life = 0; life < 3; life++) {
        const { table, persister, store, rejoining } = await open(disk, clock, random.fork(`life ${life}`))
        expect(rejoining, `seed ${seed}`).toBe(false)
        for (let step = 0; step < 60; step++) {
          change(table, clock, random, 1 + below(random, 30))
          if (random.float() < 0.2) await persister.flushNow()
        }
        await persister.flushNow()
        const before = { shown: shown(table), hash: table.hash(), vector: table.vector(), floors: table.floors() }
        await persister.close({ degraded: false })
        await store.close()
        const again = await open(disk, clock, random.fork(`look ${life}`))
        expect(
          { shown: shown(again.table), hash: again.table.hash(), vector: again.table.vector(), floors: again.table.floors() },
          `seed ${seed}`
        ).toEqual(before)
        await again.store.close()
      }
    }
  })

  it(`I1 I3: covers nothing that it lost in a crash (${runs} runs)`, { timeout: 60_000 + runs * 500 }, async () => {
    for (let seed = 1; seed <= runs; seed++) {
      const random = seededRandom(seed * 31)
      const clock = new ManualClock()
      const disk = new MemoryDisk()
      const writes: { path: string; seq: number; time: number; writer: string }[] = []
      let durable = 0
      // Dies at one of its syncs, so also between the parts of a long flush.
      let syncsLeft = 1 + below(random, 100)
      let die = (): void => undefined
      const dead = new Promise<void>(resolve => (die = resolve))
      const first = await open(disk, clock, random.fork('life'), () => {
        if (--syncsLeft > 0) return
        disk.crash()
        die()
      })
      const isDead = (): boolean => syncsLeft <= 0
      for (let step = 0; step < 40 && !isDead(); step++) {
        for (let n = below(random, 200); n >= 0; n--) {
          const path = `p/${below(random, 300)}`
          const dot = first.table.set(path, step)
          writes.push({ path, seq: dot.seq, time: first.table.peek(path)!.time, writer: dot.writer })
        }
        const count = writes.length
        const flushed = first.persister.flushNow().then(() => (durable = Math.max(durable, count)))
        if (random.float() < 0.7) await Promise.race([flushed, dead])
        else for (let turns = below(random, 6); turns > 0; turns--) await Promise.resolve()
      }
      disk.crash()
      const again = await open(disk, clock, random.fork('again'))
      expect(again.rejoining, `seed ${seed}`).toBe(false)
      writes.forEach(({ path, seq, time, writer }, i) => {
        const log = again.table.writers.get(writer)
        const covered = log !== undefined && again.table.covers(log, seq)
        if (covered) expect(again.table.peek(path)?.time, `seed ${seed}: ${path}`).toBeGreaterThanOrEqual(time)
        if (i < durable) expect(covered, `seed ${seed}: write ${i} was acknowledged`).toBe(true)
      })
      await again.store.close()
    }
  })

  it('O(live): a point overwritten for ever takes no more room', async () => {
    const clock = new ManualClock()
    const disk = new MemoryDisk()
    const { table, persister, store } = await open(disk, clock, seededRandom(1))
    for (let i = 0; i < 3_000; i++) {
      table.set(`p/${i % 10}`, i)
      if (i % 3 === 0) await persister.flushNow()
    }
    await persister.flushNow()
    expect(persister.logSize.totalBytes).toBeLessThan(6_000)
    await store.close()
  })

  it('O(live): knows what is live of its log, as a restart would find it', async () => {
    const clock = new ManualClock()
    const disk = new MemoryDisk()
    const random = seededRandom(1)
    const { table, persister, store } = await open(disk, clock, random)
    for (let i = 0; i < 3_000; i++) {
      table.set(`p/${below(random, 40)}`, i)
      if (i % 7 === 0) await persister.flushNow()
    }
    await persister.flushNow()
    const { liveBytes } = persister.logSize
    await store.close()
    const again = await open(disk, clock, random)
    expect(Math.abs(again.persister.logSize.liveBytes - liveBytes)).toBeLessThan(liveBytes / 20)
    await again.store.close()
  })
})

describe('the ceiling on disk', () => {
  it('I5: is not raised by a clock that a peer doubts, nor lowered by the doubt: the next process still has it', async () => {
    const disk = new MemoryDisk()
    const clock = new ManualClock()
    const startMs = clock.wallMs()
    const session = {}
    const first = await open(disk, clock, seededRandom(1))
    first.table.set('p', 1)
    await first.persister.flushNow()
    first.table.trusted.heard(session, startMs)
    for (const jumpMs of [9 * 3_600_000, 0]) {
      clock.jumpWall(jumpMs)
      // A peer in the past is a doubt as well.
      if (jumpMs === 0) first.table.trusted.heard(session, 0)
      first.table.set('p', 2 + jumpMs)
      await first.persister.flushNow()
    }
    await first.persister.close({ degraded: false })
    await first.store.close()
    const second = await open(disk, clock, seededRandom(2))
    const { trusted } = second.table
    expect(trusted.nowMs()).toBe(startMs + 9 * 3_600_000)
    expect([trusted.undisputedMs(), trusted.isDoubted]).toEqual([startMs, true])
    await second.persister.close({ degraded: false })
    await second.store.close()
  })
})

describe('a flush that nobody waits for', () => {
  it('is put off: for longer when all that changed came from peers', async () => {
    const [clock, commits] = [new ManualClock(), new ManualClock()]
    const store = new MemoryStore({ clock: systemClock, disk: new MemoryDisk() })
    const table = new RegisterTable({ node: nodeId('a'), trusted: new TrustedClock(clock, 300_000), random: seededRandom(1) })
    let durable = (): void => undefined
    const persister = new SpacePersister({
      store: await store.open(space),
      table,
      members: new MemberTable(),
      clock: commits,
      log: silentLogger,
      onDurable: () => durable()
    })
    await persister.load()
    const flushedAfterMs = async (waitMs: number): Promise<void> => {
      const { version } = persister.durable
      commits.advance(waitMs - 1)
      expect(commits.timers).toBe(1)
      const flushed = new Promise<void>(resolve => (durable = resolve))
      commits.advance(1)
      await flushed
      expect(persister.durable.version).toBe(version + 1)
      // The flush has yet to look for more.
      await new Promise(resolve => setImmediate(resolve))
    }
    const writer = table.writer('b~22c1873c00000000000000')
    const receive = (seq: number): void => {
      const entry = { path: 'p', slot: '', value: seq, time: seq, writer, seq, quality: 0, expiresAtMs: 0, batch: 0 }
      table.merge(entry, 1)
      persister.schedule()
    }
    const write = (value: number): void => {
      table.set('q', value)
      persister.noteWritten()
      persister.schedule()
    }
    commits.advance(1_000)
    const first = new Promise<void>(resolve => (durable = resolve))
    receive(1)
    commits.advance(0)
    await first
    await new Promise(resolve => setImmediate(resolve))
    receive(2)
    await flushedAfterMs(100)
    write(1)
    await flushedAfterMs(20)
    receive(3)
    commits.advance(5)
    write(2)
    await flushedAfterMs(15)
    receive(4)
    commits.advance(50)
    const hurried = new Promise<void>(resolve => (durable = resolve))
    write(3)
    commits.advance(0)
    await hurried
    await persister.close({ degraded: false })
    await store.close()
  })
})
