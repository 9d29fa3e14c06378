import { describe, expect, it } from 'vitest'
import { Keepalive } from './keepalive.js'

/** How many pings go out in 100 intervals of 500 ms, looked at twice in each. */
function pings(step: (keepalive: Keepalive, now: number) => void): number {
  const keepalive = new Keepalive(500)
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
})
