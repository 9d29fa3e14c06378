import { ManualClock, SelvedgeError, spaceId, systemClock } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { MemoryDisk, MemoryStore } from './memory-store.js'
import { contents, nextHealth, storeConformance } from './testing/store-conformance.js'

storeConformance('memory store', () => {
  const disk = new MemoryDisk()
  let failure: string | undefined
  let gate: Promise<void> | undefined
  const beforeSync = async (): Promise<void> => {
    await gate
    if (failure !== undefined) throw new SelvedgeError(failure, 'told to fail')
  }
  return {
    open: options => new MemoryStore({ ...options, disk, clock: systemClock, beforeSync }),
    failSyncs: code => (failure = code),
    holdSyncs() {
      let release = (): void => {}
      gate = new Promise(resolve => (release = resolve))
      return () => {
        gate = undefined
        release()
      }
    },
    dispose() {}
  }
})

describe('memory store', () => {
  const space = spaceId('hq/state')

  it('loses with a crash what was not yet synced, and nothing else', async () => {
    const disk = new MemoryDisk()
    let held = false
    const beforeSync = (): Promise<void> | void => (held ? new Promise(() => {}) : undefined)
    const store = new MemoryStore({ disk, clock: new ManualClock(), beforeSync })
    const state = await store.open(space)
    await state.commit({ puts: [{ key: 'a', value: Uint8Array.of(1) }], deletes: [] })
    held = true
    void state.commit({ puts: [{ key: 'b', value: Uint8Array.of(2) }], deletes: [] })
    disk.crash()
    await store.close()
    const restarted = await new MemoryStore({ disk, clock: new ManualClock() }).open(space)
    expect(await contents(restarted)).toEqual([['a', Uint8Array.of(1)]])
  })

  it('stores nothing after a crash, even when the sync ends later', async () => {
    const disk = new MemoryDisk()
    let end = (): void => {}
    const beforeSync = (): Promise<void> => new Promise(resolve => (end = resolve))
    const state = await new MemoryStore({ disk, clock: new ManualClock(), beforeSync }).open(space)
    void state.commit({ puts: [{ key: 'a', value: Uint8Array.of(1) }], deletes: [] })
    await new Promise(resolve => setImmediate(resolve))
    disk.crash()
    const restarted = await new MemoryStore({ disk, clock: new ManualClock() }).open(space)
    end()
    await new Promise(resolve => setImmediate(resolve))
    expect(await contents(restarted)).toEqual([])
  })

  it('retries with a delay that doubles up to its limit, on the given clock', async () => {
    const clock = new ManualClock()
    const tries: number[] = []
    const beforeSync = (): void => {
      tries.push(clock.monotonicMs())
      throw new Error('broken')
    }
    const store = new MemoryStore({ clock, beforeSync, retryDelayMinMs: 100, retryDelayMaxMs: 350 })
    const state = await store.open(space)
    const degraded = nextHealth(store)
    const committed = state.commit({ puts: [{ key: 'a', value: Uint8Array.of(1) }], deletes: [] })
    expect(await degraded).toEqual({
      state: 'degraded',
      code: 'STORE_IO',
      message: 'the memory disk fails: broken',
      sinceMs: clock.wallMs()
    })
    for (let step = 0; step < 30; step++) {
      clock.advance(50)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(tries).toEqual([0, 100, 300, 650, 1000, 1350])
    await Promise.all([store.close(), expect(committed).rejects.toMatchObject({ code: 'STORE_CLOSED' })])
    expect(clock.timers).toBe(0)
  })
})
