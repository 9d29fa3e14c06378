import { describe, expect, test } from 'vitest'
import { nodeId, seededRandom } from '@selvedge/core'
import { TrunkElection, type TrunkEffect, type TrunkElectionOptions, type TrunkEvent } from './trunk-election.js'

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(nodeId) as [
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>
]
const claim = { sinceMs: 1 }

/** One node under a clock; peers in `alive` say that they are there twice a second. */
class Bench {
  nowMs = 0
  readonly election: TrunkElection
  readonly log: { atMs: number; effect: TrunkEffect['type'] | 'claim null' }[] = []
  readonly alive = new Map<ReturnType<typeof nodeId>, typeof claim | null>()
  answering = true

  constructor(self = b, options: Partial<TrunkElectionOptions> = {}) {
    this.election = new TrunkElection({ self, random: { ...seededRandom(1), float: () => 0.5 }, ...options })
    this.send({ type: 'tick' })
  }

  send(event: TrunkEvent): string[] {
    const effects = this.election.handle(event, this.nowMs)
    const names = effects.map(effect => (effect.type === 'claim' && effect.claim === null ? 'claim null' : effect.type))
    for (const effect of names) this.log.push({ atMs: this.nowMs, effect })
    return names
  }

  present(node: ReturnType<typeof nodeId>, claimed: typeof claim | null = null): string[] {
    this.alive.set(node, claimed)
    return this.send({ type: 'presence', node, claim: claimed })
  }

  gone(node: ReturnType<typeof nodeId>): void {
    this.alive.delete(node)
    this.send({ type: 'peerGone', node })
  }

  /** Ticks when due, and lets those alive speak. Returns what happened. */
  run(ms: number): string[] {
    const from = this.log.length
    const endMs = this.nowMs + ms
    for (;;) {
      const speakMs = (Math.floor(this.nowMs / 500) + 1) * 500
      const wakeMs = this.election.wakeAtMs ?? Number.POSITIVE_INFINITY
      expect(wakeMs).toBeGreaterThan(this.nowMs)
      const nextMs = Math.min(speakMs, wakeMs)
      if (nextMs > endMs) break
      this.nowMs = nextMs
      if (wakeMs <= nextMs) this.send({ type: 'tick' })
      if (speakMs !== nextMs) continue
      for (const [node, claimed] of this.alive) this.send({ type: 'presence', node, claim: claimed })
      if (this.answering && this.election.holding) this.send({ type: 'trunkAnswered', agoMs: 0 })
    }
    this.nowMs = endMs
    return this.log.slice(from).map(({ effect }) => effect)
  }

  up(): string[] {
    return this.send({ type: 'trunkUp', sinceMs: 1 })
  }

