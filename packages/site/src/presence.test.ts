import { describe, expect, it } from 'vitest'
import { nodeId } from '@selvedge/core'
import { decodePresence, encodePresence, PresenceTable, type Presence } from './presence.js'

const presence = (count: number): Presence => ({
  node: nodeId('hq-1'),
  name: 'hq-1',
  count,
  peers: [nodeId('hq-2')],
  trunkSinceMs: null,
  readiness: 'synced'
})

describe('presence', () => {
  it('survives the wire', () => {
    expect(decodePresence(encodePresence(presence(7)))).toEqual(presence(7))
  })

  it('is passed over when it is not valid', () => {
    expect(decodePresence(new Uint8Array([0]))).toBeUndefined()
  })

  it('goes stale only when a node falls silent, however long it has been up', () => {
    const table = new PresenceTable(1_000)
    const bootMs = Date.UTC(2026, 10, 21)
    for (let n = 0; n < 5_000; n++) {
      expect(table.learn(presence(bootMs * 1_000 + n), n * 500)).toBe(true)
      expect(table.expire(n * 500 + 400)).toEqual([])
    }
    expect(table.learn(presence(bootMs * 1_000), 2_500_000)).toBe(false)
    expect(table.expire(5_000 * 500 + 1_001)).toEqual(['hq-1'])
  })
})
