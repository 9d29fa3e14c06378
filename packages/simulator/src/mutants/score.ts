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
  /** Whether no other check has killed it in as many seeds; undefined: nobody looked. */
  readonly alone?: boolean
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
  /** Mutants that only the one check kills, by check. */
  readonly aloneByCheck: ReadonlyMap<string, readonly string[]>
}

export function scoreOf(outcomes: readonly Outcome[]): Score {
  const byCheck = new Map<string, string[]>()
  const aloneByCheck = new Map<string, string[]>()
  const seeds: number[] = []
  for (const { mutant, kill, alone, seeds: run } of outcomes) {
    if (!kill) continue
    seeds.push(run)
    list(byCheck, kill.check, mutant.name)
    if (alone) list(aloneByCheck, kill.check, mutant.name)
  }
  seeds.sort((a, b) => a - b)
  return {
    killed: seeds.length,
    total: outcomes.length,
    share: outcomes.length === 0 ? 0 : seeds.length / outcomes.length,
    medianSeeds: seeds[seeds.length >> 1],
    byCheck,
    aloneByCheck,
    survivors: outcomes.filter(({ kill }) => !kill).map(({ mutant }) => mutant.name)
  }
}

function list(lists: Map<string, string[]>, check: string, name: string): void {
  const names = lists.get(check)
  if (names) names.push(name)
  else lists.set(check, [name])
}