  down(failed = true, retryAfterMs?: number): string[] {
    return this.send({ type: 'trunkDown', failed, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
  }
}

test('a node alone settles, dials, and claims once the hello completed (E1, E2)', () => {
  const bench = new Bench()
  expect(bench.run(999)).toEqual([])
  expect(bench.run(1)).toEqual(['dial'])
  expect(bench.election.holder).toBeUndefined()
  expect(bench.up()).toEqual(['claim'])
  expect(bench.election.holder).toBe(b)
  expect(bench.run(600_000)).toEqual([])
})

test('without a claim rank k dials after k × delta + jitter (E2)', () => {
  for (const [self, rank] of [
    [a, 0],
    [b, 1],
    [d, 3]
  ] as const) {
    const bench = new Bench(self, { settleMs: 0, takeBackAfterMs: 1e9 })
    for (const node of [a, b, c, d]) if (node !== self) bench.present(node, node === c || node === a ? claim : null)
    bench.run(5_000)
    if (bench.log.some(({ effect }) => effect === 'dial')) bench.down(false)
    bench.log.length = 0
    // The claims are withdrawn: the contest starts now.
    const startMs = bench.nowMs
    for (const node of [a, c]) if (node !== self) bench.present(node, null)
    bench.run(2_000)
    expect(bench.log[0]).toEqual({ atMs: startMs + rank * 250 + 62.5, effect: 'dial' })
  }
})

describe('with a live claim (E3)', () => {
  test('nobody dials', () => {
    const bench = new Bench()
    bench.present(a, claim)
    bench.present(c)
    expect(bench.run(300_000)).toEqual([])
    expect(bench.election.holder).toBe(a)
  })

  test('an attempt under way is given up, whoever claims', () => {
    for (const holder of [a, c]) {
      const bench = new Bench()
      bench.present(a)
      bench.present(c)
      expect(bench.run(2_000)).toEqual(['dial'])
      expect(bench.present(holder, claim)).toEqual(['drain'])
      // The hello may complete while the drain is on its way: it claims nothing.
      expect(bench.up()).toEqual([])
      expect(bench.down(false)).toEqual([])
      expect(bench.run(10_000)).toEqual([])
    }
  })
})

describe('of two holders (E4)', () => {
  test('the worse rank drains', () => {
    const bench = new Bench()
    bench.run(1_500)
    bench.up()
    expect(bench.present(a, claim)).toEqual(['drain', 'claim null'])
    expect(bench.down(false)).toEqual([])
    expect(bench.run(60_000)).toEqual([])
  })

  test('the better rank stays', () => {
    const bench = new Bench()
    bench.run(1_500)
    bench.up()
    expect(bench.present(c, claim)).toEqual([])
    expect(bench.run(5_000)).toEqual([])
    expect(bench.election.holder).toBe(b)
  })
})

describe('after a failure (E5)', () => {
  test('a node waits for its backoff, longer each time, and then dials again', () => {
    const bench = new Bench()
    bench.run(1_500)
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      const failedMs = bench.nowMs
      bench.down()
      while (!bench.run(10).includes('dial'));
      waits.push(bench.nowMs - failedMs)
    }
    expect(waits[0]).toBeLessThan(500)
    expect(waits.at(-1)).toBeGreaterThan(4_000)
    expect(Math.max(...waits)).toBeLessThanOrEqual(10_010)
  })

  test('it keeps to what the relay asked for', () => {
    const bench = new Bench()
    bench.run(1_500)
    bench.down(true, 30_000)
    expect(bench.run(29_990)).toEqual([])
    expect(bench.run(1_000)).toEqual(['dial'])
  })

  test('an attempt that never ends is given up', () => {
    const bench = new Bench()
    bench.run(1_500)
    expect(bench.run(9_000)).toEqual([])
    expect(bench.run(1_000)).toEqual(['drain'])
    expect(bench.down(false)).toEqual([])
    expect(bench.run(1_000)).toContain('dial')
  })

  test('a trunk that held steadily is redialled soon', () => {
    const bench = new Bench()
    bench.run(1_500)
    for (let i = 0; i < 8; i++) {
      bench.down()
      while (!bench.run(10).includes('dial'));
    }
    bench.up()
    bench.run(60_000)
    expect(bench.down()).toEqual(['claim null'])
    expect(bench.run(500)).toEqual(['dial'])
  })
})

describe('a relay that does not answer (E1)', () => {
  test('withdraws the claim, and an answer brings it back', () => {
    const bench = new Bench()
    bench.run(1_500)
    bench.up()
    bench.answering = false
    expect(bench.run(3_500)).toEqual(['claim null'])
    expect(bench.election.holder).toBeUndefined()
    bench.answering = true
    expect(bench.run(1_000)).toEqual(['claim'])
  })

  test('lets the silent holder drain once another claims, and stand back', () => {
    const bench = new Bench(a)
    bench.present(b)
    bench.run(1_500)
    bench.up()
    bench.answering = false
    bench.run(3_500)
    expect(bench.present(b, claim)).toEqual(['drain'])
    bench.down(false)
    expect(bench.run(60_000)).toEqual([])
  })
})

describe('taking back (E6)', () => {
  test('rank 0 waits for 60 s in which nothing changed, and holds before the other drains', () => {
    const bench = new Bench(a)
    bench.present(b, claim)
    bench.run(30_000)
    bench.present(c)
    expect(bench.run(59_999)).toEqual([])
    expect(bench.run(2)).toEqual(['dial'])
    bench.present(b, claim)
    expect(bench.up()).toEqual(['claim'])
    expect(bench.election.holder).toBe(a)
    bench.present(b, null)
    expect(bench.run(60_000)).toEqual([])
  })

  test('a rank that is better but not the best never does', () => {
    const bench = new Bench(b)
    bench.present(a)
    bench.present(c, claim)
    expect(bench.run(1_000_000)).toEqual([])
  })

  test('each trunk lost doubles the wait, up to about an hour', () => {
    const bench = new Bench(a)
    bench.present(b)
    bench.run(1_500)
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      bench.up()
      bench.run(5_000)
      bench.down()
      bench.present(b, claim)
      const lostMs = bench.nowMs
      while (!bench.run(1_000).includes('dial'));
      waits.push(Math.round((bench.nowMs - lostMs) / 60_000))
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 64, 64])
  })
})

describe('a holder that dies', () => {
  test('is followed at once when its connection closes', () => {
    const bench = new Bench(b)
    bench.present(a, claim)
    bench.present(c)
    bench.run(10_000)
    bench.gone(a)
    expect(bench.run(130)).toEqual(['dial'])
  })

  test('takes its claim with it, and its rank (E7)', () => {
    const bench = new Bench(c)
    bench.present(a, claim)
    bench.present(b)
    bench.run(10_000)
    bench.gone(b)
    bench.gone(a)
    expect(bench.election.holder).toBeUndefined()
    expect(bench.run(130)).toEqual(['dial'])
  })
})

test('what makes no sense changes nothing', () => {
  const bench = new Bench()
  expect(bench.up()).toEqual([])
  expect(bench.down()).toEqual([])
  expect(bench.send({ type: 'trunkAnswered', agoMs: 0 })).toEqual([])
  expect(bench.present(b, claim)).toEqual([])
  bench.gone(b)
  expect(bench.send({ type: 'peerGone', node: d })).toEqual([])
  expect(bench.run(1_500)).toEqual(['dial'])
})

describe('a wait after failed dials (E8)', () => {
  /** Has failed so often that its wait is as long as waits get. */
  function discouraged(): Bench {
    const bench = new Bench(b)
    bench.present(c)
    for (let failures = 0; failures < 8; failures++) {
      while (bench.log.at(-1)?.effect !== 'dial') bench.run(500)
      bench.down()
      bench.log.push({ atMs: bench.nowMs, effect: 'claim null' })
    }
    return bench
  }

  test("ends when another node's trunk stands, so that its death is answered at once", () => {
    const bench = discouraged()
    bench.present(c, claim)
    bench.run(600)
    bench.gone(c)
    expect(bench.run(1_000)).toContain('dial')
  })

  test('goes on while nobody has reached the relay', () => {
    const bench = discouraged()
    expect(bench.run(1_000)).not.toContain('dial')
  })

  test('does not end when the relay asked for it', () => {
    const bench = new Bench(b)
    bench.present(c)
    while (bench.log.at(-1)?.effect !== 'dial') bench.run(500)
    bench.down(true, 60_000)
    bench.present(c, claim)
    bench.run(600)
    bench.gone(c)
    expect(bench.run(10_000)).not.toContain('dial')
  })
})
