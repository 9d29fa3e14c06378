/**
 * One process of the question `reopen`: makes the stored points of a node or of a bare Level database, or opens what another process
 * made. The same writes go to both: every point once, then half of them again in random order, so that either has what is dead.
 */
import {
  below,
  ByteReader,
  ByteWriter,
  readValue,
  seededRandom,
  silentLogger,
  spaceId,
  systemClock,
  systemRandom,
  writeValue,
  type Value
} from '@selvedge/core'
import { loadNodeKey } from '@selvedge/network'
import { Replica } from '@selvedge/replica'
import { openLevelStore } from '@selvedge/store'
import { Level } from 'level'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { answering } from '../child.js'
import { openLoneSite } from '../lone-site.js'

export interface ReopenRequest {
  readonly path: string
  readonly points: number
}

export interface Opened {
  readonly ms: number
  readonly peakRssBytes: number
}

const state = spaceId('hq/state')
const chunk = 5_000

function pathOf(i: number): string {
  return `zone/${i % 1_000}/sensor-${Math.floor(i / 1_000)}/value`
}

/** Indexes of the points written, in order. */
function* writes(points: number): Generator<number> {
  for (let i = 0; i < points; i++) yield i
  const random = seededRandom(1)
  for (let i = 0; i < points / 2; i++) yield below(random, points)
}

async function makeSite({ path, points, close }: ReopenRequest & { close: boolean }): Promise<void> {
  const site = await openLoneSite(path)
  let n = 0
  for (const i of writes(points)) {
    const receipt = site.points.set(pathOf(i), n / 10)
    if (++n % chunk === 0) await receipt.durable('local')
  }
  await site.points.set(pathOf(0), 1).durable('local')
  if (close) await site.close()
}

interface Held {
  readonly value: Value
  readonly time: number
  readonly writer: number
  readonly seq: number
}

const levelOptions = { keyEncoding: 'utf8', valueEncoding: 'view' } as const

async function makeLevel({ path, points }: ReopenRequest): Promise<void> {
  const level = new Level<string, Uint8Array>(path, levelOptions)
  const out = new ByteWriter()
  let n = 0
  let operations: { type: 'put'; key: string; value: Uint8Array }[] = []
  for (const i of writes(points)) {
    out.clear()
    writeValue(out, n / 10)
    out
      .int(Date.now() * 4096)
      .uint(0)
      .uint(++n)
    operations.push({ type: 'put', key: pathOf(i), value: out.finish() })
    if (n % chunk > 0) continue
    await level.batch(operations, { sync: true })
    operations = []
  }
  await level.batch(operations, { sync: true })
  await level.close()
}

async function timed(points: number, open: () => Promise<() => number>): Promise<Opened> {
  globalThis.gc?.()
  await nextTurn()
  const start = performance.now()
  const count = await open()
  const ms = performance.now() - start
  if (count() !== points) throw new Error(`${count()} of ${points} points are there`)
  return { ms, peakRssBytes: process.resourceUsage().maxRSS * 1024 }
}

answering({
  makeSite,
  makeLevel,
  openSite: ({ path, points }: ReopenRequest) =>
    timed(points, async () => {
      const site = await openLoneSite(path)
      return () => site.space('state').replica.table.live
    }),
  openSpace: async ({ path, points }: ReopenRequest) => {
    const { node } = loadNodeKey(join(path, 'node.key')).key
    const environment = { clock: systemClock, random: systemRandom, log: silentLogger }
    return timed(points, async () => {
      const store = await openLevelStore({ directory: join(path, 'store'), ...environment })
      const replica = new Replica({ node, role: 'node', environment, store })
      const space = await replica.openSpace(state, { residency: 'trunk', members: () => [] })
      return () => space.table.live
    })
  },
  openLevel: ({ path, points }: ReopenRequest) =>
    timed(points, async () => {
      const level = new Level<string, Uint8Array>(path, levelOptions)
      await level.open()
      const held = new Map<string, Held>()
      const iterator = level.iterator({ ...levelOptions, highWaterMarkBytes: 64 * 1024, fillCache: false })
      for (;;) {
        const entries = await iterator.nextv(1_000)
        if (entries.length === 0) break
        for (const [key, bytes] of entries) {
          const reader = new ByteReader(bytes)
          held.set(key, { value: readValue(reader), time: reader.int(), writer: reader.uint(), seq: reader.uint() })
        }
      }
      await iterator.close()
      return () => held.size
    })
})
