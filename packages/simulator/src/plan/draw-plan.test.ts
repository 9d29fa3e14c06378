import { describe, expect, it } from 'vitest'
import { increment, remove, set } from '../operations/index.js'
import { drawPlan } from './draw-plan.js'
import { decodePlan, encodePlan } from './saved-plan.js'
import { scenario } from './scenario.js'

const campus = scenario('campus')
  .site('a', { nodes: 3 })
  .site('b', { nodes: 2 })
  .workload({ every: '10s' }, set(), remove())
  .workload({ every: '20s', clients: 2, on: ['b'] }, increment())
  .faults(({ at, every }) => [at('2m').cutTrunk('b').for('3m'), every('1m', { until: '3m' }).kill('a-1').for('5s')])
  .swarm()

describe('a plan', () => {
  it('is a function of the seed', () => {
    expect(drawPlan(campus, 7)).toEqual(drawPlan(campus, 7))
    expect(drawPlan(campus, 7).operations).not.toEqual(drawPlan(campus, 8).operations)
  })

  it('survives a file', () => {
    const plan = drawPlan(campus, 3)
    expect(decodePlan(encodePlan(plan))).toEqual(plan)
    expect(decodePlan(encodePlan({ ...plan, operations: [], faults: [] }))).toEqual({ ...plan, operations: [], faults: [] })
    expect(() => decodePlan('{"version":99}')).toThrow('no plan')
  })

  it('has its operations in order, within the time, by nodes that are meant', () => {
    const { operations, untilMs } = drawPlan(campus, 1)
    expect(operations.length).toBeGreaterThan(50)
    expect(operations.map(({ atMs }) => atMs)).toEqual(operations.map(({ atMs }) => atMs).sort((a, b) => a - b))
    expect(operations.every(({ atMs }) => atMs > 0 && atMs < untilMs)).toBe(true)
    expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length)
    const byClients = operations.filter(({ client }) => client !== undefined)
    expect(byClients.length).toBeGreaterThan(5)
    expect(byClients.every(({ by, kind }) => by.startsWith('b-') && kind === 'increment')).toBe(true)
  })

  it('has the scripted faults, at their times', () => {
    const scripted = drawPlan(campus, 5).faults.filter(({ id }) => /^s\d/.test(id))
    expect(scripted.map(({ atMs, forMs, kind, args }) => ({ atMs, forMs, kind, args }))).toEqual([
      { atMs: 60_000, forMs: 5_000, kind: 'kill', args: { host: 'a-1' } },
      { atMs: 120_000, forMs: 180_000, kind: 'trunk-cut', args: { site: 'b' } },
      { atMs: 120_000, forMs: 5_000, kind: 'kill', args: { host: 'a-1' } }
    ])
  })

  it('keeps what one workload draws when another is added', () => {
    const more = campus.workload({ every: '5s' }, remove())
    const own = (of: typeof campus) => drawPlan(of, 9).operations.filter(({ id }) => id.startsWith('w0.'))
    expect(own(more)).toEqual(own(campus))
  })
})
