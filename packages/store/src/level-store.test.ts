import { ManualClock, isSelvedgeError, silentLogger, spaceId, systemClock, type StoreBatch } from '@selvedge/core'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { LevelSource } from './level-source.js'
import { LevelStore } from './level-store.js'
import { openLevelStore } from './open-level-store.js'
import { encodeVersion, frame, versionKey } from './record.js'
import { LevelDirectory } from './system/level-database.js'
import { MemoryLevel, SyncFaults, diskBroken, diskFull, levelError, withFaults } from './testing/faulty-level.js'
import { contents, nextHealth, storeConformance, type StoreFixture } from './testing/store-conformance.js'
import { temporaryDirectory } from './testing/temporary-directory.js'

function fixtureOver(source: LevelSource, dispose: () => Promise<void> | void): StoreFixture {
  const faults = new SyncFaults()
  return {
    open: options => LevelStore.open({ ...options, source: withFaults(source, faults), clock: systemClock }),
    failSyncs: code => (faults.failure = code === undefined ? undefined : code === 'STORE_FULL' ? diskFull() : diskBroken()),
    holdSyncs: () => faults.hold(),
    dispose
  }
}

storeConformance('level store on disk', async () => {
  const directory = await temporaryDirectory()
  return fixtureOver(new LevelDirectory(join(directory.path, 'store'), silentLogger), () => directory.remove())
})

storeConformance('level store in memory', () => fixtureOver(new MemoryLevel(), () => {}))

const space = spaceId('hq/state')
const local = spaceId('hq/local')
const put = (key: string, ...values: number[]): StoreBatch => ({ puts: [{ key, value: Uint8Array.from(values) }], deletes: [] })
const code = (expected: string) => (error: unknown) => isSelvedgeError(error, expected)
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('a disk that does not answer', () => {
  it('does not keep a store from closing; what waits for it is told', async () => {
    const faults = new SyncFaults()
    const source = withFaults(new MemoryLevel(), faults)
    const store = await LevelStore.open({ source, clock: systemClock, closeWithinMs: 20 })
    const state = await store.open(space)
    const release = faults.hold()
    const waiting = [state.commit(put('a', 1)), state.commit(put('b', 2))]
    const told = Promise.allSettled(waiting)
    await store.close()
    for (const outcome of await told) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'STORE_CLOSED' } })
    release()
  })
})

describe('group commit on Level', () => {
  it('writes one batch for all that waits, each record once, with one manifest a space', async () => {
    const faults = new SyncFaults()
    const store = await LevelStore.open({ source: withFaults(new MemoryLevel(), faults), clock: new ManualClock() })
    const [a, b] = [await store.open(space), await store.open(local)]
    faults.batches.length = 0
    const release = faults.hold()
    const commits = [a.commit(put('x', 0))]
    await turn()
    for (let i = 0; i < 10; i++) commits.push(a.commit(put('x', i)), b.commit(put('y', i)))
    release()
    await Promise.all(commits)
    // Record, manifest and commit mark; then two records, two manifests and the commit mark.
    expect(faults.batches).toEqual([3, 5])
    await store.close()
  })

  it('has writers that commit in a loop share syncs', async () => {
    const directory = await temporaryDirectory()
    const store = await openLevelStore({ directory: directory.path, clock: systemClock })
    const state = await store.open(space)
    const writer = async (id: number): Promise<void> => {
      for (let i = 0; i < 20; i++) await state.commit(put(`writer/${id}`, i))
    }
    await Promise.all(Array.from({ length: 32 }, (_, id) => writer(id)))
    expect(store.stats().commits).toBe(640)
    expect(store.stats().syncs).toBeLessThanOrEqual(40)
    await store.close()
    await directory.remove()
  })
})

