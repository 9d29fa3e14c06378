/**
 * Faults of the network. Below a stream, loss, doubling and overtaking of packets show as time alone, so they are a bad link; what a
 * stream can do besides is wait, break, or be forgotten on the way.
 */
import { assert, below, type Timer } from '@selvedge/core'
import type { Json } from '../plan/plan.js'
import type { Impairment } from '../simulated-network.js'
import type { World } from '../world.js'
import type { FaultKind } from './fault.js'
import { hostNames, nodeNames, oneOf, pair, partners, relayName, spread } from './targets.js'

/** `closed`: whoever tries is told at once; `silent`: nobody is told. */
type Cut = 'closed' | 'silent'
const cuts: readonly Cut[] = ['closed', 'silent', 'silent']

interface Link {
  readonly a: string
  readonly b: string
  readonly [key: string]: Json
}

export function bothWays(world: World, key: string, a: string, b: string, impairment: Impairment): void {
  world.network.impair(key, a, b, impairment)
  world.network.impair(key, b, a, impairment)
}

/** A fault that impairs paths for as long as it lasts. */
function impairing<A extends Json>(
  kind: string,
  draw: FaultKind<A>['draw'],
  impair: (world: World, key: string, args: A) => void
): FaultKind<A> {
  const keyOf = (args: A): string => `${kind} ${JSON.stringify(args)}`
  return {
    kind,
    draw,
    begin: (world, args) => impair(world, keyOf(args), args),
    end: (world, args) => world.network.mend(keyOf(args))
  }
}

/** No node of a site reaches the relay. */
export const trunkCut = impairing<{ readonly site: string; readonly how?: Cut }>(
  'trunk-cut',
  (random, { sites }) => ({ site: oneOf(random, sites).id, how: oneOf(random, cuts) }),
  (world, key, { site, how = 'silent' }) => {
    for (const node of world.nodes) if (node.site === site) bothWays(world, key, node.name, relayName, { state: how })
  }
)

/** Groups of hosts that can't reach one another. */
export const partition = impairing<{ readonly groups: readonly (readonly string[])[]; readonly how?: Cut }>(
  'partition',
  (random, { sites }) => {
    const { nodes } = oneOf(random, sites)
    const sides: [string[], string[]] = [[], []]
    for (const name of nodes) sides[below(random, 2)]!.push(name)
    return { groups: sides, how: oneOf(random, cuts) }
  },
  (world, key, { groups, how = 'silent' }) => {
    for (const [i, group] of groups.entries())
      for (const other of groups.slice(i + 1))
        for (const a of group) for (const b of other) bothWays(world, key, a, b, { state: how })
  }
)

/** What one host says to the others does not arrive; it hears them. With `to`, to that one alone. */
export const oneWay = impairing<{ readonly from: string; readonly to?: string }>(
  'one-way',
  (random, world) => {
    const [from, to] = pair(random, world)
    return random.float() < 0.5 ? { from } : { from, to }
  },
  (world, key, { from, to }) => {
    for (const other of to === undefined ? partners(world, from) : [to])
      world.network.impair(key, from, other, { state: 'silent' })
  }
)

/** What is sent between two hosts waits, and arrives all at once at the end. */
export const clog = impairing<Link>(
  'clog',
  (random, world) => linkOf(pair(random, world)),
  (world, key, { a, b }) => bothWays(world, key, a, b, { state: 'clogged' })
)

/** Latency, jitter, loss, doubled and overtaken packets, and little bandwidth, between two hosts. */
export const badLink = impairing<Link & { readonly quality: Readonly<Record<string, number>> }>(
  'bad-link',
  (random, world) => {
    const quality: Record<string, number> = { latencyMs: spread(random, 5, 1_000), jitterMs: spread(random, 5, 1_000) }
    if (random.float() < 0.5) quality['loss'] = spread(random, 1, 30) / 100
    if (random.float() < 0.3) quality['reordering'] = random.float()
    if (random.float() < 0.3) quality['bytesPerSecond'] = spread(random, 2_000, 1_000_000)
    if (random.float() < 0.2) quality['duplication'] = random.float()
    return { ...linkOf(pair(random, world)), quality }
  },
  (world, key, { a, b, quality }) => bothWays(world, key, a, b, quality)
)

/** A host takes what it is sent, and answers, at a crawl. */
export const slowPeer = impairing<{ readonly host: string; readonly latencyMs: number; readonly bytesPerSecond: number }>(
  'slow-peer',
  (random, world) => ({
    host: oneOf(random, hostNames(world)),
    latencyMs: spread(random, 50, 1_500),
    bytesPerSecond: spread(random, 500, 50_000)
  }),
  (world, key, { host, latencyMs, bytesPerSecond }) => {
    for (const other of partners(world, host)) bothWays(world, key, host, other, { latencyMs, bytesPerSecond })
  }
)

/** What stands on the way forgets the connections of two hosts: nothing passes on them, and only `told`, if any, learns of it. */
export const halfOpen: FaultKind<Link & { readonly told: string | null }> = {
  kind: 'half-open',
  draw: (random, world) => {
    const { a, b } = linkOf(pair(random, world))
    return { a, b, told: oneOf(random, [a, b, null, null]) }
  },
  begin: (world, { a, b, told }) => world.network.halfOpen(a, b, told ?? undefined),
  end: () => undefined
}

interface Flapping extends Link {
  readonly downMs: number
  readonly upMs: number
  readonly how: Cut
}

const flapping = new WeakMap<World, Map<string, Timer>>()

/** A link that goes down and comes back, again and again. */
export const flap: FaultKind<Flapping> = {
  kind: 'flap',
  draw: (random, world) => ({
    ...linkOf(random.float() < 0.5 && world.relay ? [oneOf(random, nodeNames(world)), relayName] : pair(random, world)),
    downMs: spread(random, 50, 20_000),
    upMs: spread(random, 50, 20_000),
    how: oneOf(random, cuts)
  }),
  begin(world, args) {
    const { a, b, downMs, upMs, how } = args
    assert(downMs + upMs >= 1, 'a flapping link takes its time')
    const key = flapKey(args)
    let timers = flapping.get(world)
    if (!timers) flapping.set(world, (timers = new Map<string, Timer>()))
    const swing = (down: boolean): void => {
      if (down) bothWays(world, key, a, b, { state: how })
      else world.network.mend(key)
      timers.set(
        key,
        world.kernel.after(down ? downMs : upMs, 'fault', down ? 'flap up' : 'flap down', () => swing(!down))
      )
    }
    timers.get(key)?.cancel()
    swing(true)
  },
  end(world, args) {
    const key = flapKey(args)
    flapping.get(world)?.get(key)?.cancel()
    flapping.get(world)?.delete(key)
    world.network.mend(key)
  }
}

function flapKey(args: Flapping): string {
  return `flap ${JSON.stringify(args)}`
}

function linkOf([a, b]: readonly [string, string]): { readonly a: string; readonly b: string } {
  return { a, b }
}
