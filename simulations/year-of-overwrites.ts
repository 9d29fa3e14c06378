/**
 * A year of overwrites. The same points are written over and over for a year, by nodes that run for a minute a week, beside a
 * relay. What is held and stored must follow what is live, and not what was ever written. With `SELVEDGE_PLOT=growth.svg` it draws it.
 */
import { remove, scenario, set } from '@selvedge/simulator'
import { GrowthPlot } from './growth/growth-plot.js'

const everybody = ['hq-1', 'hq-2', 'relay'] as const
let plot = new GrowthPlot()

export default scenario('a year of overwrites')
  .shows('After a year of overwriting two thousand points a replica holds and stores two thousand points, and hardly more.')
  .site('hq', { nodes: 2 })
  // Upkeep comes round once an hour in a building: here it must within the minute of a week.
  .siteOptions({ timing: { gcIntervalMs: 10_000 } })
  .lasts('365d')
  // By one node: conflicts are recorded, the newest thousand of them, and a year would not fill that.
  .workload({ every: '5m', on: ['hq-1'] }, set({ points: 2_000, weight: 3 }), remove({ points: 2_000 }))
  .faults(({ at, every }) => [
    // Weeks but for their first seconds cost a simulation nothing: what is asked meanwhile is done when the machines wake.
    at('1m')
      .suspend(...everybody)
      .for('6.9985d'),
    every('7d')
      .suspend(...everybody)
      .for('6.9995d'),
    every('28d', { from: '6.9997d' }).kill('hq-2').for('5s')
  ])
  .invariant(
    'nodes tell what they hold and store',
    ({ nodes, nowMs, run }) => {
      if (nowMs < 60_000) plot = new GrowthPlot()
      for (const { name, site } of nodes()) {
        const space = site.status().spaces.find(({ space }) => space.includes('state'))
        if (!space) continue
        plot.note(name, nowMs, run.history.done.length, space.registers + space.tombstones, space.storedBytes)
      }
      return true
    },
    { every: '7d' }
  )
  .atEnd('the second half of the year has added nothing', () => {
    plot.save(process.env['SELVEDGE_PLOT'])
    return plot.judge()
  })
  .without('documents-equal', 'session-guarantees', 'residency', 'conflicts-recorded')
