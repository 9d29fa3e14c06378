/** Everything that can be done to a world, by the names that plans use. */
import type { FaultKind } from './fault.js'
import { allKinds } from './swarm.js'

export { clockDrift, clockJump, clockSkew } from './clock-faults.js'
export { clone, relayRollback, restoreOldCopy } from './data-faults.js'
export { diskCorrupt, diskFails, diskFull, diskSlow } from './disk-faults.js'
export { membership, nodeReplace } from './membership-faults.js'
export { badLink, clog, flap, halfOpen, oneWay, partition, slowPeer, trunkCut } from './network-faults.js'
export { kill, nodePause, powerLoss, relayOutage, shutDown } from './process-faults.js'
export { allKinds, forgetful, harmless, untimely } from './swarm.js'
export { mixedVersion } from './version-faults.js'

/** Every kind of fault, by its name. */
export const faultKinds: ReadonlyMap<string, FaultKind> = new Map(allKinds.map(kind => [kind.kind, kind]))
