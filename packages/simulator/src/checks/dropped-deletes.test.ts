/** What the checks make of a delete that is had and not there: it was collected, or it was lost. */
import { describe, expect, it } from 'vitest'
import type { RegisterTable } from '@selvedge/documents'
import type { Check } from './check.js'
import { DotsAndCoverage } from './dots-and-coverage.js'
import { NoResurrection } from './no-resurrection.js'
import { CheckedRun } from './testing/checked-run.js'
import { machinesOf } from './views.js'

function tablesOf({ world }: CheckedRun): RegisterTable[] {
  return machinesOf(world).flatMap(({ replica }) =>
    [...(replica?.spaces.values() ?? [])].filter(({ id }) => id === 'hq/state').map(({ table }) => table)
  )
}

/** A point was written and is deleted, which the second node has not heard of; or all have. */
async function deleted(check: Check, { secondHears }: { secondHears: boolean }): Promise<CheckedRun> {
  const run = new CheckedRun({ seed: 1, lan: { latencyMs: 1 }, trunk: { latencyMs: 20 } }, [check])
  await run.start()
  const [one, two] = run.nodes
  one!.open!.points.set('lamp', 'on')
  await run.elapse(2_000)
  if (!secondHears)
    for (const { name } of run.world.processes) if (name !== two!.name) run.world.network.setState(name, two!.name, 'closed')
  one!.open!.points.delete('lamp')
  await run.elapse(2_000)
  return run
}

describe('dots and coverage', () => {
  it('find a delete that is gone though it was never collected, and nothing where it was', async () => {
    for (const collected of [false, true]) {
      const run = await deleted(new DotsAndCoverage(), { secondHears: true })
      const table = tablesOf(run)[1]!
      if (collected) table.collect(({ path }) => path === 'lamp')
      else table['holdings'].drop(table.peek('lamp')!)
      expect(table.peek('lamp')).toBeUndefined()
      run.nodes[1]!.kill()
      await run.elapse(1_000)
      expect(run.found).toEqual(collected ? [] : ['dots-and-coverage: covered and absent: a point'])
    }
  })
})

describe('no resurrection', () => {
  it('finds a late returner that keeps what all others have had, deleted and forgotten', async () => {
    for (const keeps of [true, false]) {
      const run = await deleted(new NoResurrection(), { secondHears: false })
      const [one, two] = tablesOf(run)
      const { writer, seq } = one!.peek('lamp')!
      for (const table of tablesOf(run)) if (table !== two) table.collect(({ path }) => path === 'lamp')
      if (!keeps) two!['holdings'].drop(two!.peek('lamp')!)
      two!.seal({ seqs: new Map([[writer.key, seq]]), closed: new Map() })
      await run.elapse(1_000)
      expect(run.found).toEqual(keeps ? ['no-resurrection: a deleted register is back, as a late returner keeps it'] : [])
    }
  })
})
