import { describe, expect, it } from 'vitest'
import { Keepalive } from './keepalive.js'
import type { MemberRole } from './members.js'

/** How many pings go out in 100 intervals of 500 ms, looked at twice in each. */
function pings(step: (keepalive: Keepalive, now: number) => void, peer: MemberRole = 'node'): number {
  const keepalive = new Keepalive(500, peer)
  keepalive.start(0)
  let count = 0
  for (let now = 250; now <= 50_000; now += 250) {
    step(keepalive, now)
    if (!keepalive.ping(now, 0)) continue
    count++
    keepalive.sent(now)
  }
  return count
}

describe('SES-18 a session that is alive', () => {
  it('pings once an interval when nothing comes, or nothing goes', () => {
    expect(pings(() => undefined)).toBe(100)
    expect(pings((keepalive, now) => keepalive.heard(now))).toBe(100)
    expect(pings((keepalive, now) => keepalive.sent(now))).toBe(100)
  })

  it('pings once in four intervals while frames go both ways', () => {
    const busy = (keepalive: Keepalive, now: number): void => {
      keepalive.heard(now)
      keepalive.sent(now)
    }
    expect(pings(busy)).toBe(25)
  })

  it('asks a relay in each interval, whatever passes: what it answers is what a claim of the trunk stands on', () => {
    const now = (keepalive: Keepalive, at: number): void => {
      // A frame each way just behind a look: at the second look after it nothing has come for a little less than an interval.
      keepalive.heard(at + 1)
      keepalive.sent(at + 1)
    }
    expect(pings(now, 'relay')).toBe(100)
  })
})
