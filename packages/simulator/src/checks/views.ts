/** Read-only views of what runs in a world: the parts of a site and a relay that checks look at and nothing else does. */
import type { Peer, Replica } from '@selvedge/replica'
import type { World } from '../world.js'

/** A machine with what runs on it. */
export interface Machine {
  readonly name: string
  readonly role: 'node' | 'relay'
  /** The node's site; a relay has none. */
  readonly site: string | undefined
  /** The node id of its key. */
  readonly node: string
  /** What runs: another object after each boot; undefined: nothing. */
  readonly running: object | undefined
  /** What the site or relay that runs is made of. */
  readonly replica: Replica | undefined
}

export function machinesOf(world: World): Machine[] {
  const nodes = world.nodes.map(node => ({
    name: node.name,
    role: 'node' as const,
    site: node.site,
    node: node.key.node,
    get running() {
      return node.open
    },
    get replica() {
      return node.open?.['replica']
    }
  }))
  const { relay } = world
  const cloud = {
    name: relay.name,
    role: 'relay' as const,
    site: undefined,
    node: relay.key.node,
    get running() {
      return relay.open
    },
    get replica() {
      return relay.open?.['replica']
    }
  }
  return world.hasRelay ? [...nodes, cloud] : nodes
}

/** Sessions of a machine whose hello completed. */
export function peersOf({ replica }: Machine): Peer[] {
  return [...(replica?.peers() ?? [])]
}
