import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ManualClock, nodeId, type NodeId } from '@selvedge/core'
import type { Peer } from '@selvedge/replica'
import { decodePresence, encodePresence, PresenceTable, type Presence } from './presence.js'
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
})

describe('who can be reached', () => {
  const [one, two, three, four] = ['hq-1', 'hq-2', 'hq-3', 'hq-4'].map(name => nodeId(name)) as [NodeId, NodeId, NodeId, NodeId]
  const word = (node: NodeId, count: number, peers: NodeId[]): Presence => ({ ...presence(count), node, peers })

  function tableOf(neighbours: () => NodeId[]): {
    table: PresenceTable
    say: (presence: Presence, nowMs?: number, direct?: boolean) => boolean
  } {
    const table = new PresenceTable(1_000, neighbours)
    return { table, say: (said, nowMs = 0, direct = false) => table.learn(said, encodePresence(said), nowMs, direct) }
  }

  it('is who a path of sessions leads to, by words that may come in any order', () => {
    const neighbours = [two]
    const { table, say } = tableOf(() => neighbours)
    say(word(four, 1, [three]))
    say(word(three, 1, [two, four]))
    expect(table.look(0)).toEqual({ came: [], gone: [] })
    say(word(two, 1, [one, three]))
    expect(table.look(0).came.map(({ node }) => node)).toEqual([two, three, four])
    say(word(two, 2, [one]))
    expect(table.look(0)).toEqual({ came: [], gone: [three, four] })
    expect([...table.present()].map(({ presence }) => presence.node)).toEqual([two])
    say(word(two, 3, [one, three]))
    expect(table.look(0).came.map(({ node }) => node)).toEqual([three, four])
    neighbours.pop()
    expect(table.look(0).gone).toEqual([two, three, four])
  })

  it('is nobody who says nothing any more', () => {
    const { table, say } = tableOf(() => [two])
    say(word(two, 1, [one, three]))
    say(word(three, 1, [two]), 500)
    expect(table.look(1_000).came).toHaveLength(2)
    say(word(two, 2, [one, three]), 1_000)
    expect(table.look(1_501).gone).toEqual([three])
  })

  it('is believed by the latest word: by hearsay the one with the highest count, of itself whatever it says', () => {
    const { table, say } = tableOf(() => [two])
    const count = (): number | undefined => table.get(two)?.presence.count
    expect(say(word(two, 7, [one]))).toBe(true)
    expect(say(word(two, 7, [one]))).toBe(false)
    expect(say(word(two, 6, [one]))).toBe(false)
    table.look(0)
    expect(count()).toBe(7)
    expect(say(word(two, 3, [one]), 0, true)).toBe(true)
    expect(say(word(two, 3, [one]), 0, true)).toBe(false)
    expect(count()).toBe(3)
  })
})

