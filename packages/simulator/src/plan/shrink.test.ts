import { describe, expect, it } from 'vitest'
import type { Json, Plan } from './plan.js'
import type { RunResult } from './run-plan.js'
import { scenario } from './scenario.js'
import { shrink } from './shrink.js'

const empty = scenario('toy')

function toy(operations: number): Plan {
  return {
    version: 1,
    scenario: 'toy',
    seed: 1,
    world: {
      epochMs: 0,
      relay: true,
      sites: ['a', 'b'].map(id => ({ id, nodes: [`${id}-1`, `${id}-2`], lan: { jitterMs: 1 }, trunk: { loss: 0.1 } }))
    },
    operations: Array.from({ length: operations }, (_, i) => ({
      id: `w0.${i}`,
      atMs: 1_000 * (i + 1),
      by: i % 2 === 0 ? 'a-1' : 'b-1',
      kind: 'set',
      args: i,
      ...(i === 40 ? { needs: ['w0.30'] } : {})
    })),
    faults: [5, 20, 70].map(i => ({
      id: `s${i}`,
      atMs: i * 1_000,
      forMs: 8_000,
      kind: 'partition',
      args: { groups: [['a-1'], ['a-2', 'b-2']] }
    })),
    untilMs: 1_000 * (operations + 10)
  }
}

/** Stands for a run: the check fails at the first operation that `culprit` names, while a fault is on. */
function failing(culprit: (args: Json, plan: Plan) => string | undefined) {
  return async (plan: Plan): Promise<RunResult> => {
    const found = plan.operations.flatMap(({ args, atMs }) => {
      const fingerprint = culprit(args, plan)
      return fingerprint === undefined
        ? []
        : [{ check: 'toy', fingerprint, sentence: '', details: null, atMs, event: 0, kind: 'safety' as const }]
    })[0]
    return {
      scenario: 'toy',
      seed: 1,
      verdicts: {},
      finding: found,
      reached: [],
      traceHash: '',
      events: 0,
      simulatedMs: 0,
      story: []
    }
  }
}

describe('shrinking', () => {
  it('leaves what the failure needs, and what that needs', async () => {
    const run = failing((args, { operations, faults }) =>
      args === 40 && operations.some(other => other.args === 30) && faults.some(({ id }) => id === 's20') ? 'f' : undefined
    )
    const plan = toy(100)
    const { plan: small, finished } = await shrink(empty, plan, await run(plan), { run })
    expect(finished).toBe(true)
    expect(small.operations.map(({ args }) => args)).toEqual([30, 40])
    expect(small.faults.map(({ id, args }) => ({ id, args }))).toEqual([{ id: 's20', args: { groups: [['a-1'], []] } }])
    expect(small.world).toMatchObject({ relay: false, sites: [{ id: 'a', nodes: ['a-1'] }] })
    expect(JSON.stringify(small.world)).not.toMatch(/jitter|loss/)
    // The quiet times before and between are gone too.
    expect(small.untilMs).toBeLessThan(15_000)
  })

  it('takes no other failure for the same', async () => {
    const run = failing((args, { operations }) => (args !== 60 ? undefined : operations.length > 10 ? 'many' : 'few'))
    const plan = toy(100)
    const { plan: small, result } = await shrink(empty, plan, await run(plan), { run })
    expect(result.finding?.fingerprint).toBe('many')
    expect(small.operations).toHaveLength(11)
  })

  it('ends when its time is over, with the smallest so far', async () => {
    const run = failing(args => (args === 60 ? 'f' : undefined))
    const plan = toy(100)
    const { finished, plan: small } = await shrink(empty, plan, await run(plan), { run, within: 0 })
    expect(finished).toBe(false)
    expect(small).toEqual(plan)
  })
})
