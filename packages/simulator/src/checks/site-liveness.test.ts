import { describe, expect, it } from 'vitest'
import type { SimulatedNode } from '../world.js'
import { Convergence } from './convergence.js'
import { CheckedRun } from './testing/checked-run.js'

const found = ['convergence: nobody holds the trunk']

async function started(): Promise<{ run: CheckedRun; holder: SimulatedNode; others: readonly SimulatedNode[] }> {
  const run = new CheckedRun({ seed: 1, lan: { latencyMs: 1 }, trunk: { latencyMs: 20 } }, [new Convergence()])
  await run.start()
  await run.elapse(35_000)
  const holder = run.nodes.find(({ open }) => open!['holder']!.session)!
  return { run, holder, others: run.nodes.filter(node => node !== holder) }
}

/** Nothing that a node hears makes it dial. */
function deafen({ open }: SimulatedNode): void {
  open!['holder']!['closed'] = true
}

describe('the trunk', () => {
  it.each([
    ['in time', false],
    ['never, and that is found', true]
  ])('of a holder that is gone is taken over %s', async (_, isBroken) => {
    const { run, holder, others } = await started()
    if (isBroken) others.forEach(deafen)
    holder.powerOff()
    await run.elapse(30_000)
    expect(run.found).toEqual(isBroken ? found : [])
  })

  it('of a site that is split has a holder on each side that can reach the relay', async () => {
    for (const isCut of [true, false]) {
      const { run, holder, others } = await started()
      for (const node of others) {
        deafen(node)
        for (const cut of isCut ? [holder.name, 'relay'] : [holder.name]) run.world.network.setState(node.name, cut, 'silent')
      }
      await run.elapse(20_000)
      expect(run.found).toEqual(isCut ? [] : found)
    }
  })

  it('that an operator has switched off is missed by nobody', async () => {
    const { run } = await started()
    for (const { open } of run.nodes) open!.setTrunkEnabled(false)
    await run.elapse(60_000)
    expect(run.found).toEqual([])
  })
})

it('a write that does not arrive is found before anything is healed', async () => {
  for (const isStuck of [true, false]) {
    const { run, holder, others } = await started()
    if (isStuck) for (const { session } of holder.open!['replica']!.peers()) session['credit']['bytes'] = -1e9
    for (const { open } of [holder, ...others]) open!.points.set('lamp', 1)
    await run.elapse(60_000)
    expect(run.found).toEqual(isStuck ? ['convergence: a write does not arrive'] : [])
  }
})
