/** A short run of every target, so that each goes on working and its seeds stay valid; the long runs are `npm run fuzz`. */
import { seededRandom } from '@selvedge/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { runPass } from './pass.js'
import { runTarget } from './run-target.js'
import { targetNamed, targets } from './targets/index.js'

/** Inputs of targets that bring a whole replica, a document or a signature with them; the others take a thousand. */
const dear: Readonly<Record<string, number>> = {
  session: 150,
  'session-deflated': 150,
  'document-channel': 60,
  'yjs-update': 150,
  'yjs-pull': 150,
  'automerge-change': 60,
  'automerge-sync': 60,
  'trunk-relay': 200,
  'trunk-node': 200,
  'node-key': 200,
  store: 300,
  'level-table': 300,
  watermark: 200,
  'space-log': 400,
  'space-registers': 60,
  'control-request': 200,
  'control-http': 150,
  'relay-http': 150
}

// Yjs prints what it makes of bad input.
beforeEach(() => void vi.spyOn(console, 'log').mockImplementation(() => {}))
afterEach(() => vi.restoreAllMocks())

describe('short runs', () => {
  it.each(targets.map(({ name }) => name))('%s', async name => {
    const to = dear[name] ?? 1_000
    const result = await runPass(targetNamed(name)!, { seed: 20_260, from: 0, to })
    expect(result.finding && [result.finding.problem, result.finding.stack]).toBeUndefined()
    expect(result.inputs).toBe(to)
    // Neither too tame nor all noise.
    expect(result.refused).toBeGreaterThan(0)
    expect(result.decoded).toBeGreaterThan(to / 100)
  })
})

describe('what is looked for is found', () => {
  const childModule = new URL('../../dist/fuzz/child.js', import.meta.url)
  const run = (name: string, inputs = 2_000) =>
    runTarget(targetNamed(name)!, { seed: 5, inputs, childModule, cpuMsMax: 300, growthBytesMax: 4 * 2 ** 20 })

  it('an error that is not ours, with the smallest input that makes it', async () => {
    const { finding } = await run('faulty-type')
    expect(finding?.problem).toContain('it threw a TypeError')
    expect(finding?.input).toHaveLength(1)
    expect(finding?.input[0]).toMatch(/^f[b-f]$/)
  })

  it('a code that nobody explains', async () => {
    const { finding } = await run('faulty-code')
    expect(finding?.problem).toContain('MADE_UP')
    expect(finding?.input[0]).toHaveLength(2 * 7)
  })

  it('an input that never ends', async () => {
    const { finding } = await run('faulty-loop')
    expect(finding?.problem).toMatch(/took more than .* of CPU/)
    expect(finding?.input[0]).toMatch(/f[b-f]/)
  })

  it('the end of the process', async () => {
    const { finding } = await run('faulty-exit')
    expect(finding?.problem).toContain('SIGABRT')
    expect(finding?.input[0]).toMatch(/f[b-f]/)
  })

  it('memory that is never given back', async () => {
    const { finding } = await run('faulty-growth', 4_000)
    expect(finding?.problem).toMatch(/the heap grew from .* over 4000 inputs/)
  })

  it('the same seed makes the same inputs', async () => {
    const inputs = async (): Promise<string[]> => {
      const target = targetNamed('entries')!
      const open = await target.open(seededRandom(1))
      const seen: string[] = []
      const take = open.take.bind(open)
      const result = await runPass(
        {
          ...target,
          open: () => ({ ...open, take: input => (seen.push(input.map(bytes => bytes.join()).join(';')), take(input)) })
        },
        { seed: 3, from: 0, to: 50 }
      )
      expect(result.inputs).toBe(50)
      return seen
    }
    expect(await inputs()).toEqual(await inputs())
  })
})
