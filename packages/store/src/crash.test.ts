/**
 * kill -9 at random moments: everything that was acknowledged is there, batches are whole, and no loss is told.
 * The writer is a process of its own that runs the built package. SELVEDGE_CRASH_LOOPS says how often (default 10).
 */
import { below, seededRandom, spaceId, systemClock } from '@selvedge/core'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openLevelStore } from './open-level-store.js'
import { temporaryDirectory } from './testing/temporary-directory.js'

const loops = Number(process.env['SELVEDGE_CRASH_LOOPS'] ?? 10)
const seed = 4711

describe('a store whose process is killed', () => {
  it(`keeps what it acknowledged, ${loops} times`, { timeout: 30_000 + loops * 5_000 }, async () => {
    const dist = join(import.meta.dirname, '..', 'dist', 'index.js')
    await access(dist).catch(() => expect.fail(`${dist} is missing: run npm run build first (npm test does)`))
    const directory = await temporaryDirectory()
    const random = seededRandom(seed)
    const acknowledged = new Map<string, number>()
    for (let loop = 0; loop < loops; loop++) {
      const label = `seed ${seed}, loop ${loop}`
      const first = (loop + 1) * 1_000_000
      const acks = await writeUntilKilled(directory.path, first, 10 + below(random, 1500), acknowledged)
      expect(acks, label).toBeGreaterThan(0)

      const store = await openLevelStore({ directory: directory.path, clock: systemClock })
      expect(store.damage, label).toBeUndefined()
      for (const id of ['hq/state', 'hq/local', 'fleet/config']) {
        const space = await store.open(spaceId(id))
        expect(space.loss, `${label}: ${id}`).toBeUndefined()
        for (let writer = 0; writer < 4; writer++) {
          const a = await numberAt(space.get(`writer/${writer}/a`))
          const last = acknowledged.get(`${id} ${writer}`) ?? 0
          expect(a, `${label}: ${id}, writer ${writer}`).toBeGreaterThanOrEqual(last)
          expect(await numberAt(space.get(`writer/${writer}/b`)), label).toBe(a)
          if (a === 0) continue
          expect(await numberAt(space.get(`log/${writer}/${a % 20}`)), label).toBe(a)
          expect(await space.get(`log/${writer}/${(a + 10) % 20}`), label).toBeUndefined()
        }
      }
      await store.close()
    }
    await directory.remove()
  })
})

/** Kills the writer after so many acknowledgements; returns how many there were. */
async function writeUntilKilled(
  directory: string,
  first: number,
  killAfter: number,
  acknowledged: Map<string, number>
): Promise<number> {
  const script = join(import.meta.dirname, 'testing', 'crash-writer.mjs')
  const child = spawn(process.execPath, [script, directory, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let acks = 0
  for await (const line of createInterface(child.stdout)) {
    const [id, writer, n] = line.split(' ')
    acknowledged.set(`${id} ${writer}`, Number(n))
    if (++acks === killAfter) child.kill('SIGKILL')
  }
  const [exitCode, signal] = (await exited) as [number | null, string | null]
  expect({ exitCode, signal }).toEqual({ exitCode: null, signal: 'SIGKILL' })
  return acks
}

async function numberAt(value: Promise<Uint8Array | undefined>): Promise<number> {
  const bytes = await value
  return bytes ? Number(Buffer.from(bytes).toString().split(':')[0]) : 0
}
