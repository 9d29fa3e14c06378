/**
 * Real files, damaged at random. For any damage to any file: the store opens, gives back nothing that was never written, and says
 * loss whenever what it holds is not what was committed; and once the spaces have committed again, the next opening is clean.
 */
import { below, seededRandom, spaceId, systemClock, type Random, type SpaceId } from '@selvedge/core'
import { cp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LevelStore } from './level-store.js'
import { inspectTable } from './level-table.js'
import { openLevelStore } from './open-level-store.js'
import { contents } from './testing/store-conformance.js'
import { temporaryDirectory, type TemporaryDirectory } from './testing/temporary-directory.js'

/** More with SELVEDGE_DAMAGE_SEEDS. */
const tableSeeds = Number(process.env['SELVEDGE_DAMAGE_SEEDS'] ?? 80)
const otherSeeds = Math.ceil(tableSeeds / 3)

const spaces = ['hq/state', 'hq/local', 'fleet/config'].map(spaceId)

/** Key → value now, and every value that the key ever had. */
interface Written {
  readonly now: Map<string, string>
  readonly ever: Map<string, Set<string>>
}

describe('a store whose files are damaged', () => {
  let directory: TemporaryDirectory
  let pristine: string
  let location: string
  const written = new Map<SpaceId, Written>()

  const openStore = (): Promise<LevelStore> => openLevelStore({ directory: location, clock: systemClock })

  beforeAll(async () => {
    directory = await temporaryDirectory()
    pristine = join(directory.path, 'pristine')
    const random = seededRandom(1)
    for (const id of spaces) written.set(id, { now: new Map(), ever: new Map() })
    // Several openings, so that there are tables on two levels beside the log; compactions take place on the way.
    for (let opening = 0; opening < 7; opening++) {
      const store = await openLevelStore({ directory: pristine, clock: systemClock })
      for (const id of spaces) {
        const space = await store.open(id)
        for (let n = 0; n < 15; n++) {
          const { now, ever } = written.get(id)!
          const key = `table/${below(random, 40)}`
          if (below(random, 6) === 0) {
            await space.commit({ puts: [], deletes: [key] })
            now.delete(key)
          } else {
            const value = random.bytes(100 + below(random, 1500))
            await space.commit({ puts: [{ key, value }], deletes: [] })
            now.set(key, hex(value))
            if (!ever.has(key)) ever.set(key, new Set())
            ever.get(key)!.add(hex(value))
          }
        }
      }
      await store.close()
    }
  })

  afterAll(() => directory.remove())

  /** Copies the sound store, damages the copy, and checks all that this file promises. Returns whether any loss was told. */
  async function check(label: string, damage: () => Promise<void>): Promise<boolean> {
    location = join(directory.path, 'damaged')
    for (const name of await readdir(directory.path))
      if (name.startsWith('damaged')) await rm(join(directory.path, name), { recursive: true })
    await cp(pristine, location, { recursive: true })
    await damage()
    let lost = false
    for (let start = 0; start < 2; start++) {
      const store = await openStore()
      for (const id of spaces) {
        const { now, ever } = written.get(id)!
        const space = await store.open(id)
        const found = (await contents(space)).map(([key, value]) => [key, hex(value)] as const)
        for (const [key, value] of found) expect(ever.get(key)?.has(value), `${label}: ${key} was never this`).toBe(true)
        for (const [key, value] of found) expect(hex((await space.get(key))!), `${label}: ${key} by get`).toBe(value)
        if (space.loss) lost = true
        else expect(new Map(found), `${label}: ${id} says no loss`).toEqual(now)
        if (start === 1) await space.commit({ puts: [{ key: 'answer', value: Uint8Array.of(1) }], deletes: [] })
      }
      await store.close()
    }
    const store = await openStore()
    for (const id of spaces) expect((await store.open(id)).loss, `${label}: after commits`).toBeUndefined()
    await store.close()
    return lost
  }

  const filesOf = async (pattern: RegExp): Promise<string[]> =>
    (await readdir(location)).filter(name => pattern.test(name)).map(name => join(location, name))

  async function garble(random: Random, pattern: RegExp): Promise<void> {
    const files: { path: string; bytes: Buffer }[] = []
    for (const path of await filesOf(pattern)) files.push({ path, bytes: await readFile(path) })
    const filled = files.filter(({ bytes }) => bytes.length > 0)
    const file = filled[below(random, filled.length)]
    if (!file) return
    const at = below(random, file.bytes.length)
    const kind = below(random, 4)
    if (kind === 0) file.bytes[at]! ^= 1 << below(random, 8)
    else if (kind === 1) for (let n = 0; n < 30; n++) file.bytes[below(random, file.bytes.length)]! ^= 1 + below(random, 255)
    else if (kind === 2) file.bytes.fill(0, at, Math.min(at + 512, file.bytes.length))
    else file.bytes.set(random.bytes(Math.min(512, file.bytes.length - at)), at)
    await writeFile(file.path, file.bytes)
  }

  it('opens a sound copy without loss', async () => {
    expect(await check('sound', async () => {})).toBe(false)
    location = join(directory.path, 'damaged')
    expect(await filesOf(/\.ldb$/)).not.toHaveLength(0)
  })

  it('survives garbled tables and logs', { timeout: 1_000 * (60 + tableSeeds) }, async () => {
    let losses = 0
    for (let seed = 1; seed <= tableSeeds; seed++)
      if (await check(`seed ${seed}`, () => garble(seededRandom(seed), /\.(ldb|log)$/))) losses++
    // Some hits are in obsolete records or unused bytes; most are not.
    expect(losses).toBeGreaterThan(tableSeeds / 2)
  })

  it('survives garbled files of every other kind', { timeout: 1_000 * (60 + tableSeeds) }, async () => {
    for (let seed = 1; seed <= otherSeeds; seed++)
      await check(`seed ${seed}`, () => garble(seededRandom(seed), /^(CURRENT|MANIFEST|WATERMARK|LOG)/))
  })

  it(
    'notices every lost tail of the log, although Level takes it for a write that was never finished',
    { timeout: 1_000 * (60 + tableSeeds) },
    async () => {
      location = pristine
      const log = (await filesOf(/\.log$/)).at(-1)!
      const length = (await readFile(log)).length
      expect(length).toBeGreaterThan(1000)
      const name = log.slice(pristine.length)
      for (let cut = 1; cut < length; cut = cut * 3)
        expect(await check(`cut ${cut}`, () => truncate(join(location, name), length - cut))).toBe(true)
      expect(await check('no log', () => rm(join(location, name)))).toBe(true)
    }
  )

  it.each([
    ['CURRENT is gone', /^CURRENT$/, (path: string) => rm(path)],
    ['CURRENT is empty', /^CURRENT$/, (path: string) => truncate(path)],
    ['CURRENT names another file', /^CURRENT$/, (path: string) => writeFile(path, 'MANIFEST-999999\n')],
    ['MANIFEST is gone', /^MANIFEST/, (path: string) => rm(path)],
    ['MANIFEST is empty', /^MANIFEST/, (path: string) => truncate(path)],
    ['a table is gone', /\.ldb$/, (path: string) => rm(path)],
    ['a table is cut short', /\.ldb$/, (path: string) => truncate(path, 700)],
    ['a table is empty', /\.ldb$/, (path: string) => truncate(path)],
    ['all is gone but the watermark', /^(?!WATERMARK)/, (path: string) => rm(path)]
  ])('opens and tells it when %s', async (label, pattern, change) => {
    expect(
      await check(label, async () => {
        for (const path of await filesOf(pattern)) await change(path)
      })
    ).toBe(true)
  })

  it('survives a repair over tables that lost all their blocks, which makes LevelDB abort', async () => {
    const lost = await check('no block is left', async () => {
      for (const path of await filesOf(/\.ldb$/)) {
        const bytes = await readFile(path)
        for (let at = 10; at < bytes.length; at += 64) {
          const before = bytes[at]!
          bytes[at] = before ^ 1
          if (inspectTable(bytes).state !== 'damaged') bytes[at] = before
        }
        expect(inspectTable(bytes)).toMatchObject({ state: 'damaged' })
        await writeFile(path, bytes)
      }
      for (const path of await filesOf(/^MANIFEST/)) await truncate(path, 20)
    })
    expect(lost).toBe(true)
  })

  it('gives a database up when repairs of it were begun and none came to its end', async () => {
    const lost = await check('repairs that killed the process', async () => {
      await writeFile(join(location, 'REPAIRS-BEGUN'), '3')
      for (const path of await filesOf(/^CURRENT$/)) await truncate(path)
    })
    expect(lost).toBe(true)
    expect(await readdir(directory.path)).toContain('damaged.corrupt-1')
  })

  it('keeps the records when only what names the files was damaged', async () => {
    await check('CURRENT', async () => truncate((await filesOf(/^CURRENT$/))[0]!))
    const store = await openStore()
    for (const id of spaces) {
      const found = new Map((await contents(await store.open(id))).map(([key, value]) => [key, hex(value)]))
      found.delete('answer')
      expect(found).toEqual(written.get(id)!.now)
    }
    await store.close()
  })
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
