import { ManualClock, nodeId, seededRandom, type CloseReason, type Connection, type Environment } from '@selvedge/core'
import type { Peer } from '@selvedge/replica'
import { describe, expect, it } from 'vitest'
import { TrunkHolder } from './trunk-holder.js'

interface State {
  open: boolean
  closeReason?: CloseReason
}

const refused: State = { open: false, closeReason: { code: 'SESSION_PROTOCOL_VERSION', message: 'of another version' } }

/** Of each dial: how its session is when it is attached, and what becomes of it a moment later. */
class Bench {
  readonly clock = new ManualClock()
  dials = 0
  readonly holder: TrunkHolder

  constructor(sessions: readonly (readonly [at: State, soon?: State])[]) {
    this.holder = new TrunkHolder({
      environment: { clock: this.clock, random: seededRandom(1) } as unknown as Environment,
      self: nodeId('a'),
      dial: () => Promise.resolve({ close: () => undefined } as unknown as Connection),
      attach: () => {
        const [at, soon] = sessions[Math.min(this.dials++, sessions.length - 1)]!
        const becomes = (state: State): void => {
          Object.assign(session, state)
          if (state.closeReason) this.holder.down(peer, state.closeReason)
        }
        const session = {
          ...at,
          silentMs: () => 0,
          close: (closeReason: CloseReason) => becomes({ open: false, closeReason })
        }
        const peer = { session } as unknown as Peer
        if (soon) this.clock.setTimer(50, () => becomes(soon))
        return peer
      },
      claimed: () => undefined,
      held: () => undefined,
      failed: () => undefined
    })
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.advance(50)
      for (let turns = 0; turns < 5; turns++) await Promise.resolve()
    }
  }
}

describe('a trunk whose session never opened', () => {
  it.each([
    ['was refused before it was attached', [refused]],
    ['was refused then', [{ open: false }, refused]],
    ['got no answer', [{ open: false }]]
  ] as [string, [State, State?]][])('and %s is dialled again', async (_, session) => {
    const bench = new Bench([session, session, [{ open: true }]])
    await bench.pass(60_000)
    expect(bench.dials).toBe(3)
    expect(bench.holder.session).toBeDefined()
    bench.holder.close()
  })
})

it('a trunk that opened before it was attached is held', async () => {
  const bench = new Bench([[{ open: true }]])
  await bench.pass(3_000)
  expect(bench.holder.ownClaim).not.toBeNull()
  bench.holder.close()
})
