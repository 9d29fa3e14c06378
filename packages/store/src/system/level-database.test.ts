/** The directory itself: who may have it, what it must be, a full disk, a directory that can't be repaired. */
import { isSelvedgeError, spaceId, systemClock, type SpaceStore, type StoreHealth } from '@selvedge/core'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import type { LevelStore } from '../level-store.js'
import { openLevelStore } from '../open-level-store.js'
import { fillUp, mountSmallDisk } from '../testing/small-disk.js'
import { contents, nextHealth } from '../testing/store-conformance.js'
import { temporaryDirectory, type TemporaryDirectory } from '../testing/temporary-directory.js'
import { ballastBytes } from './level-database.js'

const run = promisify(execFile)
const space = spaceId('hq/state')
const code = (expected: string) => (error: unknown) => isSelvedgeError(error, expected)

describe('the directory of a Level store', () => {
  let directory: TemporaryDirectory
  const cleanups: (() => unknown)[] = []
  const openAt = (path: string): Promise<LevelStore> =>
    openLevelStore({ directory: path, clock: systemClock, retryDelayMinMs: 20, retryDelayMaxMs: 50 })

  beforeEach(async () => {
    directory = await temporaryDirectory()
  })

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
    await directory.remove()
  })

  it('is made when it is missing', async () => {
    const path = join(directory.path, 'a', 'b', 'c')
    const store = await openAt(path)
    expect(store.damage).toBeUndefined()
    expect((await store.open(space)).loss).toBeUndefined()
    await store.close()
    expect(await readdir(path)).toContain('CURRENT')
  })

  it('gives back the space of what was deleted: a log that moves on for ever takes no more room', async () => {
    const path = join(directory.path, 'store')
    const store = await openAt(path)
    const state = await store.open(space)
    const value = new Uint8Array(256 * 1024)
    const key = (n: number): string => `log/${String(n).padStart(6, '0')}`
    let most = 0
    for (let n = 0; n < 400; n++) {
      value.fill(n)
      await state.commit({ puts: [{ key: key(n), value }], deletes: n < 4 ? [] : [key(n - 4)] })
      if (n % 10 === 0) most = Math.max(most, await bytesIn(path))
    }
    // 100 MiB were written, 1 MiB of which is left.
    expect(most).toBeLessThan(40 * 1024 * 1024)
    await store.close()
  })

  it('can not be a file, nor lie in one', async () => {
    const path = join(directory.path, 'file')
    await writeFile(path, 'not a directory')
    await expect(openAt(path)).rejects.toSatisfy(code('STORE_UNUSABLE'))
    await expect(openAt(join(path, 'below'))).rejects.toSatisfy(code('STORE_UNUSABLE'))
    await expect(openAt(path)).rejects.toThrow(path)
  })

  it('belongs to one process at a time', async () => {
    const path = join(directory.path, 'store')
    await (await openAt(path)).close()
    const child = spawnHolder(path)
    cleanups.push(() => kill(child))
    await once(child.stdout!, 'data')
    await expect(openAt(path)).rejects.toSatisfy(code('STORE_LOCKED'))
    await expect(openAt(path)).rejects.toThrow(`the directory ${path} is in use: stop the other process`)
    await kill(child)
    await (await openAt(path)).close()
  })

  it('is not touched while another process has it, even when a table in it is unfinished', async () => {
    const path = join(directory.path, 'store')
    await (await openAt(path)).close()
    const child = spawnHolder(path)
    cleanups.push(() => kill(child))
    await once(child.stdout!, 'data')
    const table = join(path, '009999.ldb')
    await writeFile(table, 'half a table')
    await expect(openAt(path)).rejects.toSatisfy(code('STORE_LOCKED'))
    expect((await stat(table)).size).toBe(12)
    await kill(child)
    await (await openAt(path)).close()
    await expect(stat(table)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('is moved aside when it can not be repaired, and every space is told', async () => {
    const path = join(directory.path, 'store')
    const store = await openAt(path)
    await (await store.open(space)).commit({ puts: [{ key: 'a', value: Uint8Array.of(1) }], deletes: [] })
    await store.close()
    for (let n = 1; n <= 2; n++) {
      await makeHopeless(path)
      const replaced = await openAt(path)
      expect(replaced.damage).toContain(`${path}.corrupt-${n}`)
      const state = await replaced.open(space)
      expect(state.loss).toMatchObject({ corrupt: [], incomplete: true })
      expect(await contents(state)).toEqual([])
      await state.commit({ puts: [{ key: 'b', value: Uint8Array.of(2) }], deletes: [] })
      await replaced.close()
      const again = await openAt(path)
      expect(again.damage).toBeUndefined()
      expect((await again.open(space)).loss).toBeUndefined()
      // Whether it ever had records can't be known.
      expect((await again.open(spaceId('hq/local'))).loss).toMatchObject({ incomplete: true })
      await again.close()
    }
    expect(await readdir(`${path}.corrupt-1`)).not.toHaveLength(0)
  })

  it('says loss when a crash came between moving it aside and the first record of the new one', async () => {
    const path = join(directory.path, 'store')
    await mkdir(`${path}.corrupt-1`)
    const store = await openAt(path)
    expect(store.damage).toContain(`${path}.corrupt-1`)
    expect((await store.open(space)).loss).toMatchObject({ incomplete: true })
    await store.close()
  })

  it('keeps what was moved aside within itself when it is a mount point', async context => {
    const path = await mountDisk(context, '8m')
    await (await openAt(path)).close()
    await makeHopeless(path)
    const store = await openAt(path)
    expect(store.damage).toContain(join(path, 'corrupt-1'))
    expect((await store.open(space)).loss).toMatchObject({ incomplete: true })
    await store.close()
    expect(await readdir(path)).toContain('corrupt-1')
  })

  it('must be writable', async context => {
    const path = await mountDisk(context, '8m')
    const store = await openAt(path)
    await store.close()
    await run('mount', ['-o', 'remount,ro', path])
    await expect(openAt(path)).rejects.toSatisfy(code('STORE_UNUSABLE'))
    await expect(openAt(path)).rejects.toThrow(/Read-only|read-only/)
    await expect(openAt(join(path, 'new'))).rejects.toSatisfy(code('STORE_UNUSABLE'))
  })

  it('waits on a full disk and loses nothing of what it acknowledged', async context => {
    const path = await mountDisk(context, '24m')
    const store = await openAt(path)
    const state = await store.open(space)
    await state.commit({ puts: [{ key: 'first', value: Uint8Array.of(1) }], deletes: [] })
    const filler = join(path, 'filler')
    await fillUp(filler)
    const degraded = nextHealth(store)
    const acknowledged = new Set<string>()
    const commits = Array.from({ length: 40 }, async (_, i) => {
      await state.commit({ puts: [{ key: `k${i}`, value: new Uint8Array(50_000).fill(i) }], deletes: [] })
      acknowledged.add(`k${i}`)
    })
    expect(await degraded).toMatchObject({ state: 'degraded', code: 'STORE_FULL' })
    expect(store.stats().pendingBatches).toBeGreaterThan(0)
    expect(acknowledged.size).toBeLessThan(40)
    // Time for a few tries: what is stored can be read all the while.
    for (let i = 0; i < 10; i++) {
      expect(await state.get('first')).toEqual(Uint8Array.of(1))
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    const ok = nextHealth(store)
    await rm(filler)
    await Promise.all(commits)
    expect(await ok).toMatchObject({ state: 'ok' })
    await store.close()
    const again = await openAt(path)
    const reopened = await again.open(space)
    expect(again.damage).toBeUndefined()
    expect(reopened.loss).toBeUndefined()
    expect((await contents(reopened)).map(([key]) => key).sort()).toEqual(['first', ...acknowledged].sort())
    for (let i = 0; i < 40; i++) expect((await reopened.get(`k${i}`))?.every(byte => byte === i)).toBe(true)
    await again.close()
  })

  it('says STORE_FULL when there is no room to begin with', async context => {
    const path = await mountDisk(context, '1m')
    await fillUp(join(path, 'filler'))
    await expect(openAt(join(path, 'store'))).rejects.toSatisfy(code('STORE_FULL'))
    expect((await readdir(path)).filter(name => name.includes('corrupt'))).toEqual([])
  })

  describe('on a disk that is full when it is opened', () => {
    const value = (n: number): Uint8Array => new Uint8Array(50_000).fill(n)
    const keys = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `k${from + i}`)
    const put = (n: number): { puts: { key: string; value: Uint8Array }[]; deletes: string[] } => ({
      puts: [{ key: `k${n}`, value: value(n) }],
      deletes: []
    })

    /** A store with 70 records, all of them in its log alone as LevelDB leaves them when it is closed, on a disk that is then filled. */
    async function storeOnAFullDisk(
      mounted: string,
      more?: (path: string) => Promise<void>
    ): Promise<{ path: string; filler: string }> {
      const path = join(mounted, 'store')
      const store = await openAt(path)
      const state = await store.open(space)
      for (let n = 0; n < 70; n++) await state.commit(put(n))
      await store.close()
      await more?.(path)
      const filler = join(mounted, 'filler')
      await fillUp(filler)
      return { path, filler }
    }

    async function expectAll(state: SpaceStore, count: number): Promise<void> {
      const held = await contents(state)
      expect(held.map(([key]) => key).sort()).toEqual(keys(0, count).sort())
      for (const [key, bytes] of held) expect(Buffer.compare(bytes, value(Number(key.slice(1)))), key).toBe(0)
    }

    it('opens degraded with what it acknowledged, and stores the rest once there is room', async context => {
      const { path, filler } = await storeOnAFullDisk(await mountDisk(context, '128m'))
      expect(await bytesOf(path, /\.log$/)).toBeGreaterThan(3_400_000)
      // Each start finds the disk as full as the one before.
      for (let start = 0; start < 3; start++) {
        const store = await openAt(path)
        expect(store.damage).toBeUndefined()
        expect(await degradation(store)).toMatchObject({ state: 'degraded', code: 'STORE_FULL' })
        const state = await store.open(space)
        expect(state.loss).toBeUndefined()
        await expectAll(state, 70)
        const waiting = state.commit(put(70))
        await expectTries(store)
        expect(store.stats().pendingBatches).toBeGreaterThan(0)
        if (start < 2) {
          const told = expect(waiting).rejects.toSatisfy(code('STORE_CLOSED'))
          await store.close()
          await told
          continue
        }
        const ok = nextHealth(store)
        await rm(filler)
        await waiting
        expect(await ok).toMatchObject({ state: 'ok' })
        await store.close()
      }
      const again = await openAt(path)
      const state = await again.open(space)
      expect(again.damage).toBeUndefined()
      expect(state.loss).toBeUndefined()
      await expectAll(state, 71)
      await again.close()
      expect(await bytesOf(path, /^BALLAST$/)).toBe(ballastBytes)
    })

    it('opens whatever its logs hold, as much as they can', async context => {
      const { path } = await storeOnAFullDisk(await mountDisk(context, '128m'), async path => {
        const level = new Level<string, Uint8Array>(path, { valueEncoding: 'view', compression: false, writeBufferSize: 1 << 26 })
        for (let n = 0; n < 256; n++) await level.put(`not of this store/${n}`, new Uint8Array(1 << 16).fill(n))
        await level.close()
      })
      expect(await bytesOf(path, /\.log$/)).toBeGreaterThan(1 << 24)
      const store = await openAt(path)
      await expectAll(await store.open(space), 70)
      await store.close()
    })

    it('says STORE_FULL when it has no ballast either, changes nothing, and opens once there is room', async context => {
      const { path, filler } = await storeOnAFullDisk(await mountDisk(context, '128m'))
      await rm(join(path, 'BALLAST'))
      await fillUp(filler)
      for (let start = 0; start < 2; start++) {
        await expect(openAt(path)).rejects.toSatisfy(code('STORE_FULL'))
        await expect(openAt(path)).rejects.toThrow('the disk is full: free some space')
      }
      await rm(filler)
      const store = await openAt(path)
      await expectAll(await store.open(space), 70)
      await store.close()
    })

    it('has no ballast where it would take much of the room there is', async context => {
      const path = await mountDisk(context, '60m')
      await (await openAt(path)).close()
      expect(await readdir(path)).not.toContain('BALLAST')
    })

    it('leaves the ballast alone while another process has it', async context => {
      const { path } = await storeOnAFullDisk(await mountDisk(context, '128m'))
      const store = await openAt(path)
      const before = await bytesOf(path, /^BALLAST$/)
      expect(before).toBeGreaterThan(ballastBytes / 2)
      await expect(openAt(path)).rejects.toSatisfy(code('STORE_LOCKED'))
      expect(await bytesOf(path, /^BALLAST$/)).toBe(before)
      await store.close()
    })
  })

  /** A directory where LevelDB wants to write a file: no repair gets past it. */
  async function makeHopeless(path: string): Promise<void> {
    await rm(join(path, 'CURRENT'))
    await mkdir(join(path, 'CURRENT', 'in-the-way'), { recursive: true })
  }

  const mountDisk = (context: TestContext, size: string): Promise<string> =>
    mountSmallDisk(context, cleanup => cleanups.push(cleanup), size)
})

async function bytesOf(path: string, names: RegExp): Promise<number> {
  let bytes = 0
  for (const name of await readdir(path)) if (names.test(name)) bytes += (await stat(join(path, name))).size
  return bytes
}

/** The health of a store that is degraded, or is about to be. */
function degradation(store: LevelStore): Promise<StoreHealth> {
  return store.health.state === 'degraded' ? Promise.resolve(store.health) : nextHealth(store)
}

/** Time for a few tries, none of which gets anywhere. */
async function expectTries(store: LevelStore): Promise<void> {
  for (let i = 0; i < 10; i++) {
    expect(store.health).toMatchObject({ state: 'degraded', code: 'STORE_FULL' })
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

async function bytesIn(path: string): Promise<number> {
  let bytes = 0
  // LevelDB deletes files meanwhile.
  for (const name of await readdir(path))
    if (name !== 'BALLAST') bytes += (await stat(join(path, name)).catch(() => undefined))?.size ?? 0
  return bytes
}

/** A process of its own that has the directory until it is killed, and says so on its standard output. */
function spawnHolder(path: string): ChildProcess {
  const script = `import { Level } from 'level'
const level = new Level(process.argv[1])
await level.open()
console.log('open')
setInterval(() => {}, 1000)`
  const options = { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] } as const
  return spawn(process.execPath, ['--input-type=module', '--eval', script, path], { ...options, stdio: [...options.stdio] })
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
