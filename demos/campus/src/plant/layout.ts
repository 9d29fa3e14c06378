/**
 * Which points a building has: exactly 300, in three wings of 100. A wing is whole in itself (an air handler, its zones and their
 * lights, some doors and meters), so that a node which drives one wing needs nothing of the others.
 */

/** What points of the plant hold. */
export type PointScalar = number | boolean

export interface PointUpdate {
  readonly path: string
  readonly value: PointScalar
}

/** Who writes a point: a sensor, a sensor that only counts up (total), a control loop (actuator), or a person (setting). */
export type PointRole = 'sensor' | 'total' | 'actuator' | 'setting'

export interface PlantPoint {
  readonly path: string
  readonly role: PointRole
  /** What an actuator or setting takes: a range of numbers, or a boolean. */
  readonly takes?: readonly [min: number, max: number] | 'boolean'
}

/** The numbers, counted from 1 over the building, of what stands in one wing. */
export interface WingLayout {
  readonly wing: number
  readonly ahu: number
  readonly zones: readonly number[]
  readonly doors: readonly number[]
  readonly meters: readonly number[]
}

export const wingLayouts: readonly WingLayout[] = [
  { wing: 0, ahu: 1, zones: range(1, 10), doors: range(1, 3), meters: range(1, 2) },
  { wing: 1, ahu: 2, zones: range(11, 10), doors: range(4, 3), meters: range(3, 2) },
  { wing: 2, ahu: 3, zones: range(21, 10), doors: range(7, 4), meters: [5] }
]

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i)
}

const percent = [0, 100] as const

/** The 100 points of a wing. Lights are numbered as the zones they light. */
export function pointsOfWing({ ahu, zones, doors, meters }: WingLayout): PlantPoint[] {
  const sensor = (path: string): PlantPoint => ({ path, role: 'sensor' })
  const actuator = (path: string, takes: readonly [number, number] = percent): PlantPoint => ({ path, role: 'actuator', takes })
  return [
    ...['outdoor-temp', 'mixed-temp', 'supply-temp', 'return-temp', 'fan-running'].map(name => sensor(`ahu/${ahu}/${name}`)),
    ...['fan-speed', 'outdoor-damper', 'cooling-valve', 'heating-valve'].map(name => actuator(`ahu/${ahu}/${name}`)),
    actuator(`ahu/${ahu}/supply-setpoint`, [10, 40]),
    ...zones.flatMap(zone => [
      ...['temp', 'co2', 'people', 'airflow'].map(name => sensor(`zone/${zone}/${name}`)),
      actuator(`zone/${zone}/damper`),
      { path: `zone/${zone}/setpoint`, role: 'setting', takes: [5, 35] } as const,
      actuator(`light/${zone}/level`),
      sensor(`light/${zone}/power`)
    ]),
    ...doors.flatMap(door => [
      { path: `door/${door}/locked`, role: 'setting', takes: 'boolean' } as const,
      sensor(`door/${door}/open`)
    ]),
    ...meters.flatMap(meter => [sensor(`meter/${meter}/power-kw`), { path: `meter/${meter}/energy-kwh`, role: 'total' } as const])
  ]
}
