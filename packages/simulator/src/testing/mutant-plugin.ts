/**
 * Mutants for what vitest loads: a module imported with `?mutant=NAME` has that bug in it, as if it were another module; and with
 * `SELVEDGE_MUTANT=NAME` in the environment every test runs against that mutant.
 */
import { concerns, mutantNamed, mutate } from '../mutants/index.js'

const asked = /[?&]mutant=([\w-]+)/

export function mutantPlugin(): { name: string; enforce: 'pre'; transform(code: string, id: string): string | undefined } {
  return {
    name: 'selvedge-mutant',
    enforce: 'pre',
    transform(code, id) {
      const name = asked.exec(id)?.[1] ?? process.env['SELVEDGE_MUTANT']
      if (name === undefined) return undefined
      const mutant = mutantNamed(name)
      if (!mutant) throw new Error(`there is no mutant ${name}`)
      return concerns(mutant, id) ? mutate(mutant, id, code) : undefined
    }
  }
}
