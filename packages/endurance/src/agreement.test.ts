import { describe, expect, it } from 'vitest'
import { disagreement } from './agreement.js'
import type { Rest } from './process/protocol.js'

const rest: Rest = {
  hashes: { 'hq/state': 'a', 'hq/config': 'b' },
  documents: 'c',
  backlog: 0,
  receipts: 0,
  sessions: 1,
  trunkSinceMs: undefined,
  caughtUp: true,
  alarms: [],
  divergences: 0,
  conflicts: 0,
  registers: 1
}

function between(changes: Partial<Rest>): string | undefined {
  return disagreement(
    new Map([
      ['n1', rest],
      ['n2', { ...rest, ...changes }],
      ['relay', rest]
    ]),
    2
  )
}

describe('replicas at rest', () => {
  it('agree when everything is equal and nothing is owed', () => {
    expect(between({})).toBeUndefined()
  })

  it.each<[Partial<Rest>, RegExp]>([
    [{ hashes: { 'hq/state': 'x', 'hq/config': 'b' } }, /hashes of hq\/state differ/],
    [{ hashes: { 'hq/state': 'a' } }, /n2 has none/],
    [{ documents: 'x' }, /content of documents/],
    [{ backlog: 3 }, /n2 has a backlog of 3/],
    [{ receipts: 1 }, /n2 has 1 receipts/],
    [{ caughtUp: false }, /n2 has not caught up/],
    [{ sessions: 0 }, /n2 has 0 sessions/]
  ])('do not when %j', (changes, problem) => {
    expect(between(changes)).toMatch(problem)
  })
})
