/**
 * A flapping trunk. The way to the relay comes and goes every few seconds, now at one building, now at the other, while nodes are killed
 * in between. Sessions end halfway through a cut over and over, and every one must leave both ends with a truth to go on from.
 */
import fc from 'fast-check'
import { batch, editDocument, increment, read, remove, scenario, set } from '@selvedge/simulator'

export default scenario('flapping trunk')
  .shows('A trunk that comes and goes all the time loses nothing, sends no write for ever again, and converges once it stays.')
  .site('a', { nodes: 2, trunk: { latencyMs: 60, jitterMs: 60, loss: 0.02, bytesPerSecond: 50_000 } })
  .site('b', { nodes: 2 })
  .lasts('20m')
  .workload({ every: '4s' }, set(), remove(), batch(), increment())
  .workload({ every: '30s' }, editDocument())
  .workload({ every: '20s', clients: 2 }, read(), set())
  .operation('cloud', {
    every: '15s',
    args: fc.record({ path: fc.integer({ min: 1, max: 12 }).map(n => `point/${n}`), value: fc.integer() }),
    run: async ({ run }, { path, value }) => void (await run.world.relay.open?.site('a'))?.points.set(path, value),
    describe: ({ path, value }) => `has ${path} = ${value} written at the relay`
  })
  .faults(({ at, every }) => [
    every('13s', { from: '1m' }).cutTrunk('a').for('5s'),
    every('29s', { from: '2m' }).cutTrunk('b').for('17s'),
    at('6m').kill('a-1').for('20s'),
    at('11m').kill('relay').for('40s'),
    at('15m').kill('b-2').for('1m')
  ])
  .sometimes('a trunk is down', ({ nodes }) =>
    nodes().some(({ site }) => site.health.alarms.some(({ code }) => code === 'TRUNK_DOWN'))
  )
