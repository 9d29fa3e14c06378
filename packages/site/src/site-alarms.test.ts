import { AlarmBoard } from '@selvedge/replica'
import { describe, expect, it } from 'vitest'
import { hlcToHex, ManualClock, nodeId, seededRandom, silentLogger, systemClock, type Clock } from '@selvedge/core'
import { SiteAlarms } from './site-alarms.js'
import { nodeSystem } from './system/node-system.js'
import { building, open, until } from './testing/building.js'
import type { SiteSystem } from './site-options.js'

const dayMs = 86_400_000

/** The machine's clock, off by `offsetMs`. */
function system(offsetMs: number): SiteSystem {
  const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + offsetMs }
  return { ...nodeSystem, clock }
}

describe('alarms of clocks', () => {
  it('name the node whose clock is off, on every node, and tell of what is held back until that is settled', async () => {
    const place = await building(['hq-1', 'hq-2', 'hq-3'])
    const ahead = await open(place, 2, { system: system(365 * dayMs), bootAloneAfterMs: 1 })
    await ahead.ready()
    ahead.points.set('ahu/1/supply-temp', 99)
    const mesh = { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false }
    const one = await open(place, 0, { mesh: { ...mesh, peers: ahead.addresses } })
    const two = await open(place, 1, { mesh: { ...mesh, peers: [...ahead.addresses, ...one.addresses] } })
    const alarmsOf = ({ health }: typeof one) => health.alarms.map(({ code, message }) => `${code}: ${message}`).join('\n')
    for (const site of [one, two]) {
      await until(() => alarmsOf(site).includes('CLOCK_SKEW: the clock of hq-3 is 365 d ahead of'), 'the skew')
      await until(
        () => /HELD_BACK: \d+ writes in hq\/state are held back: the clock of hq-3 was/.test(alarmsOf(site)),
        'what is held back'
      )
      expect(alarmsOf(site)).not.toContain('hq-1')
      expect(alarmsOf(site)).not.toContain('this node’s clock is')
    }
    await until(() => alarmsOf(ahead).includes('CLOCK_SKEW: this node’s clock is 365 d ahead of'), 'its own skew')
    await ahead.close()
    await until(() => !alarmsOf(one).includes('CLOCK_SKEW'), 'the alarm to go with the node')
    // What the closed node wrote last may still come, from the other one.
    await until(() => {
      for (const { path, slot } of one.space('state').heldBack()) one.space('state').discardHeldBack(path, slot)
      return alarmsOf(one) === '' && alarmsOf(two) === ''
    }, 'health')
  })
})

describe('other alarms', () => {
  it('NODE_CLONED: another process runs with this node’s key and data', async () => {
    const place = await building(['hq-1'])
    const site = await open(place, 0, { mesh: false })
    site.points.set('ahu/1/supply-temp', 20)
    const { table } = site.space('state').replica
    expect(site.health.alarms).toEqual([])
    table.seal({ seqs: new Map([[`${site.node}~${hlcToHex(table.hlc.last + 4_096)}00000000`, 1]]), closed: new Map() })
    await until(() => site.health.alarms.some(({ code }) => code === 'NODE_CLONED'), 'the alarm')
  })

  it('TRUNK_DOWN: nobody reaches the relay for a while, and it clears by itself', () => {
    const clock = new ManualClock()
    const board = new AlarmBoard(
      () => clock.wallMs(),
      () => undefined
    )
    const alarms = new SiteAlarms(board, { clock, random: seededRandom(1), log: silentLogger }, node => node)
    const codes = (): string[] => board.health.alarms.map(({ code }) => code)
    alarms.trunk(undefined)
    clock.advance(14_000)
    alarms.trunk(undefined)
    expect(codes()).toEqual([])
    clock.advance(2_000)
    alarms.trunk(undefined)
    expect(codes()).toEqual(['TRUNK_DOWN'])
    alarms.trunk(nodeId('hq-1'))
    expect(codes()).toEqual([])
    clock.advance(10_000)
    alarms.trunk(undefined)
    expect(codes()).toEqual([])
  })
})
