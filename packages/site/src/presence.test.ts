import { describe, expect, it } from 'vitest'
import { encodeValue, ManualClock, nodeId, SelvedgeError, type NodeId } from '@selvedge/core'
import type { Peer } from '@selvedge/replica'
import { decodePresence, encodePresence, PresenceReader, PresenceTable, type Presence } from './presence.js'
import { PresenceExchange, type PresenceExchangeOptions } from './presence-exchange.js'

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

  it('is read as it is, whether or not it says what it said before', () => {
    const reader = new PresenceReader()
    const said: Presence[] = [
      presence(7),
      presence(8),
      { ...presence(2 ** 50), trunkSinceMs: 3 },
      { ...presence(-1), trunkSinceMs: 3 },
      { ...presence(9), peers: [nodeId('hq-3')] },
      { ...presence(1.5), peers: [nodeId('hq-3')] },
      { ...presence(10), peers: [nodeId('hq-3')] }
    ]
    for (const each of [...said, ...said]) expect(reader.read(each.node, encodePresence(each))).toEqual(each)
    const bytes = encodePresence(presence(11))
    expect(reader.read(nodeId('hq-2'), bytes)).toBeUndefined()
    const { name: _, ...nameless } = presence(12)
    expect(reader.read(nodeId('hq-1'), encodeValue({ ...nameless, peers: [...nameless.peers] }))).toBeUndefined()
    for (let length = 1; length < bytes.length; length++)
      expect(() => reader.read(nodeId('hq-1'), bytes.slice(0, length))).toThrow(SelvedgeError)
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

describe('who hears the relay', () => {
  it('hears it by whoever holds the trunk, but who holds it does not leave that to another holder', () => {
    const clock = new ManualClock()
    const [self, other, third, relay] = ['hq-1', 'hq-2', 'hq-3', 'relay'].map(name => nodeId(name)) as [
      NodeId,
      NodeId,
      NodeId,
      NodeId
    ]
    let trunkSinceMs: number | null = null
    const exchange = new PresenceExchange({
      node: self,
      clock,
      replica: { peers: () => [] },
      roster: { admits: () => true, relay: { node: relay } },
      trunkSinceMs: () => trunkSinceMs,
      heard: () => undefined
    } as unknown as PresenceExchangeOptions)
    const from = { node: other, role: 'node' } as Peer
    for (const said of [
      { ...presence(1), node: other, peers: [self, third], trunkSinceMs: 5 },
      { ...presence(1), node: third, peers: [self, other] }
    ])
      exchange.receive(from, `presence/${said.node}`, encodePresence(said))
    expect(exchange.hears(third, relay)).toBe(true)
    trunkSinceMs = 6
    expect(exchange.hears(third, relay)).toBe(false)
    exchange.close()
  })
})
