import { describe, expect, it } from 'vitest'
import { below, seededRandom, spaceId } from '@selvedge/core'
import { usualChecks } from './index.js'
import { canaryText } from './residency.js'
import { CheckedRun } from './testing/checked-run.js'

const state = spaceId('hq/state')

/** A building's day: points of all kinds, documents, config, cuts and kills. */
async function day(seed: number): Promise<CheckedRun> {
  const run = new CheckedRun(
    { seed, lan: { latencyMs: 0.5, jitterMs: 1, loss: 0.01 }, trunk: { latencyMs: 20, jitterMs: 20, loss: 0.01 } },
    usualChecks()
  )
  const { world, nodes, history } = run
  const random = seededRandom(seed).fork('day')
  await run.start()
  let count = 0
  for (let step = 0; step < 60 && run.findings.length === 0; step++) {
    const node = nodes[below(random, nodes.length)]!
    const site = node.open
    const dice = below(random, 14)
    const note = { atMs: run.nowMs, host: node.name, space: state }
    if (site && dice < 4) {
      const receipt = site.points.set(`ahu/${below(random, 8)}/temp`, ++count)
      receipt.durable((['local', 'site', 'relay'] as const)[below(random, 3)]!).catch(() => undefined)
    } else if (site && dice === 4) site.points.delete(`ahu/${below(random, 8)}/temp`)
    else if (site && dice === 5) {
      const { dot } = site.points.counter('meter/kwh').increment(3)
      history.add('incremented', { ...note, path: 'meter/kwh', by: 3, dot })
    } else if (site && dice === 6) {
      const elements = site.points.elements('zone/tags')
      if (random.float() < 0.5) elements.add(`tag-${below(random, 4)}`)
      else elements.remove(`tag-${below(random, 4)}`)
    } else if (site && dice === 7) {
      const level = site.points.priority('light/level')
      if (random.float() < 0.7) level.write(1 + below(random, 16), ++count, random.float() < 0.3 ? { expiresInMs: 20_000 } : {})
      else level.relinquish(1 + below(random, 16))
    } else if (site && dice === 8) {
      const adds = `note-${++count}.`
      const document = site.document('notes')
      document.doc.getArray('list').push([adds])
      document.close()
      const edit = { ...note, document: 'notes', engine: 'yjs' as const, adds }
      history.add('edited', edit)
      site
        .space('state')
        .documentDurable('notes', 'local')
        .then(
          () => history.add('editAcknowledged', { ...note, edit, level: 'local' }),
          () => undefined
        )
    } else if (site && dice === 9) site.space('local').points.set(`door/${below(random, 4)}`, `${canaryText} ${++count}`)
    else if (dice === 10) {
      const victim = world.processes[below(random, 4)]!
      if (victim.open) victim.kill()
      else victim.start()
    } else if (dice === 11) {
      const [a, b] = [world.processes[below(random, 4)]!.name, world.processes[below(random, 4)]!.name]
      if (a !== b) world.network.setState(a, b, random.float() < 0.5 ? 'silent' : 'closed', random.float() < 0.3)
    } else if (dice === 12) world.network.mend()
    else if (dice === 13) {
      // Two sides write one point, and neither knows of the other.
      for (const { name } of nodes.slice(1)) world.network.setState('hq-1', name, 'closed')
      for (const { name } of nodes) world.network.setState(name, 'relay', 'closed')
      await run.elapse(100)
      for (const { open } of nodes) open?.points.set('zone/setpoint', ++count)
      await run.elapse(5_000)
      world.network.mend()
    }
    await run.elapse(below(random, 3_000))
  }
  await run.finish()
  return run
}

describe('the usual checks', () => {
  const seeds = Number(process.env['SEEDS'] ?? 3),
    first = Number(process.env['FIRST'] ?? 1)
  it('pass a sound world, with evidence', { timeout: 3_000_000 }, async () => {
    const passed = new Set<string>()
    for (let seed = first; seed < first + seeds; seed++) {
      const run = await day(seed)
      expect({ seed, findings: run.findings }).toEqual({ seed, findings: [] })
      for (const [name, verdict] of run.verdicts) if (verdict === 'pass') passed.add(name)
    }
    expect([...passed].sort()).toEqual(
      usualChecks()
        .map(({ name }) => name)
        .sort()
    )
  })
})
