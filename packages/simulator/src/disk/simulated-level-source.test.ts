import { below, isSelvedgeError, seededRandom, spaceId, type SpaceStore, type StoreBatch } from '@selvedge/core'
import { LevelStore, type CommitQueueOptions } from '@selvedge/store'
import { describe, expect, it } from 'vitest'
import { contents, storeConformance } from '../../../store/src/testing/store-conformance.js'
import { Kernel } from '../kernel.js'
import { MachineTime, SimulatedClock } from '../simulated-clock.js'
import type { Damage } from './damage.js'
import { SimulatedDisk } from './simulated-disk.js'
import { SimulatedLevelSource } from './simulated-level-source.js'
import { runningKernel } from './testing/running-kernel.js'

class Machine {
  readonly kernel = new Kernel()
  readonly disk: SimulatedDisk
  clock = this.newClock()

  constructor(seed = 1) {
    this.disk = new SimulatedDisk(this.kernel, 'disk', seededRandom(seed))
  }

  open(options?: CommitQueueOptions): Promise<LevelStore> {
    return LevelStore.open({ ...options, source: new SimulatedLevelSource(this.disk), clock: this.clock })
  }

  kill(): void {
    this.crash()
    this.disk.kill()
  }

  powerOff(): void {
    this.crash()
    this.disk.powerOff()
  }

  /** What a promise gives, as time passes. */
  async see<T>(promise: Promise<T>, withinMs = 60_000): Promise<T> {
    let settled = false
    promise.then(
      () => (settled = true),
      () => (settled = true)
    )
    const { kernel } = this
    expect(await kernel.runUntilMet(() => settled, kernel.nowMs + withinMs), 'in time').toBe(true)
    return promise
  }

  private crash(): void {
    this.clock.stop()
    this.clock = this.newClock()
  }

  private newClock(): SimulatedClock {
    return new SimulatedClock(this.kernel, 'machine', new MachineTime(this.kernel, Date.UTC(2026, 0, 1)))
  }
}

storeConformance('level store on a simulated disk', () => {
  const machine = new Machine()
  const running = runningKernel(machine.kernel)
  const { disk } = machine
  return {
    open: options => machine.open(options),
    failSyncs(code) {
      disk.roomBytes = code === 'STORE_FULL' ? 0 : Number.POSITIVE_INFINITY
      disk.trouble = code === 'STORE_IO' ? 'writes' : undefined
    },
    holdSyncs() {
      disk.stall()
      return () => disk.resume()
    },
    dispose: () => running.stop()
  }
})

const space = spaceId('hq/state')
const put = (key: string, ...values: number[]): StoreBatch => ({ puts: [{ key, value: Uint8Array.from(values) }], deletes: [] })
const code = (expected: string) => (error: unknown) => isSelvedgeError(error, expected)

