import { describe, expect, it } from 'vitest'
import type { RunResult } from '@selvedge/simulator'
import { exitCodeOf, ScenarioTally, simExitCodes } from './tally.js'

const result: RunResult = {
  scenario: 's',
  seed: 1,
  verdicts: { c: { verdict: 'pass' } },
  finding: undefined,
  reached: [],
  traceHash: 'x',
  events: 10,
  simulatedMs: 1_000,
  story: []
}

function failing(seed: number, fingerprint: string, kind: 'safety' | 'liveness' = 'safety'): RunResult {
  const finding = { check: 'c', fingerprint, sentence: `in ${seed}`, details: null, atMs: 5, event: 1, kind }
  return { ...result, seed, verdicts: { c: { verdict: 'fail' } }, finding }
}

function tally(...moments: string[]): ScenarioTally {
  return new ScenarioTally({ file: 'f', name: 's', shows: '', moments })
}

describe('a tally', () => {
  it('takes failures of one check with one fingerprint for one', () => {
    const some = tally()
    expect(some.add(failing(3, 'a'))?.seed).toBe(3)
    expect(some.add(failing(4, 'a'))).toBeUndefined()
    expect(some.add(failing(5, 'b'))?.seed).toBe(5)
    expect(some.groups.map(({ seed, seeds }) => ({ seed, seeds }))).toEqual([
      { seed: 3, seeds: 2 },
      { seed: 5, seeds: 1 }
    ])
    expect(some.passed).toEqual([])
  })

  it('needs evidence from one seed, and each moment once', () => {
    const some = tally('m')
    some.add({ ...result, verdicts: { c: { verdict: 'unknown', why: 'nothing came' } } })
    expect(some.unknown).toEqual([{ check: 'c', why: 'nothing came' }])
    expect(some.never).toEqual(['m'])
    expect(exitCodeOf([some])).toBe(simExitCodes.unknown)
    some.add({ ...result, reached: ['m'] })
    expect({ unknown: some.unknown, never: some.never, passed: some.passed }).toEqual({ unknown: [], never: [], passed: ['c'] })
    expect(exitCodeOf([some])).toBe(simExitCodes.pass)
  })

  it('ends with the worst that happened', () => {
    const [clean, unsafe, stuck] = [tally(), tally(), tally()]
    clean.add(result)
    unsafe.add(failing(1, 'a'))
    stuck.add(failing(1, 'a', 'liveness'))
    expect(exitCodeOf([clean, stuck])).toBe(simExitCodes.liveness)
    expect(exitCodeOf([clean, stuck, unsafe])).toBe(simExitCodes.safety)
    stuck.failed({ kind: 'harness', check: 'harness', fingerprint: '', seed: 2, sentence: '', result: undefined })
    expect(exitCodeOf([unsafe, stuck])).toBe(simExitCodes.harness)
    expect(exitCodeOf([tally()])).toBe(simExitCodes.unknown)
  })
})
