/**
 * Which kinds of fault a swarm draws from. Every kind is in one of three groups, by what it may cost when several strike together, so
 * that a scenario says what its checks are ready for.
 */
import { clockDrift, clockJump, clockSkew } from './clock-faults.js'
import { clone, relayRollback, restoreOldCopy } from './data-faults.js'
import { diskCorrupt, diskFails, diskFull, diskSlow } from './disk-faults.js'
import type { FaultKind } from './fault.js'
import { membership, nodeReplace } from './membership-faults.js'
import { badLink, clog, flap, halfOpen, oneWay, partition, slowPeer, trunkCut } from './network-faults.js'
import { kill, nodePause, powerLoss, relayOutage, shutDown } from './process-faults.js'
import { mixedVersion } from './version-faults.js'

const group = (...kinds: readonly unknown[]): readonly FaultKind[] => kinds as readonly FaultKind[]

/** They delay, and cost nothing that any receipt has promised. */
export const harmless = group(
  ...[trunkCut, partition, oneWay, clog, badLink, slowPeer, halfOpen, flap],
  ...[kill, powerLoss, nodePause, shutDown, relayOutage],
  ...[diskFull, diskSlow, diskFails, mixedVersion]
)

/** They take back what a disk held: what only that disk held is lost with it. */
export const forgetful = group(diskCorrupt, restoreOldCopy, relayRollback, clone, nodeReplace, membership)

/** Clocks lie: who wins is another than who wrote last. */
export const untimely = group(clockSkew, clockJump, clockDrift)

export const allKinds: readonly FaultKind[] = [...harmless, ...forgetful, ...untimely]
