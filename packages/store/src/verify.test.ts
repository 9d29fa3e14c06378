/** What is noticed at opening, entry by entry: done to a database in memory as a damaged disk would do it. */
import { ManualClock, isSelvedgeError, spaceId, type SpaceId, type StoreBatch, type StoreLoss } from '@selvedge/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { LevelStore } from './level-store.js'
import { commitKey, frame, manifestKey } from './record.js'
import { MemoryLevel, levelError } from './testing/faulty-level.js'
import { contents } from './testing/store-conformance.js'

const space = spaceId('hq/state')
const local = spaceId('hq/local')
const put = (key: string, ...values: number[]): StoreBatch => ({ puts: [{ key, value: Uint8Array.from(values) }], deletes: [] })

describe('verification at opening', () => {
  let level: MemoryLevel
  let openStores: LevelStore[] = []

  const openStore = async (): Promise<LevelStore> => {
    for (const store of openStores.splice(0)) await store.close()
    const store = await LevelStore.open({ source: level, clock: new ManualClock() })
    openStores.push(store)
    return store
  }
  const lossAfter = async (change: () => void, id: SpaceId = space): Promise<StoreLoss | undefined> => {
    for (const store of openStores.splice(0)) await store.close()
    change()
    return (await (await openStore()).open(id)).loss
  }
  const restore = (entries: ReadonlyMap<string, Uint8Array>): void => {
    level.entries.clear()
    for (const [key, value] of entries) level.entries.set(key, value)
  }

  beforeEach(async () => {
    level = new MemoryLevel()
    openStores = []
    const store = await openStore()
    const state = await store.open(space)
    await state.commit(put('a', 1, 2, 3))
    await state.commit({ puts: ['b', 'c'].map(key => ({ key, value: Uint8Array.of(4) })), deletes: [] })
    await (await store.open(local)).commit(put('a', 9))
  })

  it('finds nothing wrong with what it wrote', async () => {
    expect(await lossAfter(() => {})).toBeUndefined()
  })

  it('finds a changed byte, wherever it is in a record, and drops that record only', async () => {
    const length = level.entries.get('r/hq/state/a')!.length
    for (let at = 0; at < length; at++) {
      const loss = await lossAfter(() => flip('r/hq/state/a', at))
      expect(loss, `byte ${at}`).toMatchObject({ corrupt: ['a'] })
      // A changed payload is accounted for by the checksum it carries, so that it is known to be the only loss.
      if (at >= 4) expect(loss?.incomplete, `byte ${at}`).toBe(false)
      flip('r/hq/state/a', at)
    }
    const state = await (await openStore()).open(space)
    expect(state.loss).toBeUndefined()
  })

  function flip(key: string, at: number): void {
    const value = Uint8Array.from(level.entries.get(key)!)
    value[at]! ^= 0x10
    level.entries.set(key, value)
  }

  it('never gives out a corrupt record, and tells of it until a commit has put the space right', async () => {
    await lossAfter(() => flip('r/hq/state/b', 4))
    for (let start = 0; start < 2; start++) {
      const state = await (await openStore()).open(space)
      expect(state.loss).toMatchObject({ corrupt: ['b'], incomplete: false })
      expect((await contents(state)).map(([key]) => key)).toEqual(['a', 'c'])
      expect(await state.get('b')).toBeUndefined()
    }
    const state = await (await openStore()).open(space)
    await state.commit(put('answer', 1))
    expect(level.entries.has('r/hq/state/b')).toBe(false)
    const after = await (await openStore()).open(space)
    expect(after.loss).toBeUndefined()
    expect((await contents(after)).map(([key]) => key)).toEqual(['a', 'answer', 'c'])
  })

  it('lets a corrupt record be written anew', async () => {
    await lossAfter(() => flip('r/hq/state/b', 4))
    const state = await (await openStore()).open(space)
    await state.commit(put('b', 8))
    expect(await state.get('b')).toEqual(Uint8Array.of(8))
    const after = await (await openStore()).open(space)
    expect(after.loss).toBeUndefined()
    expect(await after.get('b')).toEqual(Uint8Array.of(8))
  })

  it('finds a record too short to be one', async () => {
    expect(await lossAfter(() => level.entries.set('r/hq/state/a', Uint8Array.of(1)))).toMatchObject({ corrupt: ['a'] })
  })

  it('finds values swapped between two keys', async () => {
    const loss = await lossAfter(() => {
      const [a, b] = [level.entries.get('r/hq/state/a')!, level.entries.get('r/hq/state/b')!]
      level.entries.set('r/hq/state/a', b)
      level.entries.set('r/hq/state/b', a)
    })
    expect(loss?.corrupt).toEqual(['a', 'b'])
  })

  it('finds a record moved to another space', async () => {
    const loss = await lossAfter(() => level.entries.set('r/hq/state/a', level.entries.get('r/hq/local/a')!))
    expect(loss?.corrupt).toEqual(['a'])
  })

  it('finds a missing record', async () => {
    const loss = await lossAfter(() => level.entries.delete('r/hq/state/b'))
    expect(loss).toEqual({ corrupt: [], incomplete: true, message: '1 of 3 records are missing' })
  })

  it('finds a missing record beside a corrupt one', async () => {
    const loss = await lossAfter(() => {
      level.entries.delete('r/hq/state/b')
      flip('r/hq/state/a', 5)
    })
    expect(loss).toMatchObject({ corrupt: ['a'], incomplete: true })
  })

  it('finds an older value that came back', async () => {
    const older = level.entries.get('r/hq/state/a')!
    const state = await (await openStore()).open(space)
    await state.commit(put('a', 7))
    expect(await lossAfter(() => level.entries.set('r/hq/state/a', older))).toMatchObject({ corrupt: [], incomplete: true })
  })

  it('finds a deleted record that came back', async () => {
    const deleted = level.entries.get('r/hq/state/b')!
    const state = await (await openStore()).open(space)
    await state.commit({ puts: [], deletes: ['b'] })
    expect(await lossAfter(() => level.entries.set('r/hq/state/b', deleted))).toMatchObject({ corrupt: [], incomplete: true })
  })

  it('finds a manifest that is corrupt, missing or an older one, in that space only', async () => {
    const key = manifestKey(space)
    const older = level.entries.get(key)!
    await (await (await openStore()).open(space)).commit(put('d', 1))
    const latest = level.entries.get(key)!
    expect(await lossAfter(() => flip(key, 5))).toMatchObject({ incomplete: true })
    expect(await lossAfter(() => {}, local)).toBeUndefined()
    expect(await lossAfter(() => level.entries.delete(key))).toMatchObject({ incomplete: true })
    expect(await lossAfter(() => {}, local)).toBeUndefined()
    expect(await lossAfter(() => level.entries.set(key, older))).toMatchObject({ incomplete: true })
    expect(await lossAfter(() => level.entries.set(key, latest))).toMatchObject({ incomplete: true })
  })

  it('finds that a space went back as a whole: every space is suspect then, until it has committed', async () => {
    const before = new Map(level.entries)
    await (await (await openStore()).open(space)).commit(put('a', 7))
    await (await (await openStore()).open(local)).commit(put('a', 7))
    const loss = await lossAfter(() => {
      for (const key of ['r/hq/state/a', manifestKey(space)]) level.entries.set(key, before.get(key)!)
    })
    expect(loss).toMatchObject({ corrupt: [], incomplete: true })
    const store = await openStore()
    expect((await store.open(local)).loss).toMatchObject({ incomplete: true })
    const state = await store.open(space)
    expect(state.loss).toMatchObject({ incomplete: true })
    await state.commit(put('answer', 1))
    const next = await openStore()
    expect((await next.open(space)).loss).toBeUndefined()
    expect((await next.open(local)).loss).toMatchObject({ incomplete: true })
  })

  it('finds a space that is gone altogether', async () => {
    const loss = await lossAfter(() => {
      for (const key of [...level.entries.keys()]) if (key.includes('hq/state')) level.entries.delete(key)
    })
    expect(loss).toMatchObject({ corrupt: [], incomplete: true })
  })

  it('finds that the database as a whole went back, by its watermark', async () => {
    const before = new Map(level.entries)
    await (await (await openStore()).open(space)).commit(put('a', 7))
    const loss = await lossAfter(() => restore(before))
    expect(loss?.message).toMatch(/commits 4 to 4 were acknowledged and are gone/)
    expect(loss).toMatchObject({ corrupt: [], incomplete: true })
    expect(openStores[0]?.damage).toMatch(/commits 4 to 4/)
  })

  it('finds that the database is empty although it was not', async () => {
    expect(await lossAfter(() => restore(new Map()))).toMatchObject({ incomplete: true })
    expect((await (await openStore()).open(local)).loss).toMatchObject({ incomplete: true })
  })

  it('finds that the latest commit is corrupt or missing', async () => {
    expect(await lossAfter(() => flip(commitKey, 4))).toMatchObject({ incomplete: true })
    await (await openStore()).close()
    expect(await lossAfter(() => level.entries.delete(commitKey))).toMatchObject({ incomplete: true })
  })

  it('takes no offence at a watermark that lags behind or is gone', async () => {
    expect(await lossAfter(() => (level.sequence = 1))).toBeUndefined()
    expect(await lossAfter(() => (level.sequence = undefined))).toBeUndefined()
  })

  it('says loss of a space that it does not know when the database was replaced', async () => {
    for (const store of openStores.splice(0)) await store.close()
    level.damage = 'it was moved aside'
    level.entries.clear()
    level.sequence = undefined
    const store = await openStore()
    expect(store.damage).toBe('it was moved aside')
    expect((await store.open(space)).loss).toMatchObject({ corrupt: [], incomplete: true })
    expect((await (await openStore()).open(space)).loss).toMatchObject({ incomplete: true })
  })

  it('ignores keys that are not of this layout', async () => {
    const loss = await lossAfter(() => {
      for (const key of ['r/', 'r/hq', 'r/hq/state', 'r/HQ/state/a', 'm/', 'm/hq/state/more', 'zzz', ''])
        level.entries.set(key, Uint8Array.of(1))
      level.entries.set('r/hq/state/\ufffd', frame('other', Uint8Array.of(1)).bytes)
    })
    expect(loss).toBeUndefined()
  })

  it('tries repair, then an empty database, when the files can not be read', async () => {
    for (const store of openStores.splice(0)) await store.close()
    level.openings.length = 0
    const tried = new Error('Database failed to open', {
      cause: levelError('LEVEL_CORRUPTION', 'Corruption: no meta-nextfile entry')
    })
    level.openFailure = tried
    await expect(LevelStore.open({ source: level, clock: new ManualClock() })).rejects.toSatisfy(error =>
      isSelvedgeError(error, 'STORE_CORRUPT')
    )
    expect(level.openings).toEqual(['none', 'repair', 'replace'])
  })

  it('notices a record that goes missing or changes while it is open', async () => {
    const state = await (await openStore()).open(space)
    const b = level.entries.get('r/hq/state/b')!
    level.entries.delete('r/hq/state/b')
    await expect(state.get('b')).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('missing') as string
    })
    await expect(contents(state)).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('missing') as string
    })
    level.entries.set('r/hq/state/b', b)
    flip('r/hq/state/a', 6)
    await expect(state.get('a')).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('corrupt') as string
    })
    await expect(contents(state)).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
    const c = level.entries.get('r/hq/state/c')!
    await state.commit(put('c', 5))
    level.entries.set('r/hq/state/c', c)
    await expect(state.get('c')).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('older') as string
    })
  })
})
