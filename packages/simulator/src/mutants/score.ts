/** What became of each mutant, and the score: which share of them a check has seen. */
import type { Mutant } from './mutant.js'

/** How a mutant died. */
export interface Kill {
  readonly seed: number
  readonly check: string
  readonly fingerprint: string
  readonly sentence: string
}

export interface Outcome {
  readonly mutant: Mutant
  /** How many seeds were run: all that were asked for, or as many as it lived through, and the one that killed it. */
  readonly seeds: number
  /** Undefined: it has survived. */
  readonly kill: Kill | undefined
}

export interface Score {
  readonly killed: number
  readonly total: number
  /** 0 to 1. */
  readonly share: number
  /** The seeds that it took, in the middle of those killed. */
  readonly medianSeeds: number | undefined
  /** Names of the mutants that each check has killed, by check. */
  readonly byCheck: ReadonlyMap<string, readonly string[]>
  readonly survivors: readonly string[]
}

export function scoreOf(outcomes: readonly Outcome[]): Score {
  const byCheck = new Map<string, string[]>()
  const seeds: number[] = []
  for (const { mutant, kill, seeds: run } of outcomes) {
    if (!kill) continue
    seeds.push(run)
    const names = byCheck.get(kill.check)
    if (names) names.push(mutant.name)
    else byCheck.set(kill.check, [mutant.name])
  }
  seeds.sort((a, b) => a - b)
  return {
    killed: seeds.length,
    total: outcomes.length,
    share: outcomes.length === 0 ? 0 : seeds.length / outcomes.length,
    medianSeeds: seeds[seeds.length >> 1],
    byCheck,
    survivors: outcomes.filter(({ kill }) => !kill).map(({ mutant }) => mutant.name)
  }
}
