/**
 * Changes of who belongs to a site. The roster is a file: an operator changes it everywhere, has the relay take it, and restarts the
 * nodes one after the other.
 */
import type { SimulatedNode, World } from '../world.js'
import type { FaultKind } from './fault.js'
import { nodeNames, oneOf, processOf } from './targets.js'

/** Between the restarts of two nodes. */
const restartEveryMs = 2_000

function nodeOf(world: World, host: string): SimulatedNode {
  const node = processOf(world, host)
  if (!('site' in node)) throw new Error(`${host} is no node`)
  return node
}

function roll(world: World, { site, name }: SimulatedNode): void {
  const others = world.nodes.filter(node => node.site === site && node.name !== name)
  for (const [i, other] of others.entries())
    world.kernel.after((i + 1) * restartEveryMs, 'fault', `restart ${other.name}`, () => {
      // Who is down takes the new roster when it comes back.
      if (!other.isRunning) return
      other.kill()
      other.start()
    })
}

/** A node breaks for good, and another takes its place and its name: a new key, an empty disk, a new line in the roster. */
export const nodeReplace: FaultKind<{ readonly host: string }> = {
  kind: 'node-replace',
  draw: (random, world) => ({ host: oneOf(random, nodeNames(world)) }),
  begin(world, { host }) {
    const node = nodeOf(world, host)
    node.powerOff()
    node.disk.restore()
    world.renewKey(node)
    world.changeRoster(node.site)
    roll(world, node)
  },
  end(world, { host }) {
    const node = nodeOf(world, host)
    if (!node.isRunning) node.start()
  }
}

/** A node leaves the site, off and out of the roster. At the end it is taken in again, with what it has on its disk. */
export const membership: FaultKind<{ readonly host: string }> = {
  kind: 'membership',
  draw: (random, world) => ({ host: oneOf(random, nodeNames(world)) }),
  begin(world, { host }) {
    const node = nodeOf(world, host)
    if (node.isExpelled || world.nodes.filter(({ site, isExpelled }) => site === node.site && !isExpelled).length < 2) return
    node.kill()
    node.isExpelled = true
    world.changeRoster(node.site)
    roll(world, node)
  },
  end(world, { host }) {
    const node = nodeOf(world, host)
    if (!node.isExpelled) return
    node.isExpelled = false
    world.changeRoster(node.site)
    roll(world, node)
    if (!node.isRunning) node.start()
  }
}
