/**
 * What a relay makes of bad input and of peers that fail, met where its users meet it: real nodes over real WebSockets, one of which
 * lies, dies or stops. Each test ends with an honest node that finds everything as it should be. The list is in packages/FAULTS.md.
 */
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  SelvedgeError,
  seededRandom,
  silentLogger,
  spaceId,
  systemClock,
  type Clock,
  type CloseReason,
  type Connection,
  type ConnectionHandlers
} from '@selvedge/core'
import { dialTrunk, generateNodeKey } from '@selvedge/network'
import { Replica, SpaceApi } from '@selvedge/replica'
import { MemoryStore } from '@selvedge/store'
import { testRoster } from '../../network/src/testing/fixtures.js'
import { WrappedConnection } from '../../network/src/testing/wrapped-connection.js'
import {
  afterwards,
  cleanUp,
  fetchPage,
  keyOf,
  openTestNode,
  openTestRelay,
  relayKey,
  rosterOf,
  timing
} from './testing/test-sites.js'
import type { TestRelay } from './testing/test-sites.js'

afterEach(cleanUp)

const soon = { timeout: 60_000, interval: 5 }
const state = spaceId('hq/state')
const kind = { hello: 1, registers: 4, seal: 6 } as const
const kindOf = (frame: Uint8Array): number => frame[0]! & 0x3f

/** A connection whose frames pass through `tampering` on their way. */
class TamperedConnection extends WrappedConnection {
  private handlers: ConnectionHandlers | undefined
  private held: Uint8Array[] | undefined

  constructor(
    inner: Connection,
    private readonly tampering: (frame: Uint8Array, send: (frame: Uint8Array) => void) => void
  ) {
    super(inner)
  }

  override send(frame: Uint8Array): boolean {
    this.tampering(frame, tampered => void this.inner.send(tampered))
    return true
  }

  override attach(handlers: ConnectionHandlers): void {
    this.handlers = handlers
    this.inner.attach({
      frame: frame => (this.held ? void this.held.push(frame) : handlers.frame(frame)),
      drain: () => handlers.drain(),
      closed: reason => handlers.closed(reason)
    })
  }

  /** Takes nothing in any more; what comes is held until `readOn`. */
  stopReading(): void {
    this.held = []
  }

  readOn(): void {
    const held = this.held ?? []
    this.held = undefined
    for (const frame of held) this.handlers!.frame(frame)
  }
}

interface Node {
  readonly replica: Replica
  readonly api: SpaceApi
  attach(connection: Connection): void
  dial(): Promise<Connection>
}

/** A node of `hq` that is not connected yet, with a clock of its own. */
async function openNode(relay: TestRelay, clock: Clock = systemClock): Promise<Node> {
  const key = keyOf('hq')
  const environment = { clock, random: seededRandom(5), log: silentLogger }
  const store = new MemoryStore(environment)
  const replica = new Replica({ node: key.node, role: 'node', environment, store, timing })
  const members = () => [
    { node: key.node, role: 'node' as const },
    { node: relayKey.node, role: 'relay' as const }
  ]
  const space = await replica.openSpace(state, { residency: 'trunk', members })
  afterwards(async () => {
    await replica.close()
    await store.close()
  })
  return {
    replica,
    api: new SpaceApi(space, undefined, { isPresent: () => undefined, nameOf: node => node }),
    attach: connection => void replica.attach(connection, { admits: () => true }),
    dial: () => dialTrunk({ ...environment, url: relay.url!, key, roster: rosterOf('hq') })
  }
}

/** The reason with which the relay ended a trunk, as its log tells it. */
function ended(relay: TestRelay): Promise<CloseReason> {
  return vi.waitFor(() => {
    const line = relay.lines.find(({ message }) => message === 'a trunk ended')
    expect(line).toBeDefined()
    return line!.details['reason'] as CloseReason
  }, soon)
}

/** The honest end of each story: the same node connects again, and both hold the same. */
async function expectWhole(relay: TestRelay, node: Node): Promise<void> {
  node.attach(await node.dial())
  await node.api.points.set('after', 'all').durable('relay')
  const hq = await relay.site('hq')
  const table = node.replica.space(state).table
  await vi.waitFor(() => {
    const [status] = relay.status().sites[0]!.spaces.filter(({ space }) => space === state)
    expect(status).toMatchObject({ registers: table.live, divergences: 0, backlog: 0 })
    expect(status!.matchedAtMs).toBeDefined()
  }, soon)
  expect(hq.points.get('after')?.value).toBe('all')
}