describe('a Level store over a failing disk', () => {
  let level = new MemoryLevel()
  let faults = new SyncFaults()
  let clock = new ManualClock()
  const openStore = async (): Promise<LevelStore> => LevelStore.open({ source: withFaults(level, faults), clock })

  afterEach(() => {
    level = new MemoryLevel()
    faults = new SyncFaults()
    clock = new ManualClock()
  })

  async function degradedStore(): Promise<{ store: LevelStore; committed: Promise<void> }> {
    const store = await openStore()
    const state = await store.open(space)
    await state.commit(put('before', 1))
    const degraded = nextHealth(store)
    faults.failure = diskFull()
    const committed = state.commit(put('after', 2))
    expect(await degraded).toMatchObject({ code: 'STORE_FULL' })
    return { store, committed }
  }

  it('closes and opens the database before each retry', async () => {
    const { store, committed } = await degradedStore()
    expect(level.openings).toEqual(['none'])
    clock.advance(100)
    await turn()
    expect(level.openings).toEqual(['none', 'none'])
    faults.failure = undefined
    clock.advance(200)
    await committed
    expect(level.openings).toEqual(['none', 'none', 'none'])
    expect(store.health.state).toBe('ok')
    expect(store.damage).toBeUndefined()
    await store.close()
  })

  it('goes on reading while it is degraded, across reopenings', async () => {
    const store = await openStore()
    const state = await store.open(space)
    for (let i = 0; i < 10; i++) await state.commit(put(`k${i}`, i))
    const degraded = nextHealth(store)
    faults.failure = diskFull()
    const committed = state.commit(put('k5', 55))
    await degraded
    const keys: string[] = []
    for await (const { key } of state.read()) {
      keys.push(key)
      clock.advance(10_000)
      await turn()
    }
    expect(keys).toEqual(['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'k8', 'k9'])
    expect(level.openings.length).toBeGreaterThan(5)
    expect(await state.get('k5')).toEqual(Uint8Array.of(5))
    faults.failure = undefined
    clock.advance(10_000)
    await committed
    expect(await state.get('k5')).toEqual(Uint8Array.of(55))
    await store.close()
  })

  it('rejects reads with the cause while the database can not be opened, and recovers', async () => {
    const { store, committed } = await degradedStore()
    level.openFailure = diskBroken()
    const changed = nextHealth(store)
    clock.advance(100)
    expect((await changed).code).toBe('STORE_IO')
    const other = await store.open(local)
    await expect(other.get('a')).rejects.toSatisfy(code('STORE_IO'))
    await expect(contents(other)).rejects.toSatisfy(code('STORE_IO'))
    level.openFailure = faults.failure = undefined
    clock.advance(10_000)
    await committed
    expect(await contents(other)).toEqual([])
    await store.close()
  })

  it('stores a group again that had reached the disk although its sync failed', async () => {
    const store = await openStore()
    const state = await store.open(space)
    await state.commit(put('a', 1))
    const degraded = nextHealth(store)
    faults.lateFailure = diskBroken()
    const committed = state.commit({ puts: [{ key: 'b', value: Uint8Array.of(2) }], deletes: ['a'] })
    await degraded
    expect(level.entries.has('r/hq/state/b')).toBe(true)
    faults.lateFailure = undefined
    clock.advance(100)
    await committed
    expect(store.damage).toBeUndefined()
    await store.close()
    const again = await openStore()
    const reopened = await again.open(space)
    expect(reopened.loss).toBeUndefined()
    expect(await contents(reopened)).toEqual([['b', Uint8Array.of(2)]])
    await again.close()
  })

  it('repairs a database that turns out damaged when it is opened again, and tells every space at the next start', async () => {
    const { store, committed } = await degradedStore()
    level.openFailure = levelError('LEVEL_CORRUPTION', 'Corruption: bad record')
    const changed = nextHealth(store)
    clock.advance(100)
    expect((await changed).code).toBe('STORE_CORRUPT')
    faults.failure = undefined
    level.repairs = true
    level.damage = 'it was repaired'
    expect(level.entries.delete('r/hq/state/before')).toBe(true)
    clock.advance(10_000)
    await committed
    expect(level.openings.slice(-2)).toEqual(['none', 'repair'])
    expect(store.damage).toBe('it was repaired')
    await (await store.open(local)).commit(put('a', 1))
    await store.close()

    const restarted = await openStore()
    for (const id of [space, local]) {
      const opened = await restarted.open(id)
      expect(opened.loss, id).toMatchObject({ corrupt: [], incomplete: true })
      await opened.commit(put('b', 2))
    }
    await restarted.close()
    const third = await openStore()
    for (const id of [space, local]) expect((await third.open(id)).loss, id).toBeUndefined()
    await third.close()
  })

  it('waits for a disk that fails while it is opened, and tells no loss of it', async () => {
    const store = await openStore()
    await (await store.open(space)).commit(put('a', 1))
    await store.close()
    level.openings.length = 0
    level.openFailure = levelError('LEVEL_IO_ERROR', 'IO error: 000003.log: Input/output error')
    const opening = openStore()
    await vi.waitFor(() => expect(level.openings).toEqual(['none']))
    await vi.waitFor(() => {
      clock.advance(200)
      expect(level.openings).toEqual(['none', 'none'])
    })
    level.openFailure = undefined
    await vi.waitFor(() => {
      clock.advance(1_000)
      expect(level.openings).toEqual(['none', 'none', 'none'])
    })
    const opened = await opening
    expect(opened.damage).toBeUndefined()
    expect((await opened.open(space)).loss).toBeUndefined()
    await opened.close()
  })

  it('tells a loss that it found at the start once, though the disk takes nothing at first', async () => {
    const store = await openStore()
    await (await store.open(space)).commit(put('a', 1))
    await store.close()
    // Commits that were acknowledged, and that the database does not have.
    level.sequence = level.sequence! + 4
    const damaged = await openStore()
    const state = await damaged.open(space)
    expect(state.loss).toMatchObject({ incomplete: true })
    const degraded = nextHealth(damaged)
    faults.failure = diskFull()
    const committed = state.commit(put('b', 2))
    await degraded
    faults.failure = undefined
    clock.advance(10_000)
    await committed
    expect(damaged.damage).toMatch(/were acknowledged and are gone/)
    await damaged.close()
    const restarted = await openStore()
    expect((await restarted.open(space)).loss).toBeUndefined()
    await restarted.close()
  })

  it('takes no failure that is over for damage', async () => {
    const { store, committed } = await degradedStore()
    level.openFailure = levelError('LEVEL_IO_ERROR', 'IO error: 000003.log: Input/output error')
    const changed = nextHealth(store)
    clock.advance(100)
    await changed
    expect(level.openings.slice(-2)).toEqual(['none', 'repair'])
    level.openFailure = faults.failure = undefined
    clock.advance(10_000)
    await committed
    expect(level.openings.at(-1)).toBe('none')
    expect(store.damage).toBeUndefined()
    await store.close()
    const restarted = await openStore()
    expect((await restarted.open(space)).loss).toBeUndefined()
    await restarted.close()
  })

  it('tells no loss when a repair was of a disk that was out of reach for a moment', async () => {
    const { store, committed } = await degradedStore()
    level.openFailure = diskBroken()
    const changed = nextHealth(store)
    clock.advance(100)
    await changed
    faults.failure = undefined
    level.repairs = true
    level.damage = 'it was repaired'
    clock.advance(10_000)
    await committed
    expect(level.openings.slice(-2)).toEqual(['none', 'repair'])
    expect(store.damage).toBeUndefined()
    await store.close()
    level.openFailure = undefined
    const restarted = await openStore()
    expect((await restarted.open(space)).loss).toBeUndefined()
    await restarted.close()
  })

  it('notices that the database went back in time when it is opened again', async () => {
    const store = await openStore()
    const state = await store.open(space)
    await state.commit(put('a', 1))
    const earlier = new Map(level.entries)
    await state.commit(put('a', 2))
    const degraded = nextHealth(store)
    faults.failure = diskBroken()
    const committed = state.commit(put('b', 3))
    await degraded
    level.entries.clear()
    for (const [key, value] of earlier) level.entries.set(key, value)
    faults.failure = undefined
    clock.advance(10_000)
    await committed
    expect(store.damage).toMatch(/held commit/)
    await store.close()
    const restarted = await openStore()
    expect((await restarted.open(space)).loss).toMatchObject({ incomplete: true })
    await restarted.close()
  })
})

describe('the layout version', () => {
  const openOn = (level: MemoryLevel): Promise<LevelStore> => LevelStore.open({ source: level, clock: new ManualClock() })

  it('refuses a later one, naming both, and leaves the records alone', async () => {
    const level = new MemoryLevel()
    await (await openOn(level)).close()
    level.entries.set(versionKey, frame(versionKey, encodeVersion(7)).bytes)
    const before = new Map(level.entries)
    await expect(openOn(level)).rejects.toSatisfy(code('STORE_VERSION_NEWER'))
    await expect(openOn(level)).rejects.toThrow(/version 7.*up to 1/)
    expect(new Map(level.entries)).toEqual(before)
    expect(level.openings).toEqual(['none', 'none', 'none'])
  })

  it('upgrades version 0: makes the manifests that it had not, and tells what is corrupt', async () => {
    const level = new MemoryLevel()
    for (const [key, value] of [
      ['r/hq/state/a', Uint8Array.of(1)],
      ['r/hq/state/b', Uint8Array.of(2)],
      ['r/hq/local/a', Uint8Array.of(3)]
    ] as const)
      level.entries.set(key, frame(key, value).bytes)
    level.entries.get('r/hq/local/a')!.set([99], 4)
    level.entries.set(versionKey, frame(versionKey, encodeVersion(0)).bytes)

    const store = await openOn(level)
    const state = await store.open(space)
    expect(state.loss).toBeUndefined()
    expect(store.damage).toBeUndefined()
    expect(await contents(state)).toEqual([
      ['a', Uint8Array.of(1)],
      ['b', Uint8Array.of(2)]
    ])
    expect((await store.open(local)).loss).toMatchObject({ corrupt: ['a'] })
    await store.close()
    expect(level.entries.get(versionKey)).toEqual(frame(versionKey, encodeVersion(1)).bytes)

    level.entries.delete('r/hq/state/b')
    expect((await (await openOn(level)).open(space)).loss).toMatchObject({ incomplete: true })
  })

  it('is written again when its record was lost', async () => {
    const level = new MemoryLevel()
    const store = await openOn(level)
    await (await store.open(space)).commit(put('a', 1))
    await store.close()
    level.entries.delete(versionKey)
    const again = await openOn(level)
    const state = await again.open(space)
    expect(state.loss).toBeUndefined()
    await state.commit(put('b', 1))
    await again.close()
    expect(level.entries.has(versionKey)).toBe(true)
  })
})
