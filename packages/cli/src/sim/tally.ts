/** What came of many seeds: counted while they run, told at the end. */
import type { RunResult } from '@selvedge/simulator'
import type { ScenarioSummary } from './protocol.js'

export const simExitCodes = { pass: 0, safety: 1, unknown: 2, liveness: 3, nondeterminism: 4, harness: 5 } as const

export type FailureKind = 'safety' | 'liveness' | 'nondeterminism' | 'harness'

/** Failures that are one and the same: the same check with the same fingerprint. */
export interface FailureGroup {
  readonly kind: FailureKind
  readonly check: string
  readonly fingerprint: string
  /** The first that was found. */
  readonly seed: number
  readonly sentence: string
  readonly result: RunResult | undefined
  seeds: number
  /** How it is told at length, and where its plan is. */
  report?: string
  plan?: string
}

export class ScenarioTally {
  seeds = 0
  simulatedMs = 0
  events = 0
  /** Seeds that were run twice, with equal traces. */
  compared = 0
  readonly reached = new Map<string, number>()
  readonly groups: FailureGroup[] = []
  /** By check: whether any seed had evidence, else why not. */
  private readonly checks = new Map<string, string | undefined>()

  constructor(readonly scenario: ScenarioSummary) {}

  add(result: RunResult): FailureGroup | undefined {
    this.seeds++
    this.simulatedMs += result.simulatedMs
    this.events += result.events
    for (const moment of result.reached) this.reached.set(moment, (this.reached.get(moment) ?? 0) + 1)
    for (const [check, { verdict, why }] of Object.entries(result.verdicts))
      if (verdict !== 'unknown') this.checks.set(check, undefined)
      else if (!this.checks.has(check)) this.checks.set(check, why ?? 'nothing was judged')
    const { finding, seed } = result
    return finding && this.failed({ ...finding, seed, result })
  }

  /** Gives the group if it is a new one. */
  failed(failure: Omit<FailureGroup, 'seeds' | 'report' | 'plan'>): FailureGroup | undefined {
    const { kind, check, fingerprint, seed, sentence, result } = failure
    const known = this.groups.find(group => group.check === check && group.fingerprint === fingerprint)
    if (known) {
      known.seeds++
      return undefined
    }
    const group = { kind, check, fingerprint, seed, sentence, result, seeds: 1 }
    this.groups.push(group)
    return group
  }

  /** Checks that passed in some seed and failed in none. */
  get passed(): string[] {
    return [...this.checks]
      .filter(([check, why]) => why === undefined && !this.groups.some(group => group.check === check))
      .map(([check]) => check)
  }

  /** Checks without evidence in any seed, and why. */
  get unknown(): { readonly check: string; readonly why: string }[] {
    return [...this.checks].flatMap(([check, why]) => (why === undefined ? [] : [{ check, why }]))
  }

  /** What `sometimes` names and no seed reached. */
  get never(): string[] {
    return this.scenario.moments.filter(moment => !this.reached.has(moment))
  }
}

/** The worst that happened. */
export function exitCodeOf(tallies: readonly ScenarioTally[]): number {
  const kinds = new Set(tallies.flatMap(({ groups }) => groups.map(({ kind }) => kind)))
  for (const kind of ['harness', 'nondeterminism', 'safety', 'liveness'] as const) if (kinds.has(kind)) return simExitCodes[kind]
  const open = tallies.some(({ unknown, never, seeds }) => seeds === 0 || unknown.length > 0 || never.length > 0)
  return open ? simExitCodes.unknown : simExitCodes.pass
}