describe('a frame from a node of the site', () => {
  const refused = [
    'SESSION_FRAME_INVALID',
    'CODEC_TRUNCATED',
    'CODEC_INVALID',
    'CODEC_OVERFLOW',
    'ENTRY_INVALID',
    'ENTRY_VERSION'
  ]
  const garbage = seededRandom(3)
  const badly: Record<string, { codes: readonly string[]; tamper: (frame: Uint8Array) => Uint8Array }> = {
    'cut short': { codes: refused, tamper: frame => frame.subarray(0, frame.length >> 1) },
    empty: { codes: ['SESSION_FRAME_INVALID'], tamper: () => new Uint8Array() },
    'of garbage': { codes: refused, tamper: frame => Uint8Array.of(kind.registers, 0, ...garbage.bytes(frame.length)) },
    'of a space that was never announced': {
      codes: ['SESSION_PROTOCOL_VIOLATION'],
      tamper: frame => Uint8Array.of(kind.registers, 99, ...frame.subarray(2))
    },
    'of a kind that nobody knows': { codes: ['SESSION_PROTOCOL_VIOLATION'], tamper: () => Uint8Array.of(40, 1, 2, 3) },
    'with text that is not UTF-8': {
      codes: ['CODEC_INVALID'],
      // An announcement of a space whose id is one byte that starts no character.
      tamper: () => Uint8Array.of(2, 7, 1, 0xff)
    },
    'longer than a frame may be': { codes: ['SESSION_FRAME_TOO_LARGE'], tamper: () => new Uint8Array(256 * 1024 + 1).fill(4) }
  }

  it.each(Object.keys(badly))('%s ends its session with a code, and nothing else', async name => {
    const { codes, tamper } = badly[name]!
    const relay = await openTestRelay()
    const node = await openNode(relay)
    node.api.points.set('ahu/1/temp', 'x'.repeat(100))
    let done = false
    node.attach(
      new TamperedConnection(await node.dial(), (frame, send) => {
        if (done || kindOf(frame) !== kind.registers) return send(frame)
        done = true
        send(tamper(frame))
      })
    )
    const reason = await ended(relay)
    expect(codes).toContain(reason.code)
    expect(reason.message).not.toBe('')
    expect((await relay.site('hq')).points.get('ahu/1/temp')).toBeUndefined()
    await expectWhole(relay, node)
    expect((await relay.site('hq')).points.get('ahu/1/temp')?.value).toBe('x'.repeat(100))
  })

  it('of a session that is over changes nothing when it is played again', async () => {
    const relay = await openTestRelay()
    const node = await openNode(relay)
    for (let i = 0; i < 50; i++) node.api.points.set(`p/${i}`, i)
    const sent: Uint8Array[] = []
    const first = new TamperedConnection(await node.dial(), (frame, send) => {
      sent.push(frame.slice())
      send(frame)
    })
    node.attach(first)
    await node.api.points.set('p/0', 'newest').durable('relay')
    first.close()
    await ended(relay)
    const before = relay.status().sites[0]!.spaces[0]!

    const replayed = await node.dial()
    const over = new Promise<CloseReason>(resolve =>
      replayed.attach({ frame: () => undefined, drain: () => undefined, closed: resolve })
    )
    for (const frame of sent) replayed.send(frame)
    replayed.send(sent[0]!) // its hello once more
    expect((await over).code).toBe('SESSION_PROTOCOL_VIOLATION')
    const hq = await relay.site('hq')
    expect(hq.points.get('p/0')?.value).toBe('newest')
    expect(relay.status().sites[0]!.spaces[0]).toMatchObject({
      registers: before.registers,
      tombstones: before.tombstones,
      conflicts: 0
    })
    await expectWhole(relay, node)
  })

  it('that speaks another version of the protocol is told both, and which to update', async () => {
    const relay = await openTestRelay()
    const node = await openNode(relay)
    node.attach(
      new TamperedConnection(await node.dial(), (frame, send) => {
        // A hello begins with the oldest and the newest version that its sender speaks.
        if (kindOf(frame) === kind.hello) frame.set([9, 9], 1)
        send(frame)
      })
    )
    const reason = await ended(relay)
    expect(reason.code).toBe('SESSION_PROTOCOL_VERSION')
    expect(reason.message).toBe('the peer speaks session protocol 9 to 9, this side 1 to 1: update the older one')
    await expectWhole(relay, node)
  })
})

