/**
 * A mutant: the runtime with one bug put into it on purpose. A simulation that is worth its time fails with it. It is applied to the
 * text of a module as that is loaded, and stands in no package that ships.
 */

/** Another text in the place of one that a module has exactly once, in its source as in what is built of it: so no line breaks, no types. */
export interface Edit {
  /** Package and module, such as `store/level-store`. */
  readonly module: string
  readonly from: string
  readonly to: string
}

export interface Mutant extends Edit {
  readonly name: string
  /** The bug, as a person would describe it. */
  readonly what: string
  /** The check that is expected to see it. */
  readonly killedBy: string
  /** What else has to change for the bug to be one: where the runtime has a second line of defence. */
  readonly also?: readonly Edit[]
}

/** Text of a module that a mutant does not fit: the runtime has changed, and the mutant must follow. */
export class StaleMutant extends Error {
  constructor(mutant: Mutant, edit: Edit, found: number) {
    super(
      `mutant ${mutant.name}: ${JSON.stringify(edit.from)} stands in ${edit.module} ${found} times, and must stand there once`
    )
    this.name = 'StaleMutant'
  }
}

export function editsOf(mutant: Mutant): readonly Edit[] {
  return [mutant, ...(mutant.also ?? [])]
}

/** `packages/store/dist/level-store.js` and `node_modules/@selvedge/store/src/level-store.ts` are both `store/level-store`. */
export function moduleOf(url: string): string | undefined {
  const match = /\/(?:packages|@selvedge)\/([a-z]+)\/(?:dist|src)\/([^?#]+)\.[jt]s(?:[?#]|$)/.exec(url)
  return match ? `${match[1]}/${match[2]}` : undefined
}

/** Whether a mutant changes a module. */
export function concerns(mutant: Mutant, url: string): boolean {
  const module = moduleOf(url)
  return module !== undefined && editsOf(mutant).some(edit => edit.module === module)
}

/** The text of a module with the bug in it; the text as it is, if the mutant does not concern that module. */
export function mutate(mutant: Mutant, url: string, text: string): string {
  const module = moduleOf(url)
  let mutated = text
  for (const edit of editsOf(mutant)) {
    if (edit.module !== module) continue
    const parts = mutated.split(edit.from)
    if (parts.length !== 2) throw new StaleMutant(mutant, edit, parts.length - 1)
    mutated = parts.join(edit.to)
  }
  return mutated
}
