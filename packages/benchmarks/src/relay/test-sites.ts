/** Many small sites: their keys and rosters, the same in every process that asks for them. */
import { seededRandom, siteId } from '@selvedge/core'
import { nodeKeyFromSeed, Roster, type NodeKey } from '@selvedge/network'

const nodesMax = 8

export function siteName(site: number): string {
  return `site-${String(site).padStart(4, '0')}`
}

/** The key of a node of a site. */
export function nodeKey(site: number, node: number): NodeKey {
  return nodeKeyFromSeed(seededRandom(1 + site * nodesMax + node).bytes(32))
}

export function roster(site: number, nodes: number, relayNode: NodeKey['node']): Roster {
  const entries = Array.from({ length: nodes }, (_, i) => ({ name: `${siteName(site)}-${i + 1}`, node: nodeKey(site, i).node }))
  return new Roster(siteId(siteName(site)), entries, { name: 'relay', node: relayNode })
}

/** The path of a point of the load. */
export function loadPath(point: number): string {
  return `load/${point % 10}/sensor-${Math.floor(point / 10)}/value`
}
