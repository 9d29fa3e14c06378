/** What a building writes: paths as integrators name them, values as sensors give them. */
import type { Random } from '@selvedge/core'

const points = [
  'supply-temp',
  'return-temp',
  'outside-temp',
  'supply-pressure',
  'fan/speed',
  'fan/running',
  'valve/heating',
  'valve/cooling',
  'filter/pressure-drop',
  'setpoint'
]

/** Paths of points, by unit of the plant: `hq/ahu/12/supply-temp`. */
export function buildingPaths(count: number, kind = 'ahu'): string[] {
  return Array.from({ length: count }, (_, i) => `hq/${kind}/${Math.floor(i / points.length)}/${points[i % points.length]}`)
}

/**
 * The unit of the plant that a path belongs to, and the point's name in it: how one would lay a building out in a document or in tables.
 * @example unitAndPoint('hq/ahu/12/fan/speed') // ['hq/ahu/12', 'fan/speed']
 */
export function unitAndPoint(path: string): [unit: string, point: string] {
  const unit = path.split('/', 3).join('/')
  return [unit, path.slice(unit.length + 1) || 'value']
}

/** A reading with one decimal, from 0 to 50. */
export function reading(random: Random): number {
  return Math.round(random.float() * 500) / 10
}