describe('the exchange', () => {
  /** Nodes that have sessions with each other, which carry what is said at once. */
  class Mesh {
    readonly clock = new ManualClock()
    readonly nodes = new Map<string, { exchange: PresenceExchange; peers: Peer[]; trunkSinceMs: number | null; gone: NodeId[] }>()
    frames = 0
    private sessions = 0

    constructor(...names: string[]) {
      for (const name of names) {
        const peers: Peer[] = []
        const node = { peers, trunkSinceMs: null as number | null, gone: [] as NodeId[] }
        const exchange = new PresenceExchange({
          node: nodeId(name),
          name,
          bootMs: 0,
          clock: this.clock,
          replica: { peers: () => peers.values() },
          roster: { admits: () => true },
          readiness: () => 'synced',
          trunkSinceMs: () => node.trunkSinceMs,
          heard: () => undefined,
          gone: (gone: NodeId) => node.gone.push(gone),
          hearingChanged: () => undefined
        } as unknown as PresenceExchangeOptions)
        this.nodes.set(name, Object.assign(node, { exchange }))
      }
    }

    join(a: string, b: string): void {
      const id = this.sessions++
      for (const [from, to] of [
        [a, b],
        [b, a]
      ] as const) {
        const signal = (topic: string, payload: Uint8Array): void => {
          this.frames++
          this.clock.setTimer(1, () => {
            const { peers, exchange } = this.nodes.get(to)!
            const back = peers.find(({ session }) => (session as unknown as { id: number }).id === id)
            if (back) exchange.receive(back, topic, payload)
          })
        }
        this.nodes.get(from)!.peers.push({ node: nodeId(to), role: 'node', session: { signal, id } } as unknown as Peer)
      }
      this.nodes.get(a)!.exchange.changed()
      this.nodes.get(b)!.exchange.changed()
    }

    part(a: string, b: string): void {
      for (const [from, to] of [
        [a, b],
        [b, a]
      ] as const) {
        const { peers, exchange } = this.nodes.get(from)!
        peers.splice(
          peers.findIndex(({ node }) => node === to),
          1
        )
        exchange.changed()
      }
    }

    present(name: string): string[] {
      return this.nodes
        .get(name)!
        .exchange.present()
        .map(({ node }) => node as string)
        .sort()
    }

    all(): string[][] {
      return [...this.nodes.keys()].map(name => [name, ...this.present(name)].sort())
    }

    close(): void {
      for (const { exchange } of this.nodes.values()) exchange.close()
    }
  }

  it('tells of all along a line of nodes, and of those that a break leaves behind it', () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const mesh = new Mesh(...names)
    for (let i = 1; i < names.length; i++) mesh.join(names[i - 1]!, names[i]!)
    mesh.clock.advance(500)
    expect(mesh.all()).toEqual(names.map(() => names))
    mesh.part('b', 'c')
    mesh.clock.advance(500)
    expect(mesh.all()).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      ['c', 'd', 'e'],
      ['c', 'd', 'e'],
      ['c', 'd', 'e']
    ])
    expect(mesh.nodes.get('a')!.gone.sort()).toEqual(['c', 'd', 'e'])
    mesh.join('a', 'e')
    mesh.clock.advance(500)
    expect(mesh.all()).toEqual(names.map(() => names))
    mesh.close()
  })

  it('costs nothing while nothing changes but a word now and then, and tells a claim at once', () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const mesh = new Mesh(...names)
    for (const [i, a] of names.entries()) for (const b of names.slice(0, i)) mesh.join(a, b)
    mesh.clock.advance(1_000)
    mesh.frames = 0
    mesh.clock.advance(60_000)
    expect(mesh.frames).toBe(2 * 20)
    const holder = mesh.nodes.get('b')!
    holder.trunkSinceMs = 5
    holder.exchange.tell()
    mesh.clock.advance(1)
    for (const name of ['a', 'c', 'd', 'e'])
      expect(
        mesh.nodes
          .get(name)!
          .exchange.present()
          .filter(({ trunkSinceMs }) => trunkSinceMs !== null)
      ).toHaveLength(1)
    mesh.close()
  })

  it('finds who is there after any sessions come and go', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const change = fc.record({ a: fc.nat(5), b: fc.nat(5), waitMs: fc.nat(60) })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), changes => {
        const mesh = new Mesh(...names)
        const joined = new Set<string>()
        for (const { a, b, waitMs } of changes) {
          if (a === b) continue
          const [from, to] = [names[Math.min(a, b)]!, names[Math.max(a, b)]!]
          if (joined.delete(from + to)) mesh.part(from, to)
          else {
            joined.add(from + to)
            mesh.join(from, to)
          }
          mesh.clock.advance(waitMs)
        }
        mesh.clock.advance(1_000)
        const reached = (from: string, seen = new Set<string>()): Set<string> => {
          seen.add(from)
          for (const to of names) if (!seen.has(to) && joined.has([from, to].sort().join(''))) reached(to, seen)
          return seen
        }
        expect(mesh.all()).toEqual(names.map(name => [...reached(name)].sort()))
        mesh.close()
      }),
      { numRuns: 200 }
    )
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
      name: 'hq-1',
      bootMs: 0,
      clock,
      replica: { peers: () => [{ node: other, role: 'node', session: { signal: () => undefined } }] },
      roster: { admits: () => true, relay: { node: relay } },
      readiness: () => 'synced',
      trunkSinceMs: () => trunkSinceMs,
      heard: () => undefined,
      hearingChanged: () => undefined
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
