/**
 * Control loops: read points, compute, say what to write. A loop knows no site and no plant, so it may run on any node: on the one
 * that drives the devices or on another of the building. With an input missing it does nothing.
 */
import type { PointScalar, PointUpdate, WingLayout } from './layout.js'

export type ReadPoint = (path: string) => PointScalar | undefined

export interface ControlLoop {
  readonly name: string
  /** The sensor whose change is the reason to run. */
  readonly trigger: string
  readonly reads: readonly string[]
  readonly writes: readonly string[]
  /** What to write now, given `dtMs` since the last run: only what differs enough from what stands there. */
  run(read: ReadPoint, dtMs: number): PointUpdate[]
}

/** The loops of a wing: one for each zone's damper, one for each light, one for the air handler. */
export function loopsOfWing(layout: WingLayout): ControlLoop[] {
  return [...layout.zones.flatMap(zone => [damperLoop(zone, layout.ahu), lightLoop(zone)]), airLoop(layout)]
}

/** Proportional-integral, with the integral held where the output ends. */
class Controller {
  private integral: number | undefined

  constructor(
    private readonly gain: number,
    private readonly integralMs: number,
    private readonly min: number,
    private readonly max: number
  ) {}

  /** `standing`: the output that stands there now. The first call takes over from it, so that a change of nodes moves nothing. */
  next(error: number, dtMs: number, standing: number | undefined): number {
    const before = this.integral ?? (standing === undefined ? 0 : standing - this.gain * error)
    const integral = before + (this.gain * error * dtMs) / this.integralMs
    this.integral = clamp(integral, this.min, this.max)
    return clamp(this.gain * error + this.integral, this.min, this.max)
  }
}

const neutralK = 0.3

function damperLoop(zone: number, ahu: number): ControlLoop {
  const [temp, setpoint, supply, damper] = [
    `zone/${zone}/temp`,
    `zone/${zone}/setpoint`,
    `ahu/${ahu}/supply-temp`,
    `zone/${zone}/damper`
  ]
  const controller = new Controller(25, 600_000, 15, 100)
  return loop(
    `zone ${zone} damper`,
    temp,
    [temp, setpoint, supply],
    [damper],
    ([temperature, wanted, supplied], dtMs, [standing]) => {
      // Warm air heats and cold air cools: more air helps only while it is on the right side of the room.
      const helps = Math.sign(supplied! - temperature!)
      const error = Math.abs(supplied! - temperature!) < neutralK ? 0 : (wanted! - temperature!) * helps
      return [Math.round(controller.next(error, dtMs, standing))]
    }
  )
}

function airLoop({ ahu, zones }: WingLayout): ControlLoop {
  const at = (name: string): string => `ahu/${ahu}/${name}`
  const reads = [
    at('supply-temp'),
    at('mixed-temp'),
    ...zones.flatMap(zone => [`zone/${zone}/temp`, `zone/${zone}/setpoint`, `zone/${zone}/co2`])
  ]
  const writes = [at('supply-setpoint'), at('heating-valve'), at('cooling-valve'), at('outdoor-damper'), at('fan-speed')]
  const setpoint = new Controller(4, 900_000, -8, 14)
  const coils = new Controller(3, 60_000, -100, 100)
  return loop(
    `air handler ${ahu}`,
    at('supply-temp'),
    reads,
    writes,
    ([supply, , ...rooms], dtMs, [standing, heating, cooling]) => {
      let error = 0
      let co2Max = 0
      for (let i = 0; i < rooms.length; i += 3) {
        error += (rooms[i + 1]! - rooms[i]!) / zones.length
        co2Max = Math.max(co2Max, rooms[i + 2]!)
      }
      const supplySetpoint = round1(
        clamp(21 + setpoint.next(error, dtMs, standing === undefined ? undefined : standing - 21), 13, 35)
      )
      const coilStands = heating === undefined || cooling === undefined ? undefined : heating - cooling
      const coil = Math.round(coils.next(supplySetpoint - supply!, dtMs, coilStands))
      const outdoor = Math.round(clamp(20 + (co2Max - 800) / 5, 20, 80))
      const fan = Math.round(clamp(50 + 30 * Math.abs(error), 50, 100))
      return [supplySetpoint, Math.max(0, coil), Math.max(0, -coil), outdoor, fan]
    }
  )
}

/** Acts when the first comes or the last goes, so that a level chosen by hand stays until then. */
function lightLoop(zone: number): ControlLoop {
  const [people, level] = [`zone/${zone}/people`, `light/${zone}/level`]
  let occupied: boolean | undefined
  return loop(`light ${zone}`, people, [people], [level], ([count]) => {
    const before = occupied
    occupied = count! > 0
    return [before === occupied ? undefined : occupied ? 80 : 5]
  })
}

function loop(
  name: string,
  trigger: string,
  reads: readonly string[],
  writes: readonly string[],
  compute: (inputs: readonly number[], dtMs: number, standing: readonly (number | undefined)[]) => readonly (number | undefined)[]
): ControlLoop {
  return {
    name,
    trigger,
    reads,
    writes,
    run(read, dtMs) {
      const inputs: number[] = []
      for (const path of reads) {
        const value = read(path)
        if (typeof value !== 'number') return []
        inputs.push(value)
      }
      const standing = writes.map(path => {
        const value = read(path)
        return typeof value === 'number' ? value : undefined
      })
      return compute(inputs, dtMs, standing).flatMap((value, i) => {
        const path = writes[i]!
        return value === undefined || !isWorthMoving(standing[i], value, path) ? [] : [{ path, value }]
      })
    }
  }
}

const deadbandPercent = 2
const deadbandK = 0.3

// A sensor's noise must not wear a motor out. Shut is shut, whatever the band.
function isWorthMoving(standing: number | undefined, wanted: number, path: string): boolean {
  if (standing === undefined) return true
  if (wanted === 0) return standing !== 0
  return Math.abs(wanted - standing) >= (path.endsWith('setpoint') ? deadbandK : deadbandPercent)
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value))
}

function round1(value: number): number {
  return Math.round(value * 10) / 10
}
