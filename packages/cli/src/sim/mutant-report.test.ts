import { describe, expect, it } from 'vitest'
import type { MutantOutcome } from '@selvedge/simulator'
import { styleFor } from '../output/style.js'
import { exitCodeOfMutants, mutantLine, mutantsJson, scoreReport } from './mutant-report.js'
import { simExitCodes } from './tally.js'

const plain = styleFor(false)

function outcome(name: string, seeds: number, check?: string, sentence = 'it broke'): MutantOutcome {
  const mutant = { name, what: `the bug ${name}`, module: '', from: '', to: '', killedBy: 'c' }
  return { mutant, seeds, kill: check === undefined ? undefined : { seed: seeds, check, fingerprint: '', sentence } }
}

describe('what became of mutants', () => {
  const [dead, quick, alive] = [outcome('one', 3, 'counters'), outcome('other', 1, 'counters'), outcome('third', 9)]
  const stale = outcome('old', 1, 'crash', 'The process ended: StaleMutant: mutant old does not stand there')

  it('is told a line each, and as a score', () => {
    expect(mutantLine(dead, 5, plain)).toBe('✓ one    counters in 3 seeds: it broke\n')
    expect(mutantLine({ ...quick, alone: true }, 5, plain)).toBe('✓ other  counters in 1 seed, and nothing else does: it broke\n')
    expect(mutantLine(alive, 5, plain)).toBe('✗ third  lived through 9 seeds: the bug third\n')
    const all = [dead, quick, alive, stale]
    const asked = [...all, outcome('late', 0)].map(({ mutant }) => mutant)
    expect(scoreReport(all, asked, plain)).toBe(
      '\n2 of 3 mutants noticed (66 %), half of them within 3 seeds\n  counters: 2\nnot noticed: third\n' +
        '1 mutant not run: the time was over\n1 mutant not fitting the runtime as it is\n'
    )
    expect(scoreReport([{ ...dead, alone: true }], [], plain, ['counters', 'growth'])).toContain(
      '  counters: 1, of which nothing else notices one\nalone in noticing nothing: growth\n'
    )
    expect(mutantsJson(all, asked)).toMatchObject({
      killed: 2,
      total: 3,
      survivors: ['third'],
      notRun: 1,
      byCheck: { counters: ['one', 'other'] }
    })
  })

  it('decides how the command ends', () => {
    expect(exitCodeOfMutants([dead, quick], 2)).toBe(simExitCodes.pass)
    expect(exitCodeOfMutants([dead, alive], 2)).toBe(simExitCodes.unknown)
    expect(exitCodeOfMutants([dead], 2)).toBe(simExitCodes.unknown)
    expect(exitCodeOfMutants([dead, stale], 2)).toBe(simExitCodes.harness)
  })
})