describe('a caller', () => {
  const dial = (relay: TestRelay, roster = rosterOf('hq'), key = keyOf('hq')) =>
    dialTrunk({ clock: systemClock, random: seededRandom(4), log: silentLogger, url: relay.url!, key, roster })

  it('of a site that the relay does not know is refused', async () => {
    const relay = await openTestRelay()
    await expect(dial(relay, rosterOf('lab'), keyOf('lab'))).rejects.toMatchObject({ code: 'TRUNK_REFUSED_SITE' })
    expect(relay.status().sessions).toBe(0)
  })

  it('with a key that is not in the roster is refused', async () => {
    const relay = await openTestRelay()
    const stranger = generateNodeKey()
    const roster = testRoster('hq', [stranger], relayKey)
    await expect(dial(relay, roster, stranger)).rejects.toMatchObject({ code: 'TRUNK_REFUSED_NODE' })
    expect(relay.status().sessions).toBe(0)
  })

  it('whose roster names another relay refuses this one', async () => {
    const relay = await openTestRelay()
    const roster = testRoster('hq', [keyOf('hq')], generateNodeKey())
    await expect(dial(relay, roster)).rejects.toMatchObject({ code: 'TRUNK_REFUSED_RELAY' })
    expect(relay.status().sessions).toBe(0)
  })
})

describe('a peer', () => {
  it('that sends half a delta and dies leaves nothing that is claimed and not held', async () => {
    const relay = await openTestRelay()
    const node = await openNode(relay)
    const random = seededRandom(8)
    for (let i = 0; i < 300; i++) node.api.points.set(`p/${i}`, random.bytes(1_000))
    const connection = await node.dial()
    let frames = 0
    let dead = false
    node.attach(
      new TamperedConnection(connection, (frame, send) => {
        if (dead) return
        send(frame)
        if (kindOf(frame) !== kind.registers || ++frames < 2) return
        dead = true
        connection.close()
      })
    )
    await ended(relay)
    const hq = await relay.site('hq')
    const half = [...hq.points.list('p/*')].length
    expect(half).toBeGreaterThan(0)
    expect(half).toBeLessThan(300)
    await expectWhole(relay, node)
    expect([...hq.points.list('p/*')]).toHaveLength(300)
    expect(hq.space('state').conflicts()).toEqual([])
  })

  it('that stops reading is sent no more than its credit, however much is written, and then only what is newest', async () => {
    const relay = await openTestRelay()
    const node = await openNode(relay)
    const connection = new TamperedConnection(await node.dial(), (frame, send) => send(frame))
    node.attach(connection)
    await node.api.points.set('here', true).durable('relay')
    connection.stopReading()
    const hq = await relay.site('hq')
    const before = connection.bytesIn
    const random = seededRandom(9)
    const writes = { points: 300, rounds: 40, bytes: 1_000 }
    for (let round = 0; round < writes.rounds; round++) {
      for (let i = 0; i < writes.points; i++) hq.points.set(`p/${i}`, random.bytes(writes.bytes))
      await new Promise(resolve => setImmediate(resolve))
    }
    await hq.points.set('last', true).durable('local')
    const written = writes.points * writes.rounds * writes.bytes
    const status = relay.status().sites[0]!
    // Its credit is 1 MiB; what does not count against it (acks, pings) is small. Nothing is queued beside the table itself.
    expect(connection.bytesIn - before).toBeLessThan(1.2 * 2 ** 20)
    expect(written).toBeGreaterThan(10 * 2 ** 20)
    expect(status.backlog).toBeLessThanOrEqual(writes.points + 10)
    connection.readOn()
    await vi.waitFor(() => expect(node.api.points.get('last')?.value).toBe(true), soon)
    await vi.waitFor(() => expect(relay.status().sites[0]!.backlog).toBe(0), soon)
    for (let i = 0; i < writes.points; i++) expect(node.api.points.get(`p/${i}`)?.value).toEqual(hq.points.get(`p/${i}`)?.value)
  })
})

