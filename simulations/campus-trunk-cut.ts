/**
 * Nine hours without a trunk. One of two buildings of a campus is cut off from the relay for a working day. Both sides go on writing,
 * and nothing that was acknowledged is lost when the trunk is back.
 */
import fc from 'fast-check'
import { batch, editConfig, editDocument, increment, read, remove, scenario, set } from '@selvedge/simulator'

export default scenario('nine hours without a trunk')
  .shows('A building that is cut off from the cloud for nine hours works on, and merges all of it when the trunk is back.')
  .site('a', { nodes: 1 })
  .site('b', { nodes: 2, trunk: { latencyMs: 40, jitterMs: 20, loss: 0.01 } })
  // So long a day is cheaper to simulate when the mesh is silent for longer.
  .siteOptions({ timing: { meshKeepaliveMs: 2_000, meshTimeoutMs: 8_000 } })
  .lasts('10h')
  .workload({ every: '2m' }, set(), remove(), batch(), increment())
  .workload({ every: '15m' }, editDocument(), editConfig())
  .workload({ every: '5m', clients: 2 }, read(), set())
  .operation('cloud', {
    every: '10m',
    args: fc.record({ path: fc.integer({ min: 1, max: 12 }).map(n => `point/${n}`), value: fc.integer() }),
    run: async ({ run }, { path, value }) => void (await run.world.relay.open?.site('b'))?.points.set(path, value),
    describe: ({ path, value }) => `has ${path} = ${value} written at the relay`
  })
  .faults(({ at }) => [at('30m').cutTrunk('b').for('9h')])
  .sometimes('the relay lacks a write of hours ago', ({ node, relay, nowMs }) => {
    const trunkDown = node('b-1')?.site.health.alarms.some(({ code }) => code === 'TRUNK_DOWN')
    return relay !== undefined && trunkDown === true && nowMs > 4 * 3_600_000
  })
