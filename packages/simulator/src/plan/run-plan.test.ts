import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FaultKind } from '../faults/fault.js'
import { increment, set } from '../operations/index.js'
import { drawPlan } from './draw-plan.js'
import { runPlan } from './run-plan.js'
import { scenario } from './scenario.js'
import { shrink } from './shrink.js'

/** Counts people with a read and a write, as one must not. */
class Counter {
  constructor(
    private readonly points: {
      get(path: string): { readonly value: unknown } | undefined
      set(path: string, value: number): unknown
    }
  ) {}

  get count(): number {
    return Number(this.points.get('people')?.value ?? 0)
  }

  enter(): void {
    this.points.set('people', this.count + 1)
  }
}

const hall = scenario('hall')
  .site('hq', { nodes: 2 })
  .withoutRelay()
  .lasts('3m')
  .onlyChecks()
  .service('counter', ({ site }) => new Counter(site.points))
  .sometimes('two people', ({ nodes }) => nodes().some(node => node.has('counter') && node.service('counter').count >= 2))
  .operation('enter', {
    every: '10s',
    args: fc.record({}),
    run: place => place.service('counter').enter(),
    describe: () => 'somebody enters'
  })
  .atEnd('everybody is counted', ({ run, nodes }) => {
    const entered = run.history.done.length
    const counted = nodes()[0]!.service('counter').count
    return entered === counted || `${entered} people entered, and ${counted} were counted`
  })

describe('a run', () => {
  it('runs services on the real sites, and ends when they have converged', async () => {
    const plan = drawPlan(hall, 1)
    const result = await runPlan(hall, plan)
    expect(result.finding).toBeUndefined()
    expect(result.verdicts).toMatchObject({ 'everybody is counted': { verdict: 'pass' }, 'no-crash': { verdict: 'pass' } })
    expect(result.reached).toEqual(['two people'])
    expect(result.simulatedMs).toBeGreaterThanOrEqual(plan.untilMs)
    expect((await runPlan(hall, plan)).traceHash).toBe(result.traceHash)
  })

  it('finds what a partition breaks, and shrinks it to the partition and an operation on each side', async () => {
    const split = hall.faults(({ at }) => [at('30s').partition(['hq-1'], ['hq-2']).for('2m')])
    const plan = drawPlan(split, 1)
    const result = await runPlan(split, plan)
    expect(result.finding).toMatchObject({
      check: 'everybody is counted',
      fingerprint: '# people entered, and # were counted',
      kind: 'safety'
    })
    const small = await shrink(split, plan, result)
    expect(small.result.finding?.sentence).toBe('2 people entered, and 1 were counted')
    expect(small.plan.operations.map(({ by }) => by).sort()).toEqual(['hq-1', 'hq-2'])
    expect(small.plan.faults).toHaveLength(1)
  })

  it('tells a service that can not start, and an operation that throws', async () => {
    const broken = hall.service('counter', () => Promise.reject(new Error('no such lamp 17')))
    const result = await runPlan(broken, drawPlan(broken, 1))
    expect(result.finding).toMatchObject({
      check: 'no-crash',
      fingerprint: 'no such lamp #',
      sentence: expect.stringContaining('counter on hq-')
    })
    const thrower = scenario('thrower')
      .site('hq', { nodes: 1 })
      .operation('throw', {
        every: '10s',
        args: fc.constant(null),
        run: () => {
          throw new Error('out of paper')
        }
      })
    expect((await runPlan(thrower, drawPlan(thrower, 1))).finding?.sentence).toBe('throw at hq-1 threw: out of paper')
  })

  it('strikes with a fault of the scenario’s own, though only its script names it', async () => {
    const struck: string[] = []
    const own: FaultKind<{ readonly host: string }> = {
      kind: 'own',
      draw: () => ({ host: 'hq-1' }),
      begin: (_, { host }) => void struck.push(`${host} begins`),
      end: (_, { host }) => void struck.push(`${host} ends`)
    }
    const scripted = hall.faults(({ at }) => [at('1m').do(own, { host: 'hq-2' }).for('10s')])
    await runPlan(scripted, drawPlan(scripted, 1))
    expect(struck).toEqual(['hq-2 begins', 'hq-2 ends'])
  })

  it('ends when no time passes', async () => {
    const spinning = scenario('spinning')
      .site('hq', { nodes: 1 })
      .onlyChecks()
      .service('spin', ({ clock }) => {
        const spin = (): void => void clock.setTimer(0, spin)
        spin()
      })
    expect((await runPlan(spinning, drawPlan(spinning, 1))).finding).toMatchObject({ check: 'time-passes', kind: 'liveness' })
  })

  it('asks an invariant after every event, and has no verdict of what it did not judge', async () => {
    let asked = 0
    const watched = hall.workload({ every: '30s' }, set(), increment()).invariant('below five', ({ nodes }) => {
      asked++
      return nodes().every(node => !node.has('counter') || node.service('counter').count < 5)
    })
    const { finding, verdicts, events } = await runPlan(watched, drawPlan(watched, 1))
    expect(finding).toMatchObject({ check: 'below five', fingerprint: 'false' })
    expect(verdicts['everybody is counted']?.verdict).toBe('unknown')
    expect(asked).toBe(events)
  })
})
