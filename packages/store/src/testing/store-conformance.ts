/**
 * What holds for every store: the contract of `Store` and `SpaceStore` in `@selvedge/core`, run against each implementation, real
 * and simulated.
 *
 * @example
 * storeConformance('memory store', () => {
 *   const disk = new MemoryDisk()
 *   return { open: options => new MemoryStore({ disk, clock: systemClock, ...options }), dispose() {} }
 * })
 */
import {
  isSelvedgeError,
  seededRandom,
  below,
  spaceId,
  type SpaceStore,
  type Store,
  type StoreBatch,
  type StoreHealth
} from '@selvedge/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommitQueueOptions } from '../commit-queue.js'

/** One disk, on which a store can be opened, closed and opened again. */
export interface StoreFixture {
  open(options?: CommitQueueOptions): Promise<Store> | Store
  /** Makes every sync fail with this code until it is called with `undefined`. */
  failSyncs(code: 'STORE_FULL' | 'STORE_IO' | undefined): void
  /** Keeps syncs from ending until what it returns is called. */
  holdSyncs(): () => void
  dispose(): Promise<void> | void
}

const space = spaceId('hq/state')
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const put = (key: string, value: Uint8Array): StoreBatch => ({ puts: [{ key, value }], deletes: [] })

export function storeConformance(name: string, makeFixture: () => Promise<StoreFixture> | StoreFixture): void {
  describe(`store conformance: ${name}`, () => {
    let fixture: StoreFixture
    let store: Store
    let state: SpaceStore

    const reopen = async (options?: CommitQueueOptions): Promise<void> => {
      await store.close()
      store = await fixture.open(options)
      state = await store.open(space)
    }

    beforeEach(async () => {
      fixture = await makeFixture()
      store = await fixture.open()
      state = await store.open(space)
    })

    afterEach(async () => {
      fixture.failSyncs(undefined)
      await store.close()
      await fixture.dispose()
    })

    describe('records', () => {
      it('gives back what was committed, at once and after a restart', async () => {
        expect(state.loss).toBeUndefined()
        expect(await state.get('a')).toBeUndefined()
        await state.commit({
          puts: [
            { key: 'a', value: bytes(1, 2) },
            { key: 'empty', value: bytes() }
          ],
          deletes: []
        })
        expect(await contents(state)).toEqual([
          ['a', bytes(1, 2)],
          ['empty', bytes()]
        ])
        await reopen()
        expect(state.loss).toBeUndefined()
        expect(await state.get('a')).toEqual(bytes(1, 2))
        expect(await contents(state)).toEqual([
          ['a', bytes(1, 2)],
          ['empty', bytes()]
        ])
      })

      it('overwrites and deletes', async () => {
        await state.commit({
          puts: [
            { key: 'a', value: bytes(1) },
            { key: 'b', value: bytes(2) }
          ],
          deletes: []
        })
        await state.commit({ puts: [{ key: 'b', value: bytes(3) }], deletes: ['a', 'never-there'] })
        expect(await contents(state)).toEqual([['b', bytes(3)]])
        await reopen()
        expect(await contents(state)).toEqual([['b', bytes(3)]])
        expect(state.loss).toBeUndefined()
      })

      it('reads by prefix, in the order of UTF-8', async () => {
        const keys = ['b', 'a/2', 'a/10', 'a', 'a0', 'ä', '\u{1f600}', '\uffee', 'a/\u{1f600}', 'a/\uffee']
        await state.commit({ puts: keys.map(key => ({ key, value: bytes(7) })), deletes: [] })
        const read = async (prefix?: string): Promise<string[]> => (await contents(state, prefix)).map(([key]) => key)
        const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        expect(await read()).toEqual(sorted)
        expect(await read('a')).toEqual(sorted.filter(key => key.startsWith('a')))
        expect(await read('a/')).toEqual(['a/10', 'a/2', 'a/\uffee', 'a/\u{1f600}'])
        expect(await read('none')).toEqual([])
        await reopen()
        expect(await read()).toEqual(sorted)
      })

      it('keeps spaces apart and lists those that have records', async () => {
        const neighbours = [spaceId('hq/state-2'), spaceId('hq/stat'), spaceId('h/q-state')]
        for (const [i, id] of neighbours.entries()) await (await store.open(id)).commit(put('a', bytes(i)))
        expect(await store.spaces()).toEqual([...neighbours].sort())
        await state.commit(put('a', bytes(9)))
        await reopen()
        expect(await store.spaces()).toEqual([...neighbours, space].sort())
        expect(await contents(state)).toEqual([['a', bytes(9)]])
        for (const [i, id] of neighbours.entries()) expect(await contents(await store.open(id))).toEqual([['a', bytes(i)]])
        await state.commit({ puts: [], deletes: ['a'] })
        expect(await store.spaces()).toEqual([...neighbours].sort())
      })

      it('copies values: neither side sees what the other does to its bytes later', async () => {
        const value = bytes(1, 2, 3)
        const committed = state.commit(put('a', value))
        value.fill(9)
        await committed
        const first = await state.get('a')
        expect(first).toEqual(bytes(1, 2, 3))
        expect(first?.constructor).toBe(Uint8Array)
        first?.fill(8)
        for await (const record of state.read()) record.value.fill(7)
        expect(await state.get('a')).toEqual(bytes(1, 2, 3))
      })

      it('takes a large record', async () => {
        const value = Uint8Array.from({ length: 5 * 1024 * 1024 }, (_, i) => i % 251)
        await state.commit(put('large', value))
        await reopen()
        expect(Buffer.compare((await state.get('large')) ?? bytes(), value)).toBe(0)
      })

      it('holds against a model over random batches and restarts', async () => {
        const seed = 20_260_731
        const random = seededRandom(seed)
        const model = new Map<string, Uint8Array>()
        for (let round = 0; round < 60; round++) {
          const commits: Promise<void>[] = []
          for (let n = below(random, 5); n >= 0; n--) commits.push(state.commit(randomBatch(random, model)))
          await Promise.all(commits)
          if (below(random, 8) === 0) await reopen()
          expect(new Map(await contents(state)), `seed ${seed}, round ${round}`).toEqual(model)
          expect(state.loss, `seed ${seed}, round ${round}`).toBeUndefined()
        }
      })
    })

    describe('commit', () => {
      it('stores batches of a space in the order given', async () => {
        const release = fixture.holdSyncs()
        const commits = [1, 2, 3, 4].map(i =>
          state.commit({ puts: [{ key: 'last', value: bytes(i) }], deletes: i === 3 ? ['gone'] : [] })
        )
        commits.push(state.commit({ puts: [{ key: 'gone', value: bytes(5) }], deletes: [] }))
        commits.push(state.commit({ puts: [], deletes: ['gone'] }))
        release()
        await Promise.all(commits)
        await reopen()
        expect(await contents(state)).toEqual([['last', bytes(4)]])
        expect(state.loss).toBeUndefined()
      })

      it('does not resolve before its sync has ended', async () => {
        const release = fixture.holdSyncs()
        let resolved = false
        const committed = state.commit(put('a', bytes(1))).then(() => (resolved = true))
        await new Promise(resolve => setImmediate(resolve))
        expect(resolved).toBe(false)
        expect(store.stats().pendingBatches).toBe(1)
        expect(await state.get('a')).toBeUndefined()
        release()
        await committed
        expect(store.stats().pendingBatches).toBe(0)
      })

      it('lets batches that wait share a sync', async () => {
        const other = await store.open(spaceId('hq/local'))
        const before = store.stats()
        const release = fixture.holdSyncs()
        const commits = [state.commit(put('first', bytes(0)))]
        await new Promise(resolve => setImmediate(resolve))
        for (let i = 0; i < 50; i++) commits.push((i % 2 ? state : other).commit(put(`k${i}`, bytes(i))))
        expect(store.stats().pendingBatches).toBe(51)
        release()
        await Promise.all(commits)
        expect(store.stats().commits - before.commits).toBe(51)
        expect(store.stats().syncs - before.syncs).toBe(2)
        expect(store.stats().bytesWritten).toBeGreaterThan(before.bytesWritten + 50)
      })

      it('bounds the bytes of what shares a sync', async () => {
        await reopen({ groupBytesMax: 3000 })
        const before = store.stats().syncs
        await Promise.all(Array.from({ length: 10 }, (_, i) => state.commit(put(`k${i}`, new Uint8Array(1000)))))
        expect(store.stats().syncs - before).toBe(5)
      })

      it('takes an empty batch and resolves it after those before it', async () => {
        const order: string[] = []
        await Promise.all([
          state.commit(put('a', bytes(1))).then(() => order.push('a')),
          state.commit({ puts: [], deletes: [] }).then(() => order.push('empty'))
        ])
        expect(order).toEqual(['a', 'empty'])
        await reopen()
        expect(state.loss).toBeUndefined()
      })

      it('refuses what exceeds the queue with STORE_BACKLOG, and stores nothing of it', async () => {
        await reopen({ queueBytesMax: 2500 })
        const release = fixture.holdSyncs()
        const taken = [state.commit(put('a', new Uint8Array(1000))), state.commit(put('b', new Uint8Array(1000)))]
        await expect(state.commit(put('c', new Uint8Array(1000)))).rejects.toSatisfy(error =>
          isSelvedgeError(error, 'STORE_BACKLOG')
        )
        release()
        await Promise.all(taken)
        await state.commit(put('d', new Uint8Array(9000)))
        await reopen()
        expect((await contents(state)).map(([key]) => key)).toEqual(['a', 'b', 'd'])
      })

      it('treats what only a mistake of the caller can be as one', async () => {
        const mistake = (batch: StoreBatch): unknown => expect(() => state.commit(batch)).toThrow(/assertion failed/)
        mistake(put('', bytes(1)))
        mistake(put('\ud800', bytes(1)))
        mistake(put('k'.repeat(1025), bytes(1)))
        mistake({ puts: [{ key: 'a', value: bytes(1) }], deletes: ['a'] })
        await expect(store.open(space)).rejects.toThrow(/assertion failed/)
      })
    })

    describe('a failing disk', () => {
      it('keeps batches, in order, and stores them once it takes writes again', async () => {
        await reopen({ retryDelayMinMs: 1, retryDelayMaxMs: 4 })
        await state.commit(put('before', bytes(0)))
        expect(store.health.state).toBe('ok')
        const seen: StoreHealth[] = []
        const stop = store.onHealth(health => seen.push(health))
        const degraded = nextHealth(store)
        fixture.failSyncs('STORE_FULL')
        let settled = 0
        const commits = [1, 2, 3].map(i => state.commit(put('last', bytes(i))).finally(() => settled++))
        expect(await degraded).toMatchObject({ state: 'degraded', code: 'STORE_FULL' })
        commits.push(state.commit(put('later', bytes(4))).finally(() => settled++))
        expect(store.stats().pendingBatches).toBe(4)
        expect(settled).toBe(0)
        const ok = nextHealth(store)
        fixture.failSyncs(undefined)
        await Promise.all(commits)
        expect(await ok).toMatchObject({ state: 'ok' })
        expect(store.health.state).toBe('ok')
        expect(seen.map(health => health.state)).toEqual(['degraded', 'ok'])
        stop()
        await reopen()
        expect(await contents(state)).toEqual([
          ['before', bytes(0)],
          ['last', bytes(3)],
          ['later', bytes(4)]
        ])
        expect(state.loss).toBeUndefined()
      })

      it('tells a change of cause', async () => {
        await reopen({ retryDelayMinMs: 1, retryDelayMaxMs: 1 })
        const full = nextHealth(store)
        fixture.failSyncs('STORE_FULL')
        const committed = state.commit(put('a', bytes(1)))
        expect((await full).code).toBe('STORE_FULL')
        const broken = nextHealth(store)
        fixture.failSyncs('STORE_IO')
        expect((await broken).code).toBe('STORE_IO')
        fixture.failSyncs(undefined)
        await committed
      })

      it('is closed after one more try, which rejects what waits with STORE_CLOSED', async () => {
        await reopen({ retryDelayMinMs: 3_600_000, retryDelayMaxMs: 3_600_000 })
        const degraded = nextHealth(store)
        fixture.failSyncs('STORE_IO')
        const results = Promise.allSettled([1, 2].map(i => state.commit(put('a', bytes(i)))))
        await degraded
        const late = Promise.allSettled([state.commit(put('b', bytes(3)))])
        await store.close()
        for (const result of [...(await results), ...(await late)])
          expect(result).toMatchObject({ status: 'rejected', reason: { code: 'STORE_CLOSED' } })
        fixture.failSyncs(undefined)
        await reopen()
        expect(await contents(state)).toEqual([])
        expect(state.loss).toBeUndefined()
      })

      it('is closed with everything stored when the last try succeeds', async () => {
        await reopen({ retryDelayMinMs: 3_600_000, retryDelayMaxMs: 3_600_000 })
        const degraded = nextHealth(store)
        fixture.failSyncs('STORE_IO')
        const committed = state.commit(put('a', bytes(1)))
        await degraded
        fixture.failSyncs(undefined)
        await store.close()
        await committed
        await reopen()
        expect(await contents(state)).toEqual([['a', bytes(1)]])
      })

      it('is not disturbed by a listener that throws', async () => {
        await reopen({ retryDelayMinMs: 1 })
        store.onHealth(() => {
          throw new Error('a mistake of the listener')
        })
        const degraded = nextHealth(store)
        fixture.failSyncs('STORE_IO')
        const committed = state.commit(put('a', bytes(1)))
        await degraded
        fixture.failSyncs(undefined)
        await committed
      })
    })

    describe('close', () => {
      it('waits for commits under way and is idempotent', async () => {
        const committed = state.commit(put('a', bytes(1)))
        await Promise.all([store.close(), store.close()])
        await committed
        await store.close()
        await reopen()
        expect(await state.get('a')).toEqual(bytes(1))
      })

      it('leaves nothing usable behind', async () => {
        await store.close()
        const closed = (error: unknown): boolean => isSelvedgeError(error, 'STORE_CLOSED')
        await expect(state.commit(put('a', bytes(1)))).rejects.toSatisfy(closed)
        await expect(state.get('a')).rejects.toSatisfy(closed)
        await expect(contents(state)).rejects.toSatisfy(closed)
        await expect(store.open(spaceId('hq/local'))).rejects.toSatisfy(closed)
      })

      it('gives the disk to one store at a time', async () => {
        await expect((async () => fixture.open())()).rejects.toSatisfy(error => isSelvedgeError(error, 'STORE_LOCKED'))
        await state.commit(put('a', bytes(1)))
        await reopen()
        expect(await state.get('a')).toEqual(bytes(1))
      })
    })
  })
}

/** The records of a space. */
export async function contents(space: SpaceStore, prefix?: string): Promise<[string, Uint8Array][]> {
  const records: [string, Uint8Array][] = []
  for await (const { key, value } of space.read(prefix)) records.push([key, value])
  return records
}

/** The next change of health. */
export function nextHealth(store: Store): Promise<StoreHealth> {
  return new Promise(resolve => {
    const stop = store.onHealth(health => {
      stop()
      resolve(health)
    })
  })
}

function randomBatch(random: ReturnType<typeof seededRandom>, model: Map<string, Uint8Array>): StoreBatch {
  const keys = new Set(Array.from({ length: below(random, 6) }, () => `key/${below(random, 20)}`))
  const puts: { key: string; value: Uint8Array }[] = []
  const deletes: string[] = []
  for (const key of keys) {
    if (below(random, 3) === 0) {
      deletes.push(key)
      model.delete(key)
    } else {
      const value = random.bytes(below(random, 200))
      puts.push({ key, value })
      model.set(key, value)
    }
  }
  return { puts, deletes }
}
