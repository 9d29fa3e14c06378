/** Runs each mutant seed after seed until a check kills it, several at a time, each in a process of its own. */
import type { Kill, Outcome } from './score.js'
import type { Mutant } from './mutant.js'

/** One seed of one mutant: undefined: it lived through it. */
export type SeedRun = { readonly seed: number; readonly kill: Kill | undefined }

export interface HuntOptions {
  readonly mutants: readonly Mutant[]
  /** Seeds that a mutant may live through. */
  readonly seeds: number
  /** Default 1. */
  readonly firstSeed?: number
  /** Mutants at a time. */
  readonly jobs: number
  /** Runs a mutant's seeds one after the other, for as long as it is asked for the next. */
  readonly run: (mutant: Mutant, firstSeed: number, seeds: number) => AsyncIterable<SeedRun>
  readonly onOutcome?: (outcome: Outcome, done: number) => void
}

/** In the order of the mutants, whichever ended first. */
export async function hunt({ mutants, seeds, firstSeed = 1, jobs, run, onOutcome }: HuntOptions): Promise<Outcome[]> {
  const outcomes = new Map<Mutant, Outcome>()
  const next = mutants.values()
  const work = async (): Promise<void> => {
    for (const mutant of next) {
      const outcome = await huntOne(mutant, run(mutant, firstSeed, seeds))
      outcomes.set(mutant, outcome)
      onOutcome?.(outcome, outcomes.size)
    }
  }
  await Promise.all(Array.from({ length: Math.min(jobs, mutants.length) }, work))
  return mutants.map(mutant => outcomes.get(mutant)!)
}

async function huntOne(mutant: Mutant, runs: AsyncIterable<SeedRun>): Promise<Outcome> {
  let seeds = 0
  for await (const { kill } of runs) {
    seeds++
    if (kill) return { mutant, seeds, kill }
  }
  return { mutant, seeds, kill: undefined }
}
