/** All mutants, and what puts one into the runtime. */
import { documentMutants } from './document-mutants.js'
import type { Mutant } from './mutant.js'
import { nodeMutants } from './node-mutants.js'
import { sessionMutants } from './session-mutants.js'
import { storeMutants } from './store-mutants.js'
import { tableMutants } from './table-mutants.js'

export * from './hunt.js'
export * from './mutant.js'
export * from './score.js'
export { mutantProcess, type MutantTask } from './system/mutant-process.js'

export const mutants: readonly Mutant[] = [
  ...storeMutants,
  ...tableMutants,
  ...sessionMutants,
  ...documentMutants,
  ...nodeMutants
]

export function mutantNamed(name: string): Mutant | undefined {
  return mutants.find(mutant => mutant.name === name)
}
