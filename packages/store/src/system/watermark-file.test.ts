import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { temporaryDirectory, type TemporaryDirectory } from '../testing/temporary-directory.js'
import { WatermarkFile } from './watermark-file.js'

describe('the watermark file', () => {
  let directory: TemporaryDirectory
  let path: string
  let file: WatermarkFile

  beforeEach(async () => {
    directory = await temporaryDirectory()
    path = join(directory.path, 'WATERMARK')
    file = new WatermarkFile(path)
  })

  afterEach(async () => {
    await file.close()
    await directory.remove()
  })

  it('holds the latest number, and takes no more space for it', async () => {
    expect(await file.read()).toBeUndefined()
    for (const sequence of [0, 1, 300, 2 ** 52, 7]) {
      await file.write(sequence)
      expect(await new WatermarkFile(path).read()).toBe(sequence)
    }
    expect((await stat(path)).size).toBe(12)
    await file.close()
    await file.write(8)
    expect(await file.read()).toBe(8)
  })

  it('does not believe a file of which any byte was changed, or that is cut short', async () => {
    await file.write(123_456)
    const bytes = await readFile(path)
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 1
      await writeFile(path, changed)
      expect(await file.read(), `byte ${at}`).toBeUndefined()
      await writeFile(path, bytes.subarray(0, at))
      expect(await file.read(), `${at} bytes`).toBeUndefined()
    }
  })
})
