import type { FaultKind } from './fault.js'
import { kill } from './kill.js'
import { partition } from './partition.js'
import { trunkCut } from './trunk-cut.js'

/** Every kind of fault, by its name. */
export const faultKinds: ReadonlyMap<string, FaultKind> = new Map(
  ([trunkCut, partition, kill] as FaultKind[]).map(kind => [kind.kind, kind])
)
