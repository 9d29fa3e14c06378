import { describe, expect, it } from 'vitest'
import { Kind } from './frames.js'
import { Keepalive } from './keepalive.js'
import type { MemberRole } from './members.js'

/** How many beats and pings go out in 100 intervals of 800 ms, looked at twice in each. */
function sent(step: (keepalive: Keepalive, now: number) => void, peer: MemberRole = 'node'): { beats: number; pings: number } {
  const keepalive = new Keepalive(800, peer)
  keepalive.start(0)
  const counts = { beats: 0, pings: 0 }
  for (let now = 400; now <= 80_000; now += 400) {
    step(keepalive, now)
    const next = keepalive.next(now, 0)
    if (!next) continue
    counts[next.kind === Kind.Ping ? 'pings' : 'beats']++
    keepalive.sent(now)
  }
  return counts
}

describe('SES-18 a session that is alive', () => {
  it('sends something in each interval, and asks now and then while its peer is heard', () => {
    const { beats, pings } = sent((keepalive, now) => keepalive.heard(now))
    expect(pings).toBe(10)
    expect(beats + pings).toBeGreaterThanOrEqual(99)
    expect(beats + pings).toBeLessThanOrEqual(101)
  })

  it('sends no beat while it has something else to say', () => {
    const busy = (keepalive: Keepalive, now: number): void => {
      keepalive.heard(now)
      keepalive.sent(now)
    }
    expect(sent(busy)).toEqual({ beats: 0, pings: 10 })
  })

  it('asks in each interval while nothing comes', () => {
    expect(sent((keepalive, now) => keepalive.sent(now)).pings).toBeGreaterThanOrEqual(98)
  })

  it('does not ask a peer whose beats come late by a look at the clock', () => {
    let heardAt = 0
    const late = (keepalive: Keepalive, now: number): void => {
      if (now - heardAt >= 800) keepalive.heard((heardAt = now - 1))
    }
    expect(sent(late).pings).toBe(10)
  })

  it('asks a relay in each interval, whatever passes: what it answers is what a claim of the trunk stands on', () => {
    const now = (keepalive: Keepalive, at: number): void => {
      // A frame each way just behind a look: at the second look after it nothing has come for a little less than an interval.
      keepalive.heard(at + 1)
      keepalive.sent(at + 1)
    }
    expect(sent(now, 'relay')).toEqual({ beats: 0, pings: 100 })
  })
})
