/**
 * The plant of one building: 300 points over simple, honest physics. It is a device, not a replica: it knows no site and forgets
 * everything when its process ends. Deterministic in its random source and the steps and commands it was given.
 *
 * @example
 * const plant = new Plant({ building: 'b', random })
 * for (const { path, value } of plant.step(1_000)) site.points.set(path, value)
 * plant.command('zone/12/damper', 80)
 */
import { assert, type Random } from '@selvedge/core'
import { pointsOfWing, wingLayouts, type PlantPoint, type PointScalar, type PointUpdate } from './layout.js'
import { Weather } from './weather.js'
import { Wing } from './wing.js'

export interface PlantOptions {
  /** The building's id: buildings of one seed differ by it. */
  readonly building: string
  readonly random: Random
  /** Hour of the simulated day at the start, 0 up to 24; default 9.5, when people are in. */
  readonly startHour?: number
  /** The day's mean outdoors in °C; default 8. */
  readonly outdoorMeanC?: number
}

export type CommandResult = { readonly ok: true } | { readonly ok: false; readonly problem: string }

/** Simulated time moves in slices of at most this, so that what a slice holds constant (mixed air, people) stays nearly so. */
const sliceMaxMs = 5_000
const stepMaxMs = 24 * 3_600_000

export class Plant {
  readonly building: string
  /** All 300, in a fixed order. */
  readonly points: readonly PlantPoint[]
  private readonly weather: Weather
  private readonly wings: readonly Wing[]
  private readonly byPath = new Map<string, { point: PlantPoint; wing: Wing }>()
  private readonly shown = new Map<string, PointScalar>()

  constructor(options: PlantOptions) {
    this.building = options.building
    const random = options.random.fork(`building ${options.building}`)
    this.weather = new Weather(random.fork('weather'), options.startHour ?? 9.5, options.outdoorMeanC ?? 8)
    this.wings = wingLayouts.map(layout => {
      const wing = new Wing(layout, random.fork(`wing ${layout.wing}`))
      for (const point of pointsOfWing(layout)) this.byPath.set(point.path, { point, wing })
      return wing
    })
    this.points = [...this.byPath.values()].map(({ point }) => point)
  }

  /** Lets `dtMs` simulated milliseconds (at most a day) pass. Returns the sensors whose shown value changed: at first all. */
  step(dtMs: number): PointUpdate[] {
    assert(dtMs >= 0 && dtMs <= stepMaxMs, `a step of ${dtMs} ms is not between 0 and a day`)
    for (let left = dtMs; left > 0; left -= sliceMaxMs) {
      const slice = Math.min(left, sliceMaxMs)
      this.weather.step(slice)
      for (const wing of this.wings) wing.step(slice, this.weather)
    }
    const updates: PointUpdate[] = []
    for (const wing of this.wings)
      for (const [path, value] of wing.read(this.weather)) {
        if (this.shown.get(path) === value) continue
        this.shown.set(path, value)
        updates.push({ path, value })
      }
    return updates
  }

  /** Actuators and settings as they stand in the devices: at the start their defaults. */
  commanded(): PointUpdate[] {
    return this.wings.flatMap(wing => [...wing.commanded()].map(([path, value]) => ({ path, value })))
  }

  /** Moves an actuator or changes a setting. What does not fit is not done and says why: commands come from outside. */
  command(path: string, value: unknown): CommandResult {
    const known = this.byPath.get(path)
    if (!known) return { ok: false, problem: `${path} is no point of this building` }
    const { takes } = known.point
    if (takes === undefined) return { ok: false, problem: `${path} is a sensor` }
    if (takes === 'boolean') {
      if (typeof value !== 'boolean') return { ok: false, problem: `${path} takes true or false` }
    } else if (typeof value !== 'number' || !(value >= takes[0] && value <= takes[1]))
      return { ok: false, problem: `${path} takes ${takes[0]} to ${takes[1]}` }
    known.wing.command(path, value)
    return { ok: true }
  }

  /** Hour of the simulated day. */
  get hour(): number {
    return this.weather.hour
  }
}
