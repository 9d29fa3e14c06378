/** Something that can be done to a world. It is registered by its kind, which plans name. */
import type { Random } from '@selvedge/core'
import type { Json, PlannedWorld } from '../plan/plan.js'
import type { World } from '../world.js'

export interface FaultKind<A extends Json = Json> {
  /** Stable: plans name it. */
  readonly kind: string
  /** Whom it strikes, and how hard. */
  draw(random: Random, world: PlannedWorld): A
  begin(world: World, args: A): void
  /** Undoes it, as far as it can be undone; also called at the end of the run. */
  end(world: World, args: A): void
}