describe('a stamp', () => {
  const at = (offsetMs: number): Clock => ({ ...systemClock, wallMs: () => systemClock.wallMs() + offsetMs })
  const yearMs = 365 * 86_400_000

  it('of 1970 is taken for what it says, and loses to any write of today', async () => {
    const relay = await openTestRelay()
    const node = await openNode(relay, at(1_000 - Date.now()))
    node.attach(await node.dial())
    await node.api.points.set('ahu/1/temp', 'of 1970').durable('relay')
    const hq = await relay.site('hq')
    expect(hq.points.get('ahu/1/temp')).toMatchObject({ value: 'of 1970' })
    expect(hq.points.get('ahu/1/temp')!.ageMs).toBeGreaterThan(50 * yearMs)
    hq.points.set('ahu/1/temp', 'of today')
    // To that node today is far ahead: it holds the write back until its clock is right, and keeps it all the same.
    await vi.waitFor(
      () => expect(node.api.heldBack()).toContainEqual(expect.objectContaining({ path: 'ahu/1/temp', value: 'of today' })),
      soon
    )
    await node.api.points.set('ahu/2/temp', 'again of 1970').durable('relay')
    expect(hq.points.get('ahu/1/temp')?.value).toBe('of today')
    expect(relay.status().sites[0]!.clockOffsetMs).toBeLessThan(-50 * yearMs)
  })

  it('of next year is held back, and never obeyed unless an operator says so', async () => {
    const relay = await openTestRelay()
    const hq = await relay.site('hq')
    await hq.points.set('ahu/1/temp', 'of today').durable('local')
    const node = await openNode(relay, at(yearMs))
    node.attach(await node.dial())
    for (const path of ['ahu/1/temp', 'ahu/2/temp']) await node.api.points.set(path, 'of next year').durable('relay')
    expect(hq.points.get('ahu/1/temp')?.value).toBe('of today')
    expect(hq.points.get('ahu/2/temp')).toBeUndefined()
    const state = hq.space('state')
    const held = state.heldBack()
    expect(held.map(({ path }) => path).sort()).toEqual(expect.arrayContaining(['ahu/1/temp', 'ahu/2/temp']))
    for (const { aheadMs } of held) expect(aheadMs).toBeGreaterThan(0.9 * yearMs)
    hq.points.set('ahu/3/temp', 'its clock went on')
    expect(hq.points.get('ahu/3/temp')!.atMs).toBeLessThan(Date.now() + 60_000)
    state.discardHeldBack('ahu/1/temp')
    state.releaseHeldBack('ahu/2/temp')
    expect(hq.points.get('ahu/1/temp')?.value).toBe('of today')
    expect(hq.points.get('ahu/2/temp')?.value).toBe('of next year')
    expect(() => state.discardHeldBack('ahu/9/temp')).toThrow(expect.objectContaining({ code: 'SHADOW_UNKNOWN' }))
  })
})

describe('a relay', () => {
  it('whose disk is full says so, takes what comes, and acknowledges it once there is room', async () => {
    const disk = { full: false }
    const relay = await openTestRelay(
      {},
      {
        openStore: (_, { clock }) =>
          Promise.resolve(
            new MemoryStore({
              clock,
              retryDelayMinMs: 5,
              retryDelayMaxMs: 20,
              beforeSync() {
                if (disk.full) throw new SelvedgeError('STORE_FULL', 'no space left on the device')
              }
            })
          )
      }
    )
    await relay.loaded()
    const node = await openTestNode(relay.url!, 'hq')
    await node.space('state').points.set('ahu/1/temp', 1).durable('relay')
    disk.full = true
    const receipt = node.space('state').points.set('ahu/1/temp', 2)
    const waiting = receipt.durable('relay')
    await receipt.durable('local')
    const hq = await relay.site('hq')
    await vi.waitFor(() => expect(hq.points.get('ahu/1/temp')?.value).toBe(2), soon)
    await vi.waitFor(() => expect(relay.status().store).toMatchObject({ state: 'degraded', code: 'STORE_FULL' }), soon)
    expect(relay.status().health.alarms).toContainEqual(expect.objectContaining({ code: 'STORE_FULL', severity: 'critical' }))
    expect((await fetchPage(relay.url!.replace(/^ws(.*)\/trunk$/, 'http$1/readyz'))).status).toBe(503)
    expect(receipt.reached()).toBe('local')
    disk.full = false
    await waiting
    await vi.waitFor(() => expect(relay.status().health.state).toBe('ok'), soon)
  })
})
