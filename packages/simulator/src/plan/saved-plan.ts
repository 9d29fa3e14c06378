/** A plan in a file, with what it is a plan of. */
import { assert } from '@selvedge/core'
import { planVersion, type Plan } from './plan.js'

export interface SavedPlan extends Plan {
  /** The file of the scenario, relative to this one. */
  readonly file?: string
  /** What fails when it is run. */
  readonly failure?: { readonly check: string; readonly fingerprint: string; readonly sentence: string }
}

export function encodePlan(plan: SavedPlan): string {
  const { operations, faults, ...rest } = plan
  const lines = (list: readonly unknown[]): string =>
    list.length === 0 ? '[]' : `[\n${list.map(each => `    ${JSON.stringify(each)}`).join(',\n')}\n  ]`
  const head = JSON.stringify(rest, null, 2).slice(0, -2)
  // A line each: two plans are compared line by line.
  return `${head},\n  "faults": ${lines(faults)},\n  "operations": ${lines(operations)}\n}\n`
}

/** @throws when it is no plan */
export function decodePlan(text: string): SavedPlan {
  const plan = JSON.parse(text) as Partial<SavedPlan>
  assert(plan.version === planVersion, 'it is no plan of a simulation, or of another version')
  assert(
    Array.isArray(plan.operations) && Array.isArray(plan.faults) && Array.isArray(plan.world?.sites),
    'a plan has a world, operations and faults'
  )
  return plan as SavedPlan
}
