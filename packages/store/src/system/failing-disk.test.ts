/** A disk that takes no writes for a while: no reason to give up what is on it. */
import { isSelvedgeError, spaceId, systemClock } from '@selvedge/core'
import type * as fs from 'node:fs/promises'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openLevelStore } from '../open-level-store.js'
import { contents } from '../testing/store-conformance.js'
import { temporaryDirectory, type TemporaryDirectory } from '../testing/temporary-directory.js'

const disk = vi.hoisted(() => ({ takesWrites: true }))

vi.mock('node:fs/promises', async importOriginal => {
  const real = await importOriginal<typeof fs>()
  const open: typeof real.open = async (...args) => {
    const file = await real.open(...args)
    if (!disk.takesWrites) file.sync = () => Promise.reject(Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' }))
    return file
  }
  return { ...real, open }
})

let directory: TemporaryDirectory
beforeEach(async () => (directory = await temporaryDirectory()))
afterEach(async () => {
  disk.takesWrites = true
  await directory.remove()
})

it('a damaged database is neither repaired nor moved aside on a disk that takes no writes', async () => {
  const path = join(directory.path, 'store')
  const opened = () => openLevelStore({ directory: path, clock: systemClock })
  const store = await opened()
  await (await store.open(spaceId('hq/state'))).commit({ puts: [{ key: 'a', value: Uint8Array.of(1) }], deletes: [] })
  await store.close()
  const current = join(path, 'CURRENT')
  const before = await readFile(current)
  // What LevelDB would say when it could not write.
  await rm(current)
  const files = await readdir(path)
  disk.takesWrites = false
  await expect(opened()).rejects.toSatisfy(error => isSelvedgeError(error, 'STORE_IO'))
  expect(await readdir(path)).toEqual(expect.arrayContaining(files.filter(name => !name.startsWith('LOG'))))
  expect(await readdir(directory.path)).toEqual([basename(path)])
  disk.takesWrites = true
  await writeFile(current, before)
  const again = await opened()
  expect(again.damage).toBeUndefined()
  expect(await contents(await again.open(spaceId('hq/state')))).toEqual([['a', Uint8Array.of(1)]])
  await again.close()
})
