import { below, seededRandom, silentLogger } from '@selvedge/core'
import { Level } from 'level'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { crc32c, maskedCrc32c } from './crc32c.js'
import { inspectTable } from './level-table.js'
import { LevelDirectory } from './system/level-database.js'
import { temporaryDirectory, type TemporaryDirectory } from './testing/temporary-directory.js'

const footerBytes = 48
const records = 300
const valueOf = (i: number): Uint8Array => new Uint8Array(200).fill(i % 256)
const keyOf = (i: number): string => `key/${String(i).padStart(6, '0')}`

describe('CRC-32C', () => {
  it('gives the known values (RFC 3720, B.4)', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8_ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd_794e)
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe306_9283)
    expect(crc32c(new TextEncoder().encode('..123456789.'), 2, 11)).toBe(0xe306_9283)
  })
})

describe('checking a table file', () => {
  let directory: TemporaryDirectory
  let location: string
  let path: string
  let table: Uint8Array

  beforeEach(async () => {
    directory = await temporaryDirectory()
    location = join(directory.path, 'level')
    for (let opening = 0; opening < 2; opening++) {
      const { database } = await new LevelDirectory(location, silentLogger).open('none')
      if (opening === 0)
        await database.batch(Array.from({ length: records }, (_, i) => ({ type: 'put', key: keyOf(i), value: valueOf(i) })))
      await database.close()
    }
    const tables = (await readdir(location)).filter(name => name.endsWith('.ldb'))
    expect(tables).toHaveLength(1)
    path = join(location, tables[0]!)
    table = Uint8Array.from(await readFile(path))
  })

  afterEach(() => directory.remove())

  const flipped = (at: number, by = 0x20): Uint8Array => {
    const copy = Uint8Array.from(table)
    copy[at]! ^= by
    return copy
  }

  it('finds what LevelDB wrote sound', () => {
    expect(inspectTable(table)).toMatchObject({ state: 'sound' })
  })

  it('mends nothing into a table that is not sound, wherever the footer points', () => {
    // The footer has no checksum: any sound block may stand for the index or for the metaindex.
    const handles = soundBlocks(table)
    expect(handles.length).toBeGreaterThan(3)
    for (const metaindex of handles)
      for (const index of handles) {
        const copy = Uint8Array.from(table)
        copy.fill(0, copy.length - footerBytes, copy.length - 8)
        copy.set([...metaindex, ...index], copy.length - footerBytes)
        const found = inspectTable(copy)
        if (found.state === 'damaged') expect(inspectTable(found.mended)).toMatchObject({ state: 'sound' })
      }
  })

  it('finds a flipped bit anywhere, and mends what it can into a sound table of the same size', () => {
    const seen = { sound: 0, damaged: 0, lost: 0 }
    for (let at = 0; at < table.length; at += 13) {
      const result = inspectTable(flipped(at))
      seen[result.state]++
      if (at < table.length - footerBytes) expect(result.state, `byte ${at}`).not.toBe('sound')
      if (result.state !== 'damaged') continue
      expect(result.blocksLost, `byte ${at}`).toBeLessThanOrEqual(1)
      expect(result.mended.length).toBe(table.length)
      expect(inspectTable(result.mended), `byte ${at}`).toMatchObject({ state: 'sound' })
    }
    expect(seen.damaged).toBeGreaterThan(table.length / 13 / 2)
  })

  it('mends a damaged magic number without losing a block', () => {
    expect(inspectTable(flipped(table.length - 1))).toEqual({
      state: 'damaged',
      mended: table,
      blocksLost: 0,
      blocks: expect.any(Number) as number
    })
  })

  it('calls lost what has no index: cut short, empty, random', () => {
    for (const length of [0, 1, 47, 48, 100, table.length - 1]) expect(inspectTable(table.subarray(0, length)).state).toBe('lost')
    const random = seededRandom(5)
    for (let i = 0; i < 200; i++) expect(inspectTable(random.bytes(below(random, 2000))).state).toBe('lost')
  })

  it('survives any footer', () => {
    const random = seededRandom(6)
    for (let i = 0; i < 500; i++) {
      const copy = Uint8Array.from(table)
      copy.set(random.bytes(40), copy.length - footerBytes)
      expect(['sound', 'damaged', 'lost']).toContain(inspectTable(copy).state)
    }
  })

  it('gives LevelDB a table that it reads and compacts, without the damaged block', async () => {
    // In a key, this flip makes an unmended table abort the whole process at its next compaction.
    const at = Buffer.from(table).indexOf('key/')
    for (const damage of [flipped(at + 1, 0x7f), garbled(0, 9000), garbled(4000, 300), garbled(0, table.length - 1000)]) {
      await writeFile(path, damage)
      const { database } = await new LevelDirectory(location, silentLogger).open('none')
      let count = 0
      for await (const [key, value] of database.entries({})) {
        expect(value).toEqual(Buffer.from(valueOf(Number(key.slice(4)))))
        count++
      }
      expect(count).toBeLessThan(records)
      await database.close()
      const raw = openRaw()
      await raw.compactRange('', '\uffff')
      expect(await raw.keys().all()).toHaveLength(count)
      for (let i = 0; i < records; i++) await raw.put(keyOf(i), valueOf(i))
      await raw.close()
      path = join(location, (await readdir(location)).filter(name => name.endsWith('.ldb')).at(-1)!)
      await refresh()
    }
  })

  // The types of `level` leave out what browsers lack.
  function openRaw(): Level<string, Uint8Array> & { compactRange(start: string, end: string): Promise<void> } {
    return new Level(location, { valueEncoding: 'view', compression: false }) as ReturnType<typeof openRaw>
  }

  function garbled(start: number, length: number): Uint8Array {
    const copy = Uint8Array.from(table)
    copy.set(seededRandom(start + length).bytes(Math.min(length, copy.length - start)), start)
    return copy
  }

  /** Brings the database back to one sound table. */
  async function refresh(): Promise<void> {
    const raw = openRaw()
    await raw.compactRange('', '\uffff')
    await raw.close()
    const tables = (await readdir(location)).filter(name => name.endsWith('.ldb'))
    path = join(location, tables.at(-1)!)
    table = Uint8Array.from(await readFile(path))
    expect(inspectTable(table).state).toBe('sound')
  }
})

/** Handles, as a footer has them, of every block of a table whose checksum is right. */
function soundBlocks(table: Uint8Array): number[][] {
  const handles: number[][] = []
  for (let start = 0; start < table.length - footerBytes;) {
    let end = start + 8
    while (end + 5 <= table.length - footerBytes && !isBlock(table, start, end)) end++
    if (end + 5 > table.length - footerBytes) break
    handles.push([...varint(start), ...varint(end - start)])
    start = end + 5
  }
  return handles
}

function isBlock(table: Uint8Array, start: number, end: number): boolean {
  return new DataView(table.buffer, end + 1, 4).getUint32(0, true) === maskedCrc32c(table, start, end + 1)
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
}
