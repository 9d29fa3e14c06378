/**
 * The smallest honest use of Selvedge: a frost guard inside a building's service. It watches the zones, opens a valve when one gets
 * too cold, acts on fresh values only, and goes on when the trunk, or every other node, is gone.
 *
 *   node demos/embedded-service/dist/main.js --data ./data --roster ./roster.json [--peer /ip4/…]
 */
import { parseArgs } from 'node:util'
import { definePoints, openSite } from '@selvedge/site'

const points = definePoints({
  'zone/:zone/temp': { type: 'number', unit: '°C', min: -40, max: 80, maxAgeMs: 120_000 },
  'zone/:zone/valve': { type: 'number', unit: '%', min: 0, max: 100 }
})

const { values } = parseArgs({
  options: {
    site: { type: 'string', default: 'hq' },
    data: { type: 'string' },
    roster: { type: 'string' },
    peer: { type: 'string', multiple: true }
  }
})
if (!values.data || !values.roster) throw new Error('usage: --data DIR --roster FILE [--site ID] [--peer MULTIADDR]…')

const site = await openSite({
  site: values.site,
  dataDir: values.data,
  roster: values.roster,
  points,
  mesh: { peers: values.peer ?? [] },
  bootAloneAfterMs: 5_000
})
await site.ready()

// Nothing older than two minutes moves a valve: after a cut the past arrives too.
site.points.watch(
  'zone/*/temp',
  ({ path, value }) => {
    const valve = path.replace(/temp$/, 'valve') as `zone/${string}/valve`
    if (typeof value === 'number' && value < 5) site.points.set(valve, 100)
  },
  { maxAgeMs: 120_000 }
)
site.on('health', health => console.log(health.state, health.alarms.map(alarm => alarm.message).join('; ')))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void site.close())
