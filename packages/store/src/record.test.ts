import { ManualClock, below, seededRandom, spaceId } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { SetDigest } from './digest.js'
import { LevelStore } from './level-store.js'
import {
  encodeCommitMark,
  encodeDamageMark,
  encodeManifest,
  encodeVersion,
  frame,
  layoutVersion,
  spaceOfLevelKey
} from './record.js'
import { MemoryLevel } from './testing/faulty-level.js'
import { contents } from './testing/store-conformance.js'

/** Pinned: a store in the field looks like this, and must be read by every later version. */
const versionOne: Record<string, string> = {
  '!version': 'e50d76b101',
  '!commit': '840471f401fbbb9aad04c584f50a01',
  'm/hq/state': '474d1c3202eae2bcf607d0ce96cf0101',
  'r/hq/state/table/0': '862cc0d8010203',
  'r/hq/state/vector': '69777c0b'
}

describe('the stored layout', () => {
  const space = spaceId('hq/state')
  const puts = [
    { key: 'table/0', value: Uint8Array.of(1, 2, 3) },
    { key: 'vector', value: Uint8Array.of() }
  ]

  it('is version 1, byte for byte', async () => {
    const level = new MemoryLevel()
    const store = await LevelStore.open({ source: level, clock: new ManualClock() })
    await (await store.open(space)).commit({ puts, deletes: [] })
    await store.close()
    expect(layoutVersion).toBe(1)
    expect(Object.fromEntries([...level.entries].map(([key, value]) => [key, Buffer.from(value).toString('hex')]))).toEqual(
      versionOne
    )
  })

  it('of version 1 is read as it was written', async () => {
    const level = new MemoryLevel()
    for (const [key, hex] of Object.entries(versionOne)) level.entries.set(key, Uint8Array.from(Buffer.from(hex, 'hex')))
    const store = await LevelStore.open({ source: level, clock: new ManualClock() })
    const state = await store.open(space)
    expect(store.damage).toBeUndefined()
    expect(state.loss).toBeUndefined()
    expect(await contents(state)).toEqual(puts.map(({ key, value }) => [key, value]))
    await store.close()
  })

  it('tells the space of a Level key', () => {
    expect(spaceOfLevelKey('r/hq/state/a')).toBe('hq/state')
    expect(spaceOfLevelKey('r/hq/state/a/b/c')).toBe('hq/state')
    expect(spaceOfLevelKey('r/hq/state/')).toBe('hq/state')
    expect(spaceOfLevelKey('m/hq/state')).toBe('hq/state')
    for (const stranger of ['r/hq/state', 'r/hq', 'r/', 'm/hq', 'm/', 'm/hq/state/a', 'r/HQ/state/a', 'r//state/a', 'r/hq//a'])
      expect(spaceOfLevelKey(stranger), stranger).toBeUndefined()
  })
})

describe('the number of a commit', () => {
  it('that could not be counted up from is not believed', async () => {
    const digest = new SetDigest()
    const tooHigh = Number.MAX_SAFE_INTEGER
    const stored = {
      '!version': encodeVersion(layoutVersion),
      '!commit': encodeCommitMark({ sequence: tooHigh, manifests: digest }),
      'm/hq/state': encodeManifest({ digest, sequence: tooHigh }),
      '!damage': encodeDamageMark({ sequence: tooHigh, message: 'x' })
    }
    for (const left of Object.keys(stored).slice(1)) {
      const level = new MemoryLevel()
      for (const [key, payload] of Object.entries(stored))
        if (key === '!version' || key === left) level.entries.set(key, frame(key, payload).bytes)
      const store = await LevelStore.open({ source: level, clock: new ManualClock() })
      const state = await store.open(spaceId('hq/state'))
      await state.commit({ puts: [{ key: 'a', value: Uint8Array.of(1) }], deletes: [] })
      expect(await state.get('a'), left).toEqual(Uint8Array.of(1))
      await store.close()
    }
  })
})

describe('the digest of a set of records', () => {
  it('follows from the set alone, whatever the order and the way there', () => {
    const random = seededRandom(3)
    const checksums = Array.from({ length: 200 }, () => random.uint32())
    const digest = SetDigest.of([...checksums, 17, 17])
    for (let n = 0; n < 500; n++) {
      const checksum = random.uint32()
      digest.add(checksum)
      digest.remove(checksum)
    }
    digest.remove(17)
    expect(digest.equals(SetDigest.of([17, ...checksums].reverse()))).toBe(true)
  })

  it('differs for any set that misses one, doubles one or has another one instead', () => {
    const random = seededRandom(4)
    for (let round = 0; round < 300; round++) {
      const checksums = Array.from({ length: 1 + below(random, 50) }, () => random.uint32())
      const digest = SetDigest.of(checksums)
      const at = below(random, checksums.length)
      expect(digest.equals(SetDigest.of(checksums.toSpliced(at, 1)))).toBe(false)
      expect(digest.equals(SetDigest.of([...checksums, checksums[at]!]))).toBe(false)
      expect(digest.equals(SetDigest.of(checksums.with(at, checksums[at]! ^ 1)))).toBe(false)
    }
  })
})