describe('a crash', () => {
  it.each(['kill', 'powerOff'] as const)(
    'by %s keeps what was acknowledged, in whole batches, and tells no loss',
    async crash => {
      let [stored, dropped] = [0, 0]
      for (let seed = 1; seed <= 60; seed++) {
        const machine = new Machine(seed)
        const random = seededRandom(seed)
        let acknowledged = 0
        let given = 0
        for (let life = 0; life < 4; life++) {
          const store = await machine.see(machine.open())
          expect(store.damage, `seed ${seed}`).toBeUndefined()
          const state = await store.open(space)
          expect(state.loss, `seed ${seed}`).toBeUndefined()
          const found = await readPair(state)
          expect(found, `seed ${seed}`).toBeGreaterThanOrEqual(acknowledged)
          expect(found, `seed ${seed}`).toBeLessThanOrEqual(given)
          if (found > acknowledged) stored++
          else if (given > acknowledged) dropped++
          acknowledged = given = found
          for (let n = below(random, 30); n >= 0; n--) {
            const mine = ++given
            const batch = { puts: ['a', 'b'].map(key => ({ key, value: Uint8Array.of(mine) })), deletes: [] }
            state.commit(batch).then(
              () => (acknowledged = mine),
              () => undefined
            )
            await machine.kernel.runUntil(machine.kernel.nowMs + random.float() * 2)
          }
          machine[crash]()
          expect(machine.disk.isInUse).toBe(false)
        }
      }
      // Both happen to what is under way.
      expect(Math.min(stored, dropped)).toBeGreaterThan(10)
    }
  )

  it('of the power leaves a prefix of what was not fsynced, and the process that was killed finds all of it', async () => {
    const left = new Set<number>()
    for (let seed = 1; seed <= 40; seed++) {
      const { disk, kernel } = new Machine(seed)
      const files = disk.open()
      await Promise.all([files.open({ createIfMissing: true, errorIfExists: false }), kernel.runUntil(100)])
      const write = (n: number, sync: boolean): Promise<void> =>
        files.write({ changes: [{ key: String(n), value: Uint8Array.of(n) }], bytes: 2, sync })
      await Promise.all([write(0, true), kernel.runUntil(200)])
      for (let n = 1; n <= 4; n++) await write(n, false)
      if (seed % 2) disk.kill()
      expect(disk.entries.size).toBe(5)
      disk.powerOff()
      const size = disk.entries.size
      for (let n = 0; n < 5; n++) expect(disk.entries.get(String(n)) !== undefined).toBe(n < size)
      left.add(size)
    }
    expect([...left].sort()).toEqual([1, 2, 3, 4, 5])
  })

  it('lets nothing of the old process happen any more', async () => {
    const machine = new Machine()
    const store = await machine.see(machine.open())
    const state = await store.open(space)
    machine.disk.stall()
    let told = 0
    void state.commit(put('a', 1)).finally(() => told++)
    await machine.kernel.runUntil(machine.kernel.nowMs + 10)
    machine.kill()
    machine.disk.resume()
    const next = await machine.see(machine.open())
    void state.commit(put('b', 2)).finally(() => told++)
    await machine.kernel.runUntil(machine.kernel.nowMs + 60_000)
    expect(told).toBe(0)
    expect((await contents(await next.open(space))).every(([key]) => key === 'a')).toBe(true)
  })

  it('of the power lets the watermark lag, and never lead', async () => {
    const lags: number[] = []
    for (let seed = 1; seed <= 40; seed++) {
      const machine = new Machine(seed)
      const store = await machine.see(machine.open())
      const state = await store.open(space)
      for (let n = 0; n < 12; n++) {
        await machine.see(state.commit(put('a', n)))
        await machine.kernel.runUntil(machine.kernel.nowMs + 4_000)
      }
      const before = machine.disk.watermark.read()!
      machine.powerOff()
      const after = machine.disk.watermark.read()
      expect(after ?? 0).toBeLessThanOrEqual(before)
      lags.push(before - (after ?? 0))
      expect((await machine.see(machine.open())).damage).toBeUndefined()
    }
    expect(lags.filter(lag => lag === 0).length).toBeGreaterThan(5)
    expect(lags.filter(lag => lag > 0).length).toBeGreaterThan(5)
  })
})

