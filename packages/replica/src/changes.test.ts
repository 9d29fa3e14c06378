/** Who is told of a change: watchers of points of points, those of Selvedge's own registers of these. */
import { describe, expect, it } from 'vitest'
import { ManualClock, nodeId, seededRandom, TrustedClock } from '@selvedge/core'
import { compilePattern, RegisterTable } from '@selvedge/documents'
import { Changes } from './changes.js'

function open(): { table: RegisterTable; changes: Changes } {
  const changes: Changes = new Changes({
    table: () => table,
    isCatchingUp: () => false,
    liveWithinMs: 1_000,
    onError: error => {
      throw error
    }
  })
  const table: RegisterTable = new RegisterTable({
    node: nodeId('a'),
    trusted: new TrustedClock(new ManualClock(Date.UTC(2026, 5, 1)), 300_000),
    random: seededRandom(1),
    onChange: (register, source) => changes.note(register, source)
  })
  return { table, changes }
}

describe('changes', () => {
  it('reach those whose pattern matches, however many watch something else', async () => {
    const { table, changes } = open()
    const seen: string[] = []
    const watch = (name: string, pattern: string): (() => void) =>
      changes.watch(compilePattern(pattern), { system: true }, list => list.forEach(({ path }) => seen.push(`${name}: ${path}`)))
    const write = async (): Promise<string[]> => {
      seen.length = 0
      table.set('ahu/1', 1)
      table.set('@own/1', 1)
      await Promise.resolve()
      return [...seen].sort()
    }
    const stopSystem = watch('system', '@own/**')
    expect(await write()).toEqual(['system: @own/1'])
    const stopPoint = watch('point', 'ahu/*')
    const stopAll = watch('all', '**')
    seen.length = 0
    expect(await write()).toEqual(['all: @own/1', 'all: ahu/1', 'point: ahu/1', 'system: @own/1'])
    stopPoint()
    stopPoint()
    expect(await write()).toEqual(['all: @own/1', 'all: ahu/1', 'system: @own/1'])
    stopSystem()
    stopAll()
    expect(await write()).toEqual([])
    watch('point', 'ahu/*')
    expect(await write()).toEqual(['point: ahu/1'])
  })
})
