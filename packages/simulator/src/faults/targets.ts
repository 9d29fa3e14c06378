/** Whom a fault may strike, and how its drawn strength is spread. */
import { assert, below, type Random } from '@selvedge/core'
import type { PlannedWorld } from '../plan/plan.js'
import type { SimulatedNode, SimulatedRelay, World } from '../world.js'

export const relayName = 'relay'

export function oneOf<T>(random: Random, list: readonly T[]): T {
  assert(list.length > 0, 'there is something to draw from')
  return list[below(random, list.length)]!
}

/** Between two bounds, each order of magnitude as likely as the next; rounded to a whole number. */
export function spread(random: Random, least: number, most: number): number {
  return Math.round(least * (most / least) ** random.float())
}

/** Names of the nodes of all sites. */
export function nodeNames({ sites }: PlannedWorld): string[] {
  return sites.flatMap(({ nodes }) => nodes)
}

/** Names of the nodes and of the relay. */
export function hostNames(world: PlannedWorld): string[] {
  return world.relay ? [...nodeNames(world), relayName] : nodeNames(world)
}

/** Two hosts that have something to say to one another: two nodes of a site, or a node and the relay. */
export function pair(random: Random, { sites, relay }: PlannedWorld): readonly [string, string] {
  const { nodes } = oneOf(random, sites)
  const a = oneOf(random, nodes)
  const others = [...nodes.filter(name => name !== a), ...(relay ? [relayName] : [])]
  return [a, others.length > 0 ? oneOf(random, others) : a]
}

/** The hosts that a host has something to say to. */
export function partners(world: World, host: string): string[] {
  const { site } = world.nodes.find(({ name }) => name === host) ?? {}
  return world.processes
    .filter(other => other.name !== host && (site === undefined || !('site' in other) || other.site === site))
    .map(({ name }) => name)
}

/** @throws when a plan names a host that the world has not */
export function processOf(world: World, host: string): SimulatedNode | SimulatedRelay {
  const process = world.processes.find(({ name }) => name === host)
  if (!process) throw new Error(`the world has no ${host}`)
  return process
}
