/**
 * Faults that only the mutants' scenarios have, and that go through stages of their own: machines that were away, or wrong, and come back
 * just when it is hardest. Chance alone makes such a run of things in one seed of hundreds.
 */
import { below, type Random, type Timer } from '@selvedge/core'
import type { FaultKind } from '../faults/fault.js'
import { machinesOf } from '../checks/views.js'
import { bothWays } from '../faults/network-faults.js'
import { nodeNames, oneOf, partners, processOf, spread } from '../faults/targets.js'
import type { Json, PlannedWorld } from '../plan/plan.js'
import type { Impairment } from '../simulated-network.js'
import type { SimulatedNode, World } from '../world.js'

/** A stage and when it begins, in milliseconds from the beginning of the fault. */
type Stage = readonly [atMs: number, run: () => void]

const pending = new WeakMap<World, Map<string, Timer[]>>()

/** A fault in stages: those that have not begun when it ends never do. */
function staged<A extends Json>(
  kind: string,
  draw: (random: Random, world: PlannedWorld) => A,
  stages: (world: World, args: A, key: string) => readonly Stage[],
  end: (world: World, args: A, key: string) => void
): FaultKind<A> {
  const keyOf = (args: A): string => `${kind} ${JSON.stringify(args)}`
  return {
    kind,
    draw,
    begin: (world, args) => {
      const timers = stages(world, args, keyOf(args)).map(([atMs, run], i) =>
        world.kernel.after(atMs, 'fault', `${kind} ${i}`, run)
      )
      let all = pending.get(world)
      if (!all) pending.set(world, (all = new Map<string, Timer[]>()))
      all.set(keyOf(args), timers)
    },
    end: (world, args) => {
      for (const timer of pending.get(world)?.get(keyOf(args)) ?? []) timer.cancel()
      end(world, args, keyOf(args))
    }
  }
}

/** What a host and others say to one another. */
function between(world: World, key: string, host: string, others: readonly string[], impairment: Impairment): void {
  for (const other of others) bothWays(world, key, host, other, impairment)
}

function restart(world: World, host: string): void {
  processOf(world, host).powerOff()
  processOf(world, host).start()
}

const glimpseLooks = 100
const glimpseLookMs = 20

/**
 * A node that is away, and restarts there twice, is heard for a moment: its peers learn that it has a new incarnation, and get nothing of
 * what it wrote before.
 */
export const glimpse = staged<{ readonly host: string; readonly bytesPerSecond: number; readonly againMs: number }>(
  'glimpse',
  (random, world) => ({
    host: oneOf(random, nodeNames(world)),
    bytesPerSecond: spread(random, 500, 1_500),
    againMs: spread(random, 400, 900)
  }),
  (world, { host, bytesPerSecond, againMs }, key) => {
    const others = partners(world, host)
    const known = incarnationsOf(world, host)
    const cut = (): void => between(world, key, host, others, { state: 'closed' })
    const shown = (): void => {
      between(world, key, host, others, { bytesPerSecond })
      restart(world, host)
    }
    const look = (): void => {
      if (incarnationsOf(world, host) > known) cut()
    }
    const shownMs = 2 * againMs
    const looks = Array.from({ length: glimpseLooks }, (_, i): Stage => [shownMs + (i + 1) * glimpseLookMs, look])
    const cutMs = shownMs + (glimpseLooks + 1) * glimpseLookMs
    return [[0, cut], [againMs, () => restart(world, host)], [shownMs, shown], ...looks, [cutMs, cut]]
  },
  (world, { host }, key) => {
    world.network.mend(key)
    processOf(world, host).start()
  }
)

/** Incarnations of a node that some other node of its site knows. */
function incarnationsOf(world: World, host: string): number {
  const { key, site } = world.nodes.find(({ name }) => name === host)!
  const keys = new Set<string>()
  for (const machine of machinesOf(world))
    if (machine.site === site && machine.name !== host)
      for (const { table } of machine.replica?.spaces.values() ?? [])
        for (const writer of table.writers.values()) if (writer.node === key.node) keys.add(writer.key)
  return keys.size
}

/**
 * A node is away while another restarts, and comes back over so thin a line that what it is told of comes long before what it is sent.
 */
