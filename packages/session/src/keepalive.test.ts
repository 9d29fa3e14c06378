import { ByteReader } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { Kind } from './frames.js'
import { Keepalive } from './keepalive.js'
import type { MemberRole } from './members.js'

interface Sent {
  readonly beats: number
  readonly pings: number
  /** Milliseconds between what is sent, at most. */
  readonly gapMs: number
}

/** What goes out in 80 s of a session of 800 ms that is looked at when it asks to be. */
function sent(step: (keepalive: Keepalive, now: number) => void, peer: MemberRole = 'node', paceMs = 800): Sent {
  const keepalive = new Keepalive(800, 1_800, peer)
  keepalive.start(0)
  keepalive.sent(0)
  keepalive.setPace(paceMs)
  const counts = { beats: 0, pings: 0, gapMs: 0 }
  let last = 0
  for (let now = 0; now <= 80_000; now = Math.max(now + 1, keepalive.dueAt)) {
    step(keepalive, now)
    const next = keepalive.next(now, 0)
    if (!next) continue
    counts[next.kind === Kind.Ping ? 'pings' : 'beats']++
    counts.gapMs = Math.max(counts.gapMs, now - last)
    last = now
  }
  return counts
}

/** How long a peer may be silent that promised `paceMs`; undefined: it promised nothing. */
function patience(paceMs?: number): number {
  const peer = new Keepalive(800, 1_800, 'node')
  const keepalive = new Keepalive(800, 1_800, 'node')
  peer.start(0)
  keepalive.start(0)
  if (paceMs !== undefined) {
    peer.setPace(paceMs)
    const beat = peer.next(0, 7)!
    expect(beat.kind).toBe(Kind.Beat)
    expect(keepalive.receiveBeat(new ByteReader(beat.body))).toBe(7)
  }
  let silentMs = 0
  while (!keepalive.isOver(silentMs)) silentMs++
  return silentMs - 1
}

describe('SES-18 a session that is alive', () => {
  const heard = (keepalive: Keepalive, now: number): void => keepalive.heard(now)

  it('sends something in each interval, and asks now and then', () => {
    const { beats, pings, gapMs } = sent(heard)
    expect(pings).toBe(10)
    expect(beats + pings).toBeGreaterThanOrEqual(100)
    expect(beats + pings).toBeLessThanOrEqual(102)
    expect(gapMs).toBeLessThanOrEqual(800)
  })

  it('sends less at a slower pace, that it tells first', () => {
    const { beats, pings, gapMs } = sent(heard, 'node', 4_000)
    expect(pings).toBe(2)
    expect(beats).toBeGreaterThanOrEqual(19)
    expect(beats).toBeLessThanOrEqual(21)
    expect(gapMs).toBeLessThanOrEqual(4_000)
  })

  it('sends no beat while it has something else to say', () => {
    const busy = (keepalive: Keepalive, now: number): void => {
      keepalive.heard(now)
      keepalive.sent(now)
    }
    expect(sent(busy)).toMatchObject({ beats: 0, pings: 10 })
  })

  it('asks a relay in each interval: what it answers is what a claim of the trunk stands on', () => {
    const { beats, pings } = sent(heard, 'relay')
    expect(beats).toBe(0)
    expect(pings).toBeGreaterThanOrEqual(100)
    expect(pings).toBeLessThanOrEqual(101)
  })

  it('is over when a peer was silent for longer than it promised, in proportion', () => {
    expect(patience()).toBe(1_800)
    expect(patience(800)).toBe(1_800)
    expect(patience(3_000)).toBe(6_750)
  })

  it('takes no promise of less than its own interval, nor one without end', () => {
    expect(patience(1)).toBe(1_800)
    expect(patience(1e12)).toBe(30 * 1_800)
  })

  it('looks when the silence is over, at once', () => {
    const keepalive = new Keepalive(800, 1_800, 'node')
    keepalive.start(0)
    let now = 0
    while (!keepalive.isOver(now)) {
      keepalive.next(now, 0)
      now = keepalive.dueAt
    }
    expect(now).toBe(1_801)
  })
})