describe('a disk in trouble', () => {
  it('that is full opens in the room of its ballast, and stores again once there is room', async () => {
    const machine = new Machine()
    const first = await machine.see(machine.open())
    await machine.see((await first.open(space)).commit(put('a', 1)))
    machine.disk.roomBytes = 0
    machine.kill()
    const store = await machine.see(machine.open())
    await machine.kernel.runUntil(machine.kernel.nowMs + 100)
    expect(store.health).toMatchObject({ state: 'degraded', code: 'STORE_FULL' })
    const state = await store.open(space)
    expect(await state.get('a')).toEqual(Uint8Array.of(1))
    const committed = state.commit(put('b', 2))
    await machine.kernel.runUntil(machine.kernel.nowMs + 60_000)
    machine.disk.roomBytes = Number.POSITIVE_INFINITY
    await machine.see(committed)
    machine.powerOff()
    expect(await contents(await (await machine.see(machine.open())).open(space))).toHaveLength(2)
  })

  it('that is full from the beginning does not open', async () => {
    const machine = new Machine()
    machine.disk.roomBytes = 0
    await expect(machine.see(machine.open())).rejects.toSatisfy(code('STORE_FULL'))
    machine.disk.roomBytes = Number.POSITIVE_INFINITY
    await machine.see(machine.open())
  })

  it('fills up in the middle of a write, whose batch is stored later', async () => {
    const machine = new Machine()
    const store = await machine.see(machine.open())
    const state = await store.open(space)
    machine.disk.roomBytes = 500
    const commits = Array.from({ length: 20 }, (_, n) =>
      state.commit({ puts: [{ key: `k${n}`, value: new Uint8Array(100) }], deletes: [] })
    )
    await machine.kernel.runUntil(machine.kernel.nowMs + 30_000)
    expect(store.health).toMatchObject({ state: 'degraded', code: 'STORE_FULL' })
    machine.disk.roomBytes = Number.POSITIVE_INFINITY
    await machine.see(Promise.all(commits))
    expect(await contents(state)).toHaveLength(20)
  })

  it.each(['writes', 'reads', 'everything'] as const)(
    'that fails %s is not moved aside, and opens when it works again',
    async trouble => {
      const machine = new Machine()
      const first = await machine.see(machine.open())
      await machine.see((await first.open(space)).commit(put('a', 1)))
      machine.kill()
      machine.disk.trouble = trouble
      await expect(machine.see(machine.open())).rejects.toSatisfy(code('STORE_IO'))
      machine.disk.trouble = undefined
      const store = await machine.see(machine.open())
      expect(store.damage).toBeUndefined()
      expect(await contents(await store.open(space))).toEqual([['a', Uint8Array.of(1)]])
    }
  )

  it.each<[Damage, 'space' | 'store' | 'nobody']>([
    ['records', 'space'],
    ['missing', 'space'],
    ['stale', 'space'],
    ['tail', 'store'],
    ['unopenable', 'store'],
    ['irreparable', 'store'],
    ['watermark', 'nobody']
  ])('whose files have the damage %s tells it to the %s', async (damage, whom) => {
    for (let seed = 1; seed <= 10; seed++) {
      const machine = new Machine(seed)
      const first = await machine.see(machine.open())
      const before = await first.open(space)
      for (let n = 0; n < 30; n++) await machine.see(before.commit(put(`k${n % 20}`, n)))
      await machine.see(first.close())
      // As many as the marks of the store and one of its records.
      machine.disk.damage(damage, 5)
      const store = await machine.see(machine.open())
      const { loss } = await store.open(space)
      expect([loss !== undefined, whom === 'store' && store.damage !== undefined], `seed ${seed}`).toEqual([
        whom !== 'nobody',
        whom === 'store'
      ])
    }
  })
})

describe('a copy of a disk', () => {
  it('gives back what it was made of, on as many disks as one likes', async () => {
    const machine = new Machine()
    const store = await machine.see(machine.open())
    const state = await store.open(space)
    await machine.see(state.commit(put('a', 1)))
    const image = machine.disk.snapshot()
    await machine.see(state.commit(put('a', 2)))
    machine.kill()
    const clone = new Machine(2)
    machine.disk.restore(image)
    clone.disk.restore(image)
    for (const each of [machine, clone]) {
      const restored = await each.see(each.open())
      expect(restored.damage).toBeUndefined()
      const found = await restored.open(space)
      expect([found.loss, await contents(found)]).toEqual([undefined, [['a', Uint8Array.of(1)]]])
      await each.see(found.commit(put('a', 3)))
    }
    machine.kill()
    machine.disk.restore()
    expect(await (await machine.see(machine.open())).spaces()).toEqual([])
  })
})

async function readPair(state: SpaceStore): Promise<number> {
  const values = await Promise.all(['a', 'b'].map(key => state.get(key)))
  expect(values[0]).toEqual(values[1])
  return values[0]?.[0] ?? 0
}
