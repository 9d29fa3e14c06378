import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { below, seededRandom, silentLogger } from '@selvedge/core'
import { loadNodeKey } from '@selvedge/network'
import { openSite } from './open-site.js'

const child = fileURLToPath(new URL('./testing/crash-child.mjs', import.meta.url))
const loops = Number(process.env['SELVEDGE_CRASH_LOOPS'] ?? 5)
const seed = Number(process.env['SELVEDGE_CRASH_SEED'] ?? 20_260_101)

interface Acknowledged {
  readonly points: Map<string, number>
  readonly notes: Map<string, number>
  readonly config: Map<string, number>
}

/** Runs the child until `lines` acknowledgements were read, kills it, and adds what it had acknowledged. */
async function runAndKill(dataDir: string, roster: string, round: number, lines: number, seen: Acknowledged): Promise<void> {
  const process_ = spawn(process.execPath, [child, dataDir, roster, String(round)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  let errors = ''
  let count = 0
  process_.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  await new Promise<void>(resolve => {
    process_.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      count += chunk.toString().split('\n').length - 1
      if (count >= lines) process_.kill('SIGKILL')
    })
    process_.once('close', () => resolve())
  })
  if (!text.startsWith('open')) throw new Error(`the child did not open: ${errors}`)
  // A line that was cut off in the middle was never read as an acknowledgement.
  for (const line of text.slice(0, text.lastIndexOf('\n')).split('\n')) {
    const [kind, key, value] = line.split(' ')
    if (kind === 'point') seen.points.set(key!, Number(value))
    if (kind === 'note') seen.notes.set(key!, Number(value))
    if (kind === 'config') seen.config.set(key!, Number(value))
  }
}

describe('kill -9', () => {
  it(
    `loses nothing that was acknowledged, in ${loops} rounds on one directory`,
    { timeout: 120_000 + loops * 20_000 },
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'selvedge-crash-'))
      const random = seededRandom(seed)
      const seen: Acknowledged = { points: new Map(), notes: new Map(), config: new Map() }
      try {
        const { key } = loadNodeKey(join(directory, 'node.key'))
        const roster = join(directory, 'roster.json')
        await writeFile(roster, JSON.stringify({ site: 'hq', nodes: [{ name: 'hq-1', node: key.node }] }))
        for (let round = 1; round <= loops; round++) {
          await runAndKill(directory, roster, round, 20 + below(random, 2_000), seen)
          const site = await openSite({ site: 'hq', dataDir: directory, roster, mesh: false, control: false, log: silentLogger })
          const where = `round ${round}, seed ${seed}`
          expect(site.health.alarms, where).toEqual([])
          for (const [path, value] of seen.points)
            expect(Number(site.points.get(path)?.value), `${where}: ${path}`).toBeGreaterThanOrEqual(value)
          const notes = site.document('notes')
          await notes.loaded
          for (const [name, value] of seen.notes)
            expect(notes.doc.getMap('m').get(name), `${where}: note ${name}`).toBeGreaterThanOrEqual(value)
          const config = await site.config('lighting')
          const content = config.current() as Record<string, number>
          for (const [name, value] of seen.config) expect(content[name], `${where}: config ${name}`).toBeGreaterThanOrEqual(value)
          await site.close()
        }
        expect(seen.points.size).toBeGreaterThan(0)
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    }
  )
})
