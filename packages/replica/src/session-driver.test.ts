/** When a session sends: at once when it was idle, gathered when it has just sent, later when others will have told the peer. */
import { describe, expect, it } from 'vitest'
import { ManualClock, type Connection, type ConnectionHandlers, type NodeId } from '@selvedge/core'
import { TestWorld, type TestReplica } from '../../session/src/testing/harness.js'
import { SessionDriver } from './session-driver.js'
import { SessionTurns } from './session-turns.js'

interface Driven {
  readonly clock: ManualClock
  readonly replicas: readonly TestReplica[]
  readonly drivers: readonly SessionDriver[]
  /** Data frames that the first side has sent. */
  frames(): number
  /** The connection takes no more from the first side, which still hears the second. */
  fill(): void
}

/** Two replicas of a world of three, with drivers over a connection that takes no time. The second hears `heard` for itself. */
function driven(heard: (node: NodeId) => boolean = () => false, keepaliveMs = 1e8): Driven {
  const clock = new ManualClock()
  const { replicas } = new TestWorld(1, 3)
  const handlers: ConnectionHandlers[] = []
  let frames = 0
  let isFull = false
  const drivers = [0, 1].map(side => {
    const peer = replicas[1 - side]!
    const connection: Partial<Connection> = {
      kind: 'mesh',
      attach: given => void (handlers[side] = given),
      send: frame => {
        if (side === 0) frames++
        clock.soon(() => handlers[1 - side]!.frame(frame))
        return side === 1 || !isFull
      },
      close: () => undefined
    }
    const driver = new SessionDriver({
      connection: connection as Connection,
      clock,
      turns: new SessionTurns(clock),
      session: {
        source: 1,
        peer: { node: peer.node, role: 'node' },
        keepaliveMs,
        timeoutMs: 1e9,
        compareIntervalMs: 1e9,
        // Nothing is sent but what this test writes.
        tuning: {
          ...new TestWorld(1, 1).tuning,
          liveRegistersMax: 1_000,
          registersFrameBytes: 48 * 1024,
          membersIntervalMs: 1e9,
          heardMembersIntervalMs: 1e9
        }
      },
      host: {
        nowMs: () => clock.wallMs(),
        opened: () => undefined,
        heard: () => undefined,
        hears: heard,
        offered: () => undefined,
        signal: () => undefined
      },
      onClosed: () => undefined
    })
    driver.session.addSpace(replicas[side]!)
    return driver
  })
  for (const driver of drivers) driver.start()
  clock.advance(1_000)
  return { clock, replicas, drivers, frames: () => frames, fill: () => void (isFull = true) }
}

describe('a session driver', () => {
  it('looks at a session now and then, also while its connection takes nothing', () => {
    const { clock, drivers, frames, fill } = driven(undefined, 800)
    const [driver] = drivers as [SessionDriver]
    let looks = 0
    const tick = driver.session.tick.bind(driver.session)
    driver.session.tick = now => (looks++, tick(now))
    fill()
    clock.advance(800)
    const before = frames()
    looks = 0
    clock.advance(80_000)
    expect(frames()).toBe(before)
    expect(looks).toBeGreaterThanOrEqual(100)
    expect(looks).toBeLessThanOrEqual(120)
    expect(driver.session.closeReason).toBeUndefined()
  })

  it('sends at once when idle, then lets changes gather: the longer, the more it has just sent', () => {
    const { clock, replicas, drivers, frames } = driven()
    const [one, two] = replicas as [TestReplica, TestReplica]
    const write = (count: number): void => {
      for (let i = 0; i < count; i++) one.table.set(`p/${i}`, Math.floor(clock.monotonicMs() * 1e3) + i)
      drivers[0]!.changed(undefined)
      clock.advance(0)
    }
    const start = frames()
    write(1)
    expect(two.table.get('p/0')?.value).toBe(one.table.get('p/0')?.value)
    const once = frames() - start
    clock.advance(0.5)
    write(80)
    expect(frames() - start).toBe(once)
    clock.advance(0.6)
    expect(two.table.get('p/79')?.value).toBe(one.table.get('p/79')?.value)
    const twice = frames()
    clock.advance(5)
    write(1)
    expect(frames()).toBe(twice)
    clock.advance(2)
    expect(frames()).toBeGreaterThan(twice)
    clock.advance(1_000)
    write(1)
    expect(two.shown()).toBe(one.shown())
  })

  it('sleeps on after writes that the peer hears for itself, not after others', () => {
    const { clock, replicas, drivers } = driven(node => node === 'c')
    const [driver] = drivers as [SessionDriver]
    let polls = 0
    const poll = driver.session.poll.bind(driver.session)
    driver.session.poll = now => (polls++, poll(now))
    const polled = (arrivedFrom: readonly string[]): boolean => {
      const before = polls
      driver.changed(new Set(arrivedFrom as NodeId[]))
      clock.advance(0)
      return polls > before
    }
    const peer = replicas[1]!.node
    expect(polled(['c'])).toBe(false)
    expect(polled(['c', peer])).toBe(false)
    clock.advance(99)
    expect(polls).toBe(0)
    clock.advance(1)
    expect(polls).toBeGreaterThan(0)
    expect(polled(['d'])).toBe(true)
    expect(polled(['c', 'd'])).toBe(true)
    // A wake for a better reason takes the later one with it.
    expect(polled(['c'])).toBe(false)
    driver.wake()
    clock.advance(0)
    const woken = polls
    clock.advance(110)
    expect(polls).toBe(woken)
  })

  it('looks again when the first of what waits is due, also when it was told of that last', () => {
    const { clock, drivers } = driven()
    const [driver] = drivers as [SessionDriver]
    let [polls, inMs] = [0, 1_000]
    driver.session.pollAgainInMs = () => inMs
    driver.session.poll = () => void polls++
    driver.wake()
    clock.advance(0)
    inMs = 100
    driver.wake()
    clock.advance(0)
    const woken = polls
    clock.advance(100)
    expect(polls).toBe(woken + 1)
  })
})
