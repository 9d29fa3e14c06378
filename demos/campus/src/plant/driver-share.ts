/**
 * What one node of a building drives: whole wings, so that the shares of all nodes are the building's points, each once. With
 * three nodes each has 100 points; of more than three nodes some have none. Every node may run a plant of its own from the same
 * seed: what happens in one wing does not reach another.
 *
 * @example
 * const share = driverShare(plant, place, 3)
 * for (const { path, value } of share.restore(readPoint)) write(path, value)
 * every second: share.pick(plant.step(1_000)) → write; each loop's run(readPoint, 1_000) → write
 * on a write by anybody to one of share.commanded: plant.command(path, value)
 */
import { assert } from '@selvedge/core'
import { loopsOfWing, type ControlLoop, type ReadPoint } from './control-loop.js'
import { pointsOfWing, wingLayouts, type PointUpdate } from './layout.js'
import type { Plant } from './plant.js'

export interface DriverShare {
  /** Its points: sensors, actuators, settings. */
  readonly paths: readonly string[]
  /** Its actuators and settings: what to watch and pass to `plant.command`. */
  readonly commanded: readonly string[]
  /** Loops over its own points, new with each share. They may run elsewhere: take another node's share to control across nodes. */
  readonly loops: readonly ControlLoop[]
  owns(path: string): boolean
  /** Those of a step's updates that are its own to write. */
  pick(updates: readonly PointUpdate[]): PointUpdate[]
  /**
   * At start the site knows better than fresh devices: commands them as it says, and returns what to write where it has nothing (the
   * devices' defaults). Without this a restart would undo what people had set.
   */
  restore(read: ReadPoint): PointUpdate[]
}

/** Share number `index` (from 0) of `of`. */
export function driverShare(plant: Plant, index: number, of: number): DriverShare {
  assert(Number.isInteger(index) && Number.isInteger(of) && index >= 0 && index < of, `there is no share ${index} of ${of}`)
  const layouts = wingLayouts.filter(({ wing }) => wing % of === index)
  const points = layouts.flatMap(pointsOfWing)
  const own = new Set(points.map(({ path }) => path))
  return {
    paths: [...own],
    commanded: points.filter(({ takes }) => takes !== undefined).map(({ path }) => path),
    loops: layouts.flatMap(loopsOfWing),
    owns: path => own.has(path),
    pick: updates => updates.filter(({ path }) => own.has(path)),
    restore(read) {
      return plant.commanded().filter(({ path }) => {
        if (!own.has(path)) return false
        const value = read(path)
        return value === undefined || !plant.command(path, value).ok
      })
    }
  }
}
