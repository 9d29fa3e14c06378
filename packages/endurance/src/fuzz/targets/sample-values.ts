/** Values and registers of every kind, as seeds of inputs. */
import {
  below,
  hlcFromMs,
  ManualClock,
  nodeId,
  OpaqueValue,
  seededRandom,
  TrustedClock,
  type Random,
  type Value
} from '@selvedge/core'
import { RegisterTable } from '@selvedge/documents'

export const sampleNode = nodeId('12D3KooWJZgNXyA4YKu1xHbCqYVuMRvfaD1tyYqPNvGmVGvJzZqX')
export const otherNode = nodeId('node-b')
/** Wall milliseconds at which every fuzzed replica lives. */
export const wallMs = Date.UTC(2026, 0, 1)

/** Keys that a careless reader of objects trips over. */
const keys = [
  'value',
  'time',
  '__proto__',
  'constructor',
  'toString',
  'valueOf',
  'length',
  'then',
  'toJSON',
  '',
  'node',
  'ärmel 🌊'
]
const numbers = [
  0,
  1,
  -1,
  0.1,
  21.5,
  -40.125,
  1e21,
  5e-324,
  2 ** 31,
  2 ** 52,
  -(2 ** 52),
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER
]
const texts = ['', 'auto', 'é', '🌊', 'a'.repeat(200), '\u0000', '\ufeffbom', '{"$bytes":1}']

export function sampleValue(random: Random, depth = 0): Value {
  switch (below(random, depth > 3 ? 7 : 10)) {
    case 0:
      return null
    case 1:
      return below(random, 2) === 0
    case 2:
      return numbers[below(random, numbers.length)]!
    case 3:
      return Math.round(random.float() * 1e6) / 10 ** below(random, 4)
    case 4:
      return texts[below(random, texts.length)]!
    case 5:
      return random.bytes(below(random, 20))
    case 6:
      return new OpaqueValue(16 + below(random, 240), random.bytes(below(random, 8)))
    case 7:
      return Array.from({ length: below(random, 5) }, () => sampleValue(random, depth + 1))
    default:
      return Object.fromEntries(
        Array.from({ length: below(random, 5) }, () => [keys[below(random, keys.length)]!, sampleValue(random, depth + 1)])
      )
  }
}

export const samplePaths = [
  'ahu/1/supply-temp',
  'ahu/1/fan',
  'ahu/2/supply-temp',
  'door/ä/locked',
  'm',
  '@doc/notes',
  '@release/hvac'
]

export function newTable(seed: number, node = sampleNode, onAlarm?: () => void): RegisterTable {
  return new RegisterTable({
    node,
    trusted: new TrustedClock(new ManualClock(wallMs), 300_000),
    random: seededRandom(seed),
    ...(onAlarm ? { onAlarm } : {})
  })
}

/** A table with a few registers of every kind, written here and by two others. */
export function sampleTable(random: Random, node = sampleNode): RegisterTable {
  const table = newTable(random.uint32(), node)
  const writers = ['node-b', 'node-c'].map(name =>
    table.writer(`${name}~${(1n << 53n).toString(16).padStart(14, '0')}${'0'.repeat(7)}1`)
  )
  for (const path of samplePaths.slice(0, 5)) table.set(path, sampleValue(random))
  table.batch(() => {
    table.set('scene/evening', 'dim', { quality: 'uncertain' })
    table.set('scene/evening', 3, { slot: 'level', quality: 'bad' })
  })
  table.set('override/1', true, { expiresAtMs: wallMs + 60_000 })
  table.delete('ahu/2/supply-temp')
  let seq = 0
  for (const writer of writers)
    for (const path of samplePaths.slice(1, 6)) {
      const time = hlcFromMs(wallMs + (below(random, 8) === 0 ? 3_600_000 : -1_000)) + below(random, 3)
      const value = below(random, 5) === 0 ? undefined : sampleValue(random)
      table.merge(
        {
          path,
          slot: below(random, 3) === 0 ? 's' : '',
          value,
          time,
          writer,
          seq: (seq += 1 + below(random, 2)),
          quality: 0,
          expiresAtMs: 0,
          batch: 0
        },
        99
      )
    }
  table.seal({ seqs: new Map([[writers[0]!.key, 4]]), closed: new Map([[nodeId('gone'), hlcFromMs(wallMs - 1e9)]]) })
  return table
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Text of bytes, as a file or a request would be read. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

export function many<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}
