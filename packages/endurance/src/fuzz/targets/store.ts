/** What the store reads back from the disk: its records, its database as a whole, the files of the database. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { below, spaceId, systemClock, type Random } from '@selvedge/core'
import { decoders as store, LevelStore, openLevelStore, type LevelSource } from '@selvedge/store'
import { hold, refused, type Input, type Target } from '../target.js'
import { many } from './sample-values.js'

const space = spaceId('hq/state')

function someDigest(random: Random): InstanceType<typeof store.SetDigest> {
  return store.SetDigest.of(many(below(random, 4), () => random.uint32()))
}

interface StoredKind {
  readonly key: string
  make(random: Random): Uint8Array
  decode(bytes: Uint8Array): unknown
  encode(decoded: never): Uint8Array
}

/** Records of the store itself, by the byte that chooses one in an input. */
const storedKinds: readonly StoredKind[] = [
  {
    key: `m/${space}`,
    make: random => store.encodeManifest({ digest: someDigest(random), sequence: random.uint32() }),
    decode: bytes => store.decodeManifest(`m/${space}`, bytes),
    encode: decoded => store.encodeManifest(decoded)
  },
  {
    key: '!commit',
    make: random => store.encodeCommitMark({ manifests: someDigest(random), sequence: random.uint32() }),
    decode: bytes => store.decodeCommitMark(bytes),
    encode: decoded => store.encodeCommitMark(decoded)
  },
  {
    key: '!damage',
    make: random => store.encodeDamageMark({ sequence: random.uint32(), message: 'it was repaired: ä' }),
    decode: bytes => store.decodeDamageMark(bytes),
    encode: decoded => store.encodeDamageMark(decoded)
  },
  {
    key: '!version',
    make: () => store.encodeVersion(1),
    decode: bytes => store.decodeVersion(bytes),
    encode: decoded => store.encodeVersion(decoded)
  }
]

const records: Target = {
  name: 'store-records',
  from: 'the database of a data directory',
  reaches: ['decodeManifest', 'decodeCommitMark', 'decodeDamageMark', 'decodeVersion', 'spaceOfLevelKey'],
  open: random => ({
    // The first byte chooses the record, the rest is its payload behind a checksum.
    corpus: many(16, i => [withFirst(i % 4, store.frame(storedKinds[i % 4]!.key, storedKinds[i % 4]!.make(random)).bytes)]),
    mend: ([bytes], source) => {
      if (below(source, 4) === 0 || bytes!.length < 5) return [bytes!]
      return [withFirst(bytes![0]!, store.frame(storedKinds[bytes![0]! % 4]!.key, bytes!.subarray(5)).bytes)]
    },
    take([bytes]) {
      const kind = storedKinds[(bytes![0] ?? 0) % 4]!
      const decoded = kind.decode(bytes!.subarray(1))
      const named = store.spaceOfLevelKey(`r/${new TextDecoder().decode(bytes!.subarray(1))}`)
      hold(named === undefined || spaceId(named) === named, 'a space was named that is none')
      if (decoded === 'corrupt') return 'refused'
      const again = kind.decode(store.frame(kind.key, kind.encode(decoded as never)).bytes)
      hold(JSON.stringify(again) === JSON.stringify(decoded), 'the record encodes to another')
      return 'decoded'
    }
  })
}

function withFirst(byte: number, bytes: Uint8Array): Uint8Array {
  const joined = new Uint8Array(bytes.length + 1)
  joined[0] = byte
  joined.set(bytes, 1)
  return joined
}

/** A database of a few entries, in memory. */
function sourceOf(entries: ReadonlyMap<string, Uint8Array>): LevelSource {
  const held = new Map(entries)
  return {
    location: 'memory',
    open: () =>
      Promise.resolve({
        database: {
          get: key => Promise.resolve(held.get(key)),
          async *entries({ gte, gt, lt }) {
            for (const key of [...held.keys()].sort())
              if ((gte === undefined || key >= gte) && (gt === undefined || key > gt) && (lt === undefined || key < lt))
                yield await Promise.resolve([key, held.get(key)!] as [string, Uint8Array])
          },
          batch(operations) {
            for (const operation of operations)
              if (operation.type === 'put') held.set(operation.key, operation.value)
              else held.delete(operation.key)
            return Promise.resolve()
          },
          close: () => Promise.resolve()
        }
      })
  }
}

const storeKeys = [
  '!version',
  '!commit',
  '!damage',
  `m/${space}`,
  `r/${space}/a`,
  `r/${space}/b/c`,
  `r/${space}/d`,
  'stranger',
  'r/x'
]