export const thinReturn = staged<{ readonly host: string; readonly restarted: string; readonly bytesPerSecond: number }>(
  'thin-return',
  (random, { sites }) => {
    const { nodes } = oneOf(random, sites)
    const at = below(random, nodes.length)
    return { host: nodes[at]!, restarted: nodes[(at + 1) % nodes.length]!, bytesPerSecond: spread(random, 500, 3_000) }
  },
  (world, { host, restarted, bytesPerSecond }, key) => [
    [0, () => between(world, key, host, partners(world, host), { state: 'closed' })],
    [600, () => restart(world, restarted)],
    [
      1_500,
      () => {
        between(world, key, host, partners(world, host), { bytesPerSecond })
        restart(world, host)
      }
    ]
  ],
  (world, { host, restarted }, key) => {
    world.network.mend(key)
    processOf(world, host).start()
    processOf(world, restarted).start()
  }
)

/**
 * Of a site one machine after the other has power: two are off, the second comes back and takes over from the first, and then the last
 * one is back, and finds the second alone.
 */
export const shifts = staged<{ readonly first: string; readonly heir: string; readonly last: string; readonly eachMs: number }>(
  'shifts',
  (random, { sites }) => {
    const { nodes } = oneOf(random, sites)
    const at = below(random, nodes.length)
    const turned = [...nodes.slice(at), ...nodes.slice(0, at)]
    const [first, heir, last] = random.float() < 0.5 ? turned : turned.reverse()
    return { first: first!, heir: heir!, last: last!, eachMs: spread(random, 900, 1_500) }
  },
  (world, { first, heir, last, eachMs }) => {
    const at = (host: string): SimulatedNode => processOf(world, host) as SimulatedNode
    return [
      [
        0,
        () => {
          at(heir).powerOff()
          at(last).powerOff()
        }
      ],
      [3 * eachMs, () => at(heir).start()],
      [
        4 * eachMs,
        () => {
          at(first).powerOff()
          at(last).start()
        }
      ]
    ]
  },
  (world, { first, heir, last }) => {
    for (const host of [first, heir, last]) processOf(world, host).start()
  }
)

const talkedOfMs = 4_500

/**
 * Two nodes lose one another for a moment, and have met again long before the third hears that: it goes on telling one of them what the
 * other holds, while what the other sends itself is on its way.
 */
export const talkedOf = staged<{ readonly host: string; readonly of: string; readonly by: string; readonly latencyMs: number }>(
  'talked-of',
  (random, { sites }) => {
    const { nodes } = oneOf(random, sites)
    const at = below(random, nodes.length)
    const [host, of, by] = [...nodes.slice(at), ...nodes.slice(0, at)]
    return { host: host!, of: of!, by: by!, latencyMs: spread(random, 800, 1_300) }
  },
  (world, { host, of, by, latencyMs }, key) => {
    const lose = (): void => {
      world.network.mend(key)
      between(world, key, host, [of], { state: 'closed' })
    }
    const meet = (): void => {
      world.network.mend(key)
      world.network.impair(key, host, by, { latencyMs: 1.5 * latencyMs })
    }
    const lag = (): void => world.network.impair(key, of, host, { latencyMs })
    return [0, 1].flatMap((i): Stage[] => [
      [i * talkedOfMs, lose],
      [i * talkedOfMs + 200, meet],
      [i * talkedOfMs + 900, lag]
    ])
  },
  (world, _, key) => world.network.mend(key)
)

/** A machine whose clock is a second or two behind restarts again and again, and writes as soon as it can. */
export const behindAgain = staged<{ readonly host: string; readonly byMs: number; readonly everyMs: number }>(
  'behind-again',
  (random, world) => ({
    host: oneOf(random, nodeNames(world)),
    byMs: -spread(random, 800, 1_900),
    everyMs: spread(random, 700, 1_500)
  }),
  (world, { host, byMs, everyMs }) => {
    const node = processOf(world, host)
    const again = Array.from({ length: 6 }, (_, i): Stage => [(i + 1) * everyMs, () => restart(world, host)])
    return [[0, () => node.time.jump(byMs)], ...again]
  },
  (world, { host }) => {
    const node = processOf(world, host)
    node.time.jump(-node.time.errorMs)
    node.start()
  }
)
