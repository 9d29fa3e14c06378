/** abstract-level's own suite, on a simulated disk whose time passes by itself. */
import { createRequire } from 'node:module'
import tape from 'tape'
import { expect, it } from 'vitest'
import { seededRandom } from '@selvedge/core'
import { Kernel } from '../kernel.js'
import { SimulatedDisk } from './simulated-disk.js'
import { SimulatedLevel } from './simulated-level.js'
import { runningKernel } from './testing/running-kernel.js'

// The suite has no types.
const suite = createRequire(import.meta.url)('abstract-level/test') as (options: {
  readonly test: object
  readonly factory: (options?: object) => object
}) => void

it('passes the suite of abstract-level', { timeout: 300_000 }, async () => {
  const running = runningKernel(new Kernel())
  const harness = tape.createHarness()
  const failed: string[] = []
  let asserted = 0
  let disks = 0
  const stream = harness.createStream({ objectMode: true })
  const ended = new Promise<void>(resolve => stream.on('end', resolve))
  let test = ''
  stream.on('data', (row: { type: string; name?: string; ok?: boolean; operator?: string; actual?: unknown }) => {
    if (row.type === 'test') test = String(row.name)
    if (row.type !== 'assert') return
    asserted++
    if (!row.ok) failed.push(`${test}: ${String(row.name)} (${String(row.actual)})`)
  })
  suite({
    test: harness,
    factory: options => {
      const disk = new SimulatedDisk(running.kernel, `d${disks++}`, seededRandom(disks))
      disk.speed = { syncMs: [0, 1], openMs: [0, 1] }
      return new SimulatedLevel(disk.open(), options)
    }
  })
  await ended
  running.stop()
  expect(failed).toEqual([])
  expect(asserted).toBeGreaterThan(5_000)
})
