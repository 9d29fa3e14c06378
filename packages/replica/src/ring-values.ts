/** What rings of records, such as conflict logs and heal reports, hold at a path. */
import type { Value } from '@selvedge/core'
import type { RegisterTable } from '@selvedge/documents'

/** The value that is obeyed, and the one that is held back: what was recorded by a clock far ahead is no less a record. */
export function ringValues(table: RegisterTable, path: string): Value[] {
  return [table.get(path)?.value, table.shadows.get(path)?.value].filter(value => value !== undefined)
}

/** The highest count at a path; undefined: there is none. */
export function ringCount(table: RegisterTable, path: string): number | undefined {
  const counts = ringValues(table, path).filter(count => typeof count === 'number' && Number.isSafeInteger(count + 1))
  return counts.length === 0 ? undefined : Math.max(...(counts as number[]))
}
