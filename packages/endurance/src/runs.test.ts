/** Every long run, short: the processes are real, and so are the checks; what only time shows (growth) is left out. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCuts } from './cuts.js'
import { runExile } from './exile.js'
import { runKills } from './kills.js'
import { runSoak } from './soak.js'
import type { Running } from './verdict.js'

const running: Running = { progress: () => undefined, say: () => undefined, signal: new AbortController().signal }
const load = { nodes: 3, rate: 200, points: 200, settleWithinMs: 60_000 }
const seed = 20_260_101
// Four processes are started, some of them again and again, on a machine that may be busy.
const timeout = 300_000

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'selvedge-endurance-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('the long runs, short', () => {
  it('kills: nothing that was acknowledged is lost', { timeout }, async () => {
    const verdict = await runKills({ ...running, ...load, loops: 3, seed })
    expect(verdict).toMatchObject({ held: true, problems: [], loops: 3 })
    expect(verdict.kills).toBeGreaterThanOrEqual(3)
    expect(verdict.receipts).toBeGreaterThan(0)
    expect(verdict.errands).toBeGreaterThan(0)
  })

  it('cuts: both sides merge, and say so', { timeout }, async () => {
    const verdict = await runCuts({ ...running, ...load, loops: 3, seed, judge: false, conflicts: 50 })
    expect(verdict).toMatchObject({ held: true, problems: [], loops: 3 })
    expect(verdict.merges).toBeGreaterThan(0)
    expect(verdict.receipts).toBeGreaterThan(0)
  })

  it('soak: equal at the end, with samples and a chart', { timeout }, async () => {
    const minutes = 8 / 60
    const verdict = await runSoak({
      ...running,
      ...load,
      minutes,
      seed,
      sampleEveryMs: 1_000,
      out: directory,
      judge: false,
      conflicts: 50
    })
    expect(verdict).toMatchObject({ held: true, problems: [], stopped: false })
    const samples = (await readFile(join(directory, 'samples.ndjson'), 'utf8')).trim().split('\n')
    expect(samples).toHaveLength(8 * 4)
    expect(JSON.parse(samples[0]!)).toMatchObject({ process: 'n1', diskBytes: expect.any(Number) })
    expect(await readFile(verdict.chart!, 'utf8')).toContain('<polyline')
  })

  it('soak: stopped, it reports what it has seen', { timeout }, async () => {
    const stop = new AbortController()
    const progress = (text: string): void => void (/writes\/s/.test(text) && stop.abort())
    const verdict = await runSoak({
      ...load,
      say: () => undefined,
      progress,
      signal: stop.signal,
      minutes: 60,
      seed,
      sampleEveryMs: 500,
      out: directory,
      judge: false,
      conflicts: 10
    })
    expect(verdict).toMatchObject({ held: true, stopped: true, problems: [] })
    expect(verdict.writes).toBeGreaterThan(0)
  })

  it('exile: what is kept and what is sent depends on points, not on writes', { timeout }, async () => {
    const verdict = await runExile({ ...running, points: 300, rate: 2, shortDays: 0.02, longDays: [0.02, 0.2], seed })
    expect(verdict).toMatchObject({ held: true, problems: [] })
    const [short, early, late] = verdict.rows
    expect(late!.writes).toBeGreaterThan(9 * early!.writes)
    expect(short!.merge!.conflicts).toBeGreaterThan(0)
    expect(early!.merge).toBeUndefined()
    expect(late!.merge!.bytes).toBeGreaterThan(0)
  })
})
