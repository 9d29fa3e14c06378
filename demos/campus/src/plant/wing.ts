/** One wing of a building: an air handler that mixes, heats or cools and sends air to its zones; doors; meters of what it all takes. */
import type { Random } from '@selvedge/core'
import type { PointScalar, WingLayout } from './layout.js'
import { happens, presence, spread, type Weather } from './weather.js'
import { towards, Zone, type SuppliedAir } from './zone.js'

const heatingMaxK = 25
const coolingMaxK = 18
const coilLagMs = 45_000
const fanMaxKw = 1.5
const coolingPerformance = 3
const doorOpensPerHour = 30
const doorClosesPerHour = 360

interface Door {
  locked: boolean
  open: boolean
}

export class Wing {
  private readonly zones: Map<number, Zone>
  private readonly doors: Map<number, Door>
  private readonly kwh = new Map<number, number>()
  private readonly ahu = { fanSpeed: 60, outdoorDamper: 25, coolingValve: 0, heatingValve: 10, supplySetpointC: 20 }
  private supplyC = 20
  private mixedC = 20
  private returnC = 21

  constructor(
    private readonly layout: WingLayout,
    private readonly random: Random
  ) {
    this.zones = new Map(layout.zones.map(number => [number, new Zone(random.fork(`zone ${number}`))]))
    this.doors = new Map(layout.doors.map(number => [number, { locked: false, open: false }]))
  }

  step(dtMs: number, weather: Weather): void {
    const fan = this.ahu.fanSpeed / 100
    const fresh = this.ahu.outdoorDamper / 100
    this.mixedC = fresh * weather.outdoorC + (1 - fresh) * this.returnC
    const coilsK = (heatingMaxK * this.ahu.heatingValve - coolingMaxK * this.ahu.coolingValve) / 100
    // With the fan off no air passes the coils: the duct takes on the temperature of the rooms.
    this.supplyC = towards(this.supplyC, fan > 0 ? this.mixedC + coilsK : this.returnC, dtMs / coilLagMs)
    const air: SuppliedAir = { temperatureC: this.supplyC, fan, fresh }
    for (const zone of this.zones.values()) zone.step(dtMs, weather.hour, weather.outdoorC, air)
    this.returnC = this.mixOfZones(fan)
    for (const door of this.doors.values()) this.moveDoor(door, dtMs, weather.hour)
    this.powerKw().forEach((kw, i) => {
      const meter = this.layout.meters[i]!
      this.kwh.set(meter, (this.kwh.get(meter) ?? 0) + (kw * dtMs) / 3_600_000)
    })
  }

  private mixOfZones(fan: number): number {
    let flow = 0
    let heat = 0
    for (const zone of this.zones.values()) {
      const share = zone.airflow(fan) + 1 // a little air moves by itself
      flow += share
      heat += share * zone.temperatureC
    }
    return heat / flow
  }

  private moveDoor(door: Door, dtMs: number, hour: number): void {
    if (door.open) door.open = !happens(this.random, doorClosesPerHour, dtMs)
    else if (!door.locked) door.open = happens(this.random, doorOpensPerHour * presence(hour), dtMs)
  }

  // Heating, cooling and fan on the first meter, plugs and light on the second; a wing with one meter has all on it.
  private powerKw(): number[] {
    const fan = this.ahu.fanSpeed / 100
    let airflow = 0
    let electricKw = 0
    for (const zone of this.zones.values()) {
      airflow += zone.airflow(fan)
      electricKw += zone.electricW / 1000
    }
    const kwPerK = (airflow * 1.2 * 1005) / 3600 / 1000
    const coolingKw = (kwPerK * coolingMaxK * this.ahu.coolingValve) / 100 / coolingPerformance
    const heatingKw = (kwPerK * heatingMaxK * this.ahu.heatingValve) / 100
    const airKw = fanMaxKw * fan ** 3 + coolingKw + heatingKw
    return this.layout.meters.length === 1 ? [airKw + electricKw] : [airKw, electricKw]
  }

