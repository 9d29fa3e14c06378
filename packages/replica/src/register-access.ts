/** The register table as documents see it: catalogue and releases are registers like any other. */
import type { Value } from '@selvedge/core'
import type { RegisterAccess, RegisterTable } from '@selvedge/documents'
import type { Changes } from './changes.js'

export function tableAccess(table: RegisterTable, changes: Changes): RegisterAccess {
  return {
    writerKey: () => table.ownWriter().key,
    get(path, slot) {
      const register = table.get(path, slot)
      return register?.value === undefined ? undefined : { value: register.value, writer: register.writer.key }
    },
    set: (path: string, slot: string, value: Value) => void table.set(path, value, { slot }),
    delete: (path, slot) => void table.delete(path, slot),
    *slots(path) {
      for (const register of table.slots(path))
        if (register.value !== undefined) yield { slot: register.slot, value: register.value }
    },
    *paths(prefix) {
      for (const path of table.composites.keys()) if (path.startsWith(prefix)) yield path
    },
    watch: (prefix, listener) =>
      changes.watch(
        { text: `${prefix}…`, literalPrefix: prefix, literal: false, matches: path => path.startsWith(prefix) },
        { initial: false, system: true },
        list =>
          listener(
            new Set(list.map(change => change.path)),
            new Set(list.filter(change => change.origin === 'merged').map(change => change.path))
          )
      )
  }
}
