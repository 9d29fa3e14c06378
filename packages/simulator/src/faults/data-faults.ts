/**
 * Faults of whole data directories: an old copy is put back, or one is run on two machines. A copy is of the device, taken at one
 * instant: what is fsynced.
 */
import type { DiskImage } from '../disk/simulated-disk.js'
import type { World } from '../world.js'
import type { FaultKind } from './fault.js'
import { nodeNames, oneOf, processOf, relayName } from './targets.js'

const images = new WeakMap<World, Map<string, DiskImage>>()

function keep(world: World, key: string, image: DiskImage): void {
  let kept = images.get(world)
  if (!kept) images.set(world, (kept = new Map<string, DiskImage>()))
  kept.set(key, image)
}

/** The copy that was kept, once. */
function take(world: World, key: string): DiskImage | undefined {
  const image = images.get(world)?.get(key)
  images.get(world)?.delete(key)
  return image
}

function putBack(world: World, host: string, key: string): void {
  const image = take(world, key)
  if (!image) return
  const process = processOf(world, host)
  process.powerOff()
  process.disk.restore(image)
  process.start()
}

/** A copy of a node's disk is taken at the beginning, and put back at the end. */
export const restoreOldCopy: FaultKind<{ readonly host: string }> = {
  kind: 'restore-old-copy',
  draw: (random, world) => ({ host: oneOf(random, nodeNames(world)) }),
  begin: (world, { host }) => keep(world, `copy of ${host}`, processOf(world, host).disk.snapshot()),
  end: (world, { host }) => putBack(world, host, `copy of ${host}`)
}

/** The relay's backup is taken at the beginning, and put back at the end. */
export const relayRollback: FaultKind<Record<string, never>> = {
  kind: 'relay-rollback',
  draw: () => ({}),
  begin: world => {
    if (world.hasRelay) keep(world, 'backup of the relay', world.relay.disk.snapshot())
  },
  end: world => putBack(world, relayName, 'backup of the relay')
}

/**
 * A node's disk image, its key with it, runs on another machine of the site too, in place of what ran there: two processes say that
 * they are the same node. At the end the machine becomes what it was: its own key, and an empty disk.
 */
export const clone: FaultKind<{ readonly host: string; readonly onto: string }> = {
  kind: 'clone',
  draw: (random, { sites }) => {
    const { nodes } = oneOf(random, sites)
    const host = oneOf(random, nodes)
    const others = nodes.filter(name => name !== host)
    return { host, onto: others.length > 0 ? oneOf(random, others) : host }
  },
  begin(world, { host, onto }) {
    if (host === onto) return
    const [from, to] = [processOf(world, host), processOf(world, onto)]
    to.powerOff()
    to.disk.restore(from.disk.snapshot())
    to.identity = from.identity
    to.start()
  },
  end(world, { onto }) {
    const to = processOf(world, onto)
    if (to.identity === to.key) return
    to.powerOff()
    to.disk.restore()
    to.identity = to.key
    to.start()
  }
}
