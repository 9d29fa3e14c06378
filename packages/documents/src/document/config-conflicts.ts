/** Finds the places of a config document that concurrent changes gave different values, and says which value wins. */
import type { Doc } from '@automerge/automerge'
import { authorFromHex, type Automerge, type ConfigContent } from './automerge-engine.js'
import { copyContent, isContainer } from './config-content.js'

export interface ConfigConflict {
  /** Keys and indexes from the root. */
  readonly path: readonly (string | number)[]
  /** The values that stand against one another; exactly one wins and is what `current()` shows. */
  readonly values: readonly ConflictingValue[]
}

export interface ConflictingValue {
  readonly value: unknown
  /** Actor id of the instance that set it. */
  readonly actor: string
  /** Who that was, as the change says; `undefined` when it does not. */
  readonly author: string | undefined
  readonly wins: boolean
}

export function findConflicts(automerge: Automerge, doc: Doc<ConfigContent>): ConfigConflict[] {
  const found: ConfigConflict[] = []
  // Of `doc` itself only the root may be asked. Automerge takes nested objects over from the document before a change, and those still
  // point into that document, which is freed by now. A view is made anew, all of it.
  const whole = automerge.view(doc, automerge.getHeads(doc))
  const visit = (node: object, path: readonly (string | number)[]): void => {
    const keys: (string | number)[] = Array.isArray(node) ? [...node.keys()] : Object.keys(node)
    for (const key of keys) {
      const here = [...path, key]
      const conflicts = automerge.getConflicts(node as Doc<ConfigContent>, key)
      if (conflicts) found.push({ path: here, values: describe(automerge, doc, conflicts) })
      const value: unknown = (node as Record<string | number, unknown>)[key]
      if (isContainer(automerge, value)) visit(value, here)
    }
  }
  visit(whole, [])
  return found
}

function describe(automerge: Automerge, doc: Doc<ConfigContent>, conflicts: Record<string, unknown>): ConflictingValue[] {
  // A key is an operation id, `<counter>@<actor>`. Automerge shows the highest.
  const operations = Object.entries(conflicts).map(([operation, value]) => {
    const at = operation.indexOf('@')
    return { counter: Number(operation.slice(0, at)), actor: operation.slice(at + 1), value }
  })
  operations.sort((a, b) => b.counter - a.counter || (a.actor < b.actor ? 1 : -1))
  return operations.map(({ actor, value }, index) => ({
    value: copyContent(automerge, value),
    actor,
    author: authorFromHex(automerge.getAuthorForActor(doc, actor)),
    wins: index === 0
  }))
}
