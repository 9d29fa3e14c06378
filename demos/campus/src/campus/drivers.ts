/**
 * What a node of a building drives: the devices of its share of the plant, the control loops of another node's share, and at place 0
 * a measured trend export. Sensors and actuators of a loop are on one node and its law on another, so that each loop's way crosses
 * the mesh. Nothing here waits for the cloud, and nothing old moves an actuator: what was merged after a cut is passed over.
 *
 * Plants of one building run from one seed and are stepped by real time, a plant minute each second.
 */
import { isSelvedgeError, seededRandom, systemClock, type Clock } from '@selvedge/core'
import type { PointChange } from '@selvedge/replica'
import { siteErrors, type Site } from '@selvedge/site'
import {
  driverShare,
  Plant,
  type CampusPoints,
  type DriverShare,
  type PointRole,
  type PointScalar,
  type PointUpdate
} from '../plant/index.js'
import { openTrace } from '../trace/index.js'
import { ControlDesk } from './control-desk.js'
import { DriverTally, type DriverCounts } from './driver-tally.js'
import type { NodeConfig } from './protocol.js'
import { TracePlayer } from './trace-player.js'

export interface Drivers {
  counts(): DriverCounts
  /** Stops everything that writes, or goes on. */
  setRunning(running: boolean): void
  close(): void
}

export type DriversConfig = Pick<NodeConfig, 'site' | 'place' | 'places' | 'trace'>

/** Plant time per real time. */
export const plantSpeed = 60
const plantSeed = 20
const stepEveryMs = 500
/** A process that was held up for long does not make up for all of it. */
const stepMaxMs = 5_000
/** From this age on a command is history: the building has moved on since. */
export const commandMaxAgeMs = 5_000
/** How long to wait for what the other nodes know before driving without it. */
const readyWithinMs = 3_000

/**
 * Starts once the site is in step with another node, or after three seconds alone.
 * @throws SelvedgeError `SITE_CLOSED`; what opening the trend export throws
 */
export async function startDrivers(
  site: Site<CampusPoints>,
  config: DriversConfig,
  clock: Clock = systemClock
): Promise<Drivers> {
  const tally = new DriverTally()
  const player =
    config.trace !== undefined && config.place === 0
      ? await TracePlayer.open(site, openTrace(config.trace), clock, tally)
      : undefined
  await readyOrAlone(site, clock)
  const plant = new Plant({ building: config.site, random: seededRandom(plantSeed) })
  const parts = [
    new Devices(site, plant, driverShare(plant, config.place, config.places), config, clock, tally),
    new ControlDesk({
      site,
      loopsOf: place => driverShare(plant, place, config.places).loops,
      places: config.places,
      plantSpeed,
      clock,
      tally
    }),
    ...(player ? [player] : [])
  ]
  for (const part of parts) part.setRunning(true)
  return {
    counts: () => tally.counts(),
    setRunning: running => parts.forEach(part => part.setRunning(running)),
    close: () => parts.forEach(part => part.close())
  }
}

// Devices' defaults must not be written over what people have set: first hear what the others hold.
async function readyOrAlone(site: Site<CampusPoints>, clock: Clock): Promise<void> {
  const waiting = new AbortController()
  const timer = clock.setTimer(readyWithinMs, () => waiting.abort())
  try {
    await site.ready({ signal: waiting.signal })
  } catch (error) {
    if (isSelvedgeError(error, siteErrors.closed)) throw error
  } finally {
    timer.cancel()
  }
}

/** The devices of a share: their sensors go to points, and points move their actuators. */
class Devices {
  private readonly roles: ReadonlyMap<string, PointRole>
  private readonly unwatch: (() => void)[]
  private readonly totals = new Map<string, number>()
  private running = false
  private steppedAtMs = 0
  private timer: { cancel(): void } | undefined

  constructor(
    private readonly site: Site<CampusPoints>,
    private readonly plant: Plant,
    private readonly share: DriverShare,
    private readonly config: DriversConfig,
    private readonly clock: Clock,
    private readonly tally: DriverTally
  ) {
    this.roles = new Map(plant.points.filter(({ path }) => share.owns(path)).map(({ path, role }) => [path, role]))
    const patterns = ['ahu/*/*', 'zone/*/damper', 'zone/*/setpoint', 'light/*/level', 'door/*/locked']
    this.unwatch = patterns.map(pattern => site.points.watch(pattern, change => this.obey(change), { initial: false }))
  }

  setRunning(running: boolean): void {
    if (running === this.running) return
    this.running = running
    this.timer?.cancel()
    if (!running) return
    for (const { path, value } of this.share.restore(path => scalar(this.site.points.get(path)?.value))) this.write(path, value)
    this.steppedAtMs = this.clock.monotonicMs()
    this.stepIn((stepEveryMs * (this.config.place + 1)) / this.config.places) // staggered: nodes don't all write at once
  }

  private stepIn(delayMs: number): void {
    this.timer = this.clock.setTimer(delayMs, () => {
      this.stepIn(stepEveryMs)
      this.step()
    })
  }

  private step(): void {
    const nowMs = this.clock.monotonicMs()
    const elapsedMs = Math.min(stepMaxMs, nowMs - this.steppedAtMs)
    this.steppedAtMs = nowMs
    const updates = this.share.pick(this.plant.step(elapsedMs * plantSpeed))
    const isTotal = ({ path }: PointUpdate): boolean => this.roles.get(path) === 'total'
    const sensors = updates.filter(update => !isTotal(update))
    if (sensors.length > 0) {
      this.site.points.batch(writer => sensors.forEach(({ path, value }) => writer.set(path, value)))
      this.tally.wrote(sensors.length)
    }
    updates.filter(isTotal).forEach(update => this.count(update))
    this.noteBadge(sensors)
  }

  // A meter shows its sum since the plant began; the point is the sum over all of the plant's lives.
  private count({ path, value }: PointUpdate): void {
    const total = Number(value)
    const more = Math.round((total - (this.totals.get(path) ?? 0)) * 1000) / 1000
    this.totals.set(path, total)
    if (more <= 0) return
    this.site.points.counter(path).increment(more)
    this.tally.wrote(1)
  }

  /** Who goes through which door is nobody's business outside of the building: it stays in the `local` space. */
  private noteBadge(updates: readonly PointUpdate[]): void {
    const opened = updates.findLast(({ path, value }) => path.startsWith('door/') && value === true)
    if (!opened) return
    this.site.space('local').points.set(`badge/${this.site.name}/last-reader`, opened.path.replace('/open', ''))
    this.tally.wrote(1)
  }

  private obey({ path, value, ageMs }: PointChange): void {
    const role = this.roles.get(path)
    if (!this.running || value === undefined || (role !== 'actuator' && role !== 'setting')) return
    // What people ask for counts whenever it comes; what a control law found long ago does not.
    const isHistory = role === 'actuator' && ageMs > commandMaxAgeMs
    if (!isHistory && this.plant.command(path, value).ok) return
    // The point shall say how the device stands.
    const standing = this.plant.commanded().find(device => device.path === path)?.value
    if (standing !== undefined && standing !== value) this.write(path, standing)
  }

  private write(path: string, value: PointScalar): void {
    this.site.points.set(path, value)
    this.tally.wrote(1)
  }

  close(): void {
    this.setRunning(false)
    for (const unwatch of this.unwatch.splice(0)) unwatch()
  }
}

function scalar(value: unknown): PointScalar | undefined {
  return typeof value === 'number' || typeof value === 'boolean' ? value : undefined
}