  /** Everything as sensors show it: rounded, temperatures and CO2 with the noise of a cheap sensor. */
  read(weather: Weather): Map<string, PointScalar> {
    const { ahu } = this.layout
    const noisyC = (value: number): number => round(value + spread(this.random) * 0.02, 2)
    const values = new Map<string, PointScalar>([
      [`ahu/${ahu}/outdoor-temp`, noisyC(weather.outdoorC)],
      [`ahu/${ahu}/mixed-temp`, noisyC(this.mixedC)],
      [`ahu/${ahu}/supply-temp`, noisyC(this.supplyC)],
      [`ahu/${ahu}/return-temp`, noisyC(this.returnC)],
      [`ahu/${ahu}/fan-running`, this.ahu.fanSpeed > 0]
    ])
    for (const [number, zone] of this.zones) {
      values.set(`zone/${number}/temp`, noisyC(zone.temperatureC))
      values.set(`zone/${number}/co2`, Math.max(0, round(zone.co2Ppm + spread(this.random) * 2, 0)))
      values.set(`zone/${number}/people`, zone.people)
      values.set(`zone/${number}/airflow`, round(zone.airflow(this.ahu.fanSpeed / 100), 0))
      values.set(`light/${number}/power`, round(zone.lightW, 1))
    }
    for (const [number, door] of this.doors) values.set(`door/${number}/open`, door.open)
    this.powerKw().forEach((kw, i) => {
      const meter = this.layout.meters[i]!
      values.set(`meter/${meter}/power-kw`, round(kw, 3))
      values.set(`meter/${meter}/energy-kwh`, round(this.kwh.get(meter) ?? 0, 3))
    })
    return values
  }

  /** The commanded points as they stand in the devices. */
  commanded(): Map<string, PointScalar> {
    const { ahu } = this.layout
    const values = new Map<string, PointScalar>([
      [`ahu/${ahu}/fan-speed`, this.ahu.fanSpeed],
      [`ahu/${ahu}/outdoor-damper`, this.ahu.outdoorDamper],
      [`ahu/${ahu}/cooling-valve`, this.ahu.coolingValve],
      [`ahu/${ahu}/heating-valve`, this.ahu.heatingValve],
      [`ahu/${ahu}/supply-setpoint`, this.ahu.supplySetpointC]
    ])
    for (const [number, zone] of this.zones) {
      values.set(`zone/${number}/damper`, zone.damperPercent)
      values.set(`zone/${number}/setpoint`, zone.setpointC)
      values.set(`light/${number}/level`, zone.lightPercent)
    }
    for (const [number, door] of this.doors) values.set(`door/${number}/locked`, door.locked)
    return values
  }

  /** Moves a device. The caller has checked that the path is one of {@link commanded} and the value in range. */
  command(path: string, value: PointScalar): void {
    const [kind, number, name] = path.split('/') as [string, string, string]
    if (kind === 'door') {
      const door = this.doors.get(Number(number))
      if (door) door.locked = value === true
      return
    }
    const amount = Number(value)
    if (kind === 'ahu') this.commandAhu(name, amount)
    else this.commandZone(Number(number), name, amount)
  }

  private commandAhu(name: string, amount: number): void {
    if (name === 'fan-speed') this.ahu.fanSpeed = amount
    else if (name === 'outdoor-damper') this.ahu.outdoorDamper = amount
    else if (name === 'cooling-valve') this.ahu.coolingValve = amount
    else if (name === 'heating-valve') this.ahu.heatingValve = amount
    else if (name === 'supply-setpoint') this.ahu.supplySetpointC = amount
  }

  private commandZone(number: number, name: string, amount: number): void {
    const zone = this.zones.get(number)
    if (!zone) return
    if (name === 'damper') zone.damperPercent = amount
    else if (name === 'setpoint') zone.setpointC = amount
    else if (name === 'level') zone.lightPercent = amount
  }
}

function round(value: number, digits: number): number {
  const scale = 10 ** digits
  return Math.round(value * scale) / scale
}
