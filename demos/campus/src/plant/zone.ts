/**
 * One room: a heat balance with a single thermal mass, a CO2 balance, people who come and go, a light. Both balances are solved
 * exactly over a step (first-order decay to the equilibrium), so that any step length is stable.
 *
 * C dT/dt = UA (outdoor - T) + G (supply - T) + gains, with G the heat that the supply air carries per kelvin.
 */
import type { Random } from '@selvedge/core'
import { happens, presence } from './weather.js'

const heatCapacityJPerK = 2_500_000
const lossWPerK = 60
const airflowMaxM3PerH = 700
/** Watts that one m³/h of air carries per kelvin: density × specific heat / 3600. */
const airWPerKPerM3PerH = (1.2 * 1005) / 3600
const volumeM3 = 150
const infiltrationM3PerH = 15
const personW = 90
const personCo2M3PerH = 0.018
const plugW = 120
const lightMaxW = 120
const outdoorCo2Ppm = 420
const seats = 6

export interface SuppliedAir {
  readonly temperatureC: number
  /** Fan speed, 0 to 1. */
  readonly fan: number
  /** Share of outdoor air, 0 to 1. */
  readonly fresh: number
}

export class Zone {
  temperatureC: number
  co2Ppm = 500
  people = 0
  setpointC = 21.5
  damperPercent = 30
  lightPercent = 20

  constructor(private readonly random: Random) {
    this.temperatureC = 20.5 + random.float() * 2
  }

  airflow(fan: number): number {
    return (airflowMaxM3PerH * fan * this.damperPercent) / 100
  }

  get lightW(): number {
    return (lightMaxW * this.lightPercent) / 100
  }

  /** Plugs and light. */
  get electricW(): number {
    return this.lightW + plugW
  }

  /** Heat in watts that supply air of a temperature brings (negative: takes). */
  heatFromAir(air: SuppliedAir): number {
    return this.airflow(air.fan) * airWPerKPerM3PerH * (air.temperatureC - this.temperatureC)
  }

  step(dtMs: number, hour: number, outdoorC: number, air: SuppliedAir): void {
    this.movePeople(dtMs, hour)
    const airflow = this.airflow(air.fan)
    const airWPerK = airflow * airWPerKPerM3PerH
    const gainsW = this.people * personW + this.electricW
    this.temperatureC = towards(
      this.temperatureC,
      (lossWPerK * outdoorC + airWPerK * air.temperatureC + gainsW) / (lossWPerK + airWPerK),
      dtMs / 1000 / (heatCapacityJPerK / (lossWPerK + airWPerK))
    )
    const freshM3PerH = airflow * air.fresh + infiltrationM3PerH
    this.co2Ppm = towards(
      this.co2Ppm,
      outdoorCo2Ppm + (this.people * personCo2M3PerH * 1e6) / freshM3PerH,
      dtMs / 3_600_000 / (volumeM3 / freshM3PerH)
    )
  }

  private movePeople(dtMs: number, hour: number): void {
    const wanted = presence(hour) * seats
    if (this.people < seats && happens(this.random, 2 * wanted, dtMs)) this.people++
    if (this.people > 0 && happens(this.random, 2 * (seats - wanted), dtMs)) this.people--
  }
}

/** What is left of a distance to an equilibrium after `share` time constants. */
export function towards(value: number, equilibrium: number, share: number): number {
  return equilibrium + (value - equilibrium) * Math.exp(-share)
}