const wholeStore: Target = {
  name: 'store',
  from: 'the database of a data directory, as a whole',
  reaches: ['LevelStore'],
  open: async random => {
    // An input has a message for each key; an empty one means that the key is missing.
    const entries = new Map<string, Uint8Array>()
    const source = sourceOf(entries)
    const { database } = await source.open('none')
    const opened = await LevelStore.open({ source, clock: systemClock })
    const live = await opened.open(space)
    await live.commit({ puts: ['a', 'b/c', 'd'].map(key => ({ key, value: random.bytes(12) })), deletes: [] })
    await opened.close()
    for await (const [key, value] of database.entries({})) entries.set(key, value)
    return {
      corpus: [storeKeys.map(key => entries.get(key) ?? new Uint8Array(0))],
      messagesMax: storeKeys.length,
      mend: (input, from) =>
        input.map((bytes, i) =>
          bytes.length > 4 && below(from, 3) === 0 ? store.frame(storeKeys[i] ?? 'more', bytes.subarray(4)).bytes : bytes
        ),
      async take(input) {
        const given = new Map(
          input.flatMap((bytes, i) => (bytes.length > 0 ? [[storeKeys[i] ?? `r/${space}/${i}`, bytes] as const] : []))
        )
        try {
          const mended = await LevelStore.open({ source: sourceOf(given), clock: systemClock })
          const held = await mended.open(space)
          for await (const { key, value } of held.read())
            hold(
              Buffer.compare(store.frame(`r/${space}/${key}`, value).bytes, given.get(`r/${space}/${key}`)!) === 0,
              'it gave what was not written'
            )
          await held.commit({ puts: [{ key: 'new', value: Uint8Array.of(1) }], deletes: [] })
          hold((await held.get('new'))?.length === 1, 'it forgot what it took')
          await mended.close()
          return 'decoded'
        } catch (error) {
          return refused(error)
        }
      }
    }
  }
}

const levelTable: Target = {
  name: 'level-table',
  from: 'table files of the database',
  reaches: ['inspectTable'],
  open: async random => {
    const files = await tableFiles(random)
    return {
      corpus: files.map(bytes => [bytes]),
      bytesMax: 64 * 1024,
      take([bytes]) {
        const before = Buffer.from(bytes!)
        const found = store.inspectTable(bytes!)
        hold(before.equals(bytes!), 'it changed the file that it was given')
        if (found.state === 'lost') return 'refused'
        if (found.state === 'damaged') {
          hold(found.mended.length === bytes!.length, 'a mended table has another size')
          hold(store.inspectTable(found.mended).state === 'sound', 'a mended table is not sound')
        }
        return 'decoded'
      }
    }
  }
}

/** Table files as the database itself writes them: at an opening it turns its log into one. */
async function tableFiles(random: Random): Promise<Uint8Array[]> {
  const directory = mkdtempSync(join(tmpdir(), 'selvedge-fuzz-level-'))
  try {
    for (let round = 0; round < 2; round++) {
      const opened = await openLevelStore({ directory, clock: systemClock })
      const held = await opened.open(space)
      await held.commit({ puts: many(120, i => ({ key: `k/${round}/${i}`, value: random.bytes(60) })), deletes: [] })
      await opened.close()
    }
    await (await openLevelStore({ directory, clock: systemClock })).close()
    const tables = readdirSync(directory).filter(name => /\.(ldb|sst)$/.test(name))
    return tables.map(name => new Uint8Array(readFileSync(join(directory, name))))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const watermark: Target = {
  name: 'watermark',
  from: 'the watermark file of a data directory',
  reaches: ['WatermarkFile'],
  open: async () => {
    const directory = mkdtempSync(join(tmpdir(), 'selvedge-fuzz-mark-'))
    const path = join(directory, 'WATERMARK')
    const corpus: Input[] = []
    for (const sequence of [0, 1, 12_345, 2 ** 52]) {
      const file = new store.WatermarkFile(path)
      await file.write(sequence)
      await file.close()
      corpus.push([new Uint8Array(readFileSync(path))])
    }
    return {
      corpus,
      async take([bytes]) {
        writeFileSync(path, bytes!)
        const sequence = await new store.WatermarkFile(path).read()
        hold(sequence === undefined || (Number.isSafeInteger(sequence) && sequence >= 0), 'it gave what is no number of a commit')
        return sequence === undefined ? 'refused' : 'decoded'
      },
      close: () => rmSync(directory, { recursive: true, force: true })
    }
  }
}

export const storeTargets: readonly Target[] = [records, wholeStore, levelTable, watermark]
