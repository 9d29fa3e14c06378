/**
 * From a seed to a plan. Each workload, each kind of fault and each single operation draws from a stream of its own, so that a change of
 * one leaves the others as they were.
 */
import { assert, below, seededRandom, type Random } from '@selvedge/core'
import fc, { type Arbitrary } from 'fast-check'
import { harmless } from '../faults/index.js'
import { milliseconds } from './duration.js'
import { planVersion, type Json, type Plan, type PlannedFault, type PlannedOperation, type PlannedWorld } from './plan.js'
import type { AnyScenario, Definition, SwarmChoice, Workload } from './scenario.js'

/** Operations and faults begin after the nodes have had time to start and to meet. */
const warmUpMs = 5_000
/** More operations than this is a mistake in a workload's `every`. */
const operationsMax = 1_000_000
/** One of as many operations takes an edge case of its arbitrary. */
const edgeBias = 5

export function drawPlan({ definition }: AnyScenario, seed: number): Plan {
  const random = seededRandom(seed)
  const world = drawWorld(definition, random.fork('world'))
  const operations = definition.workloads.flatMap((workload, i) => drawWorkload(definition, world, workload, `w${i}`, random))
  const scripted = definition.scripts.flatMap((fault, i) => fault.planned(`s${i}`, definition.lastsMs))
  const swarm = definition.swarm ? drawSwarm(definition, world, definition.swarm, random) : []
  return {
    version: planVersion,
    scenario: definition.name,
    seed,
    world,
    operations: operations.sort(byTime),
    faults: [...scripted, ...swarm].sort(byTime),
    untilMs: definition.lastsMs
  }
}

function byTime(a: { readonly atMs: number; readonly id: string }, b: typeof a): number {
  return a.atMs - b.atMs || (a.id < b.id ? -1 : 1)
}

function drawWorld({ sites, relay, swarm }: Definition, random: Random): PlannedWorld {
  assert(sites.length > 0, 'a scenario has a site')
  // Chance makes the links of half of the seeds of a swarm worse.
  const worse = swarm !== undefined && random.float() < 0.5
  const loss = worse ? random.float() ** 2 * 0.05 : 0
  return {
    epochMs: Date.UTC(2026, 0, 1),
    relay,
    sites: sites.map(({ id, nodes, lan, trunk }) => ({
      id,
      nodes: Array.from({ length: nodes }, (_, i) => `${id}-${i + 1}`),
      lan: { latencyMs: 0.5, jitterMs: 0.5, ...(loss > 0 ? { loss } : {}), ...lan },
      trunk: { latencyMs: 20, jitterMs: 20, ...(loss > 0 ? { loss } : {}), ...trunk }
    }))
  }
}

function drawWorkload(
  { lastsMs }: Definition,
  { sites }: PlannedWorld,
  { every, on, clients, stays, kinds }: Workload,
  id: string,
  seeded: Random
): PlannedOperation[] {
  const everyMs = milliseconds(every)
  assert(everyMs * operationsMax > lastsMs, `a workload every ${every} makes too many operations`)
  const places = sites
    .map(site => ({ ...site, nodes: site.nodes.filter(node => !on || on.includes(node) || on.includes(site.id)) }))
    .filter(({ nodes }) => nodes.length > 0)
  assert(places.length > 0, 'a workload is done somewhere')
  const nodes = places.flatMap(site => site.nodes)
  const roaming =
    clients === undefined
      ? []
      : Array.from({ length: clients }, (_, i) => ({ name: `${id}-client-${i + 1}`, site: places[i % places.length]! }))
  const times = seeded.fork(`${id} times`)
  const operations: PlannedOperation[] = []
  const latest = new Map<string, string>()
  let atMs = warmUpMs
  for (let n = 0; ; n++) {
    atMs += Math.max(1, Math.round(-Math.log(1 - times.float()) * everyMs))
    if (atMs >= lastsMs) return operations
    const own = seeded.fork(`${id}.${n}`)
    const client = roaming.length > 0 ? roaming[below(own, roaming.length)]! : undefined
    const by = client ? placeOf(client, atMs, milliseconds(stays ?? '10m'), seeded) : nodes[below(own, nodes.length)]!
    const kind = weighted(kinds, own)
    const needed = kind.needs === undefined ? undefined : latest.get(kind.needs)
    const operation = {
      id: `${id}.${n}`,
      atMs,
      by,
      ...(client ? { client: client.name } : {}),
      kind: kind.kind,
      args: generate(kind.arbitrary, own),
      ...(needed === undefined ? {} : { needs: [needed] })
    }
    latest.set(kind.kind, operation.id)
    operations.push(operation)
  }
}

/** Where a client is at a time: it follows from the client and the time, whatever it does there. */
function placeOf(
  client: { readonly name: string; readonly site: { readonly nodes: readonly string[] } },
  atMs: number,
  staysMs: number,
  seeded: Random
): string {
  const { nodes } = client.site
  return nodes[below(seeded.fork(`${client.name} ${Math.floor(atMs / staysMs)}`), nodes.length)]!
}

function weighted<T extends { readonly weight?: number }>(choices: readonly T[], random: Random): T {
  let left = random.float() * choices.reduce((sum, { weight = 1 }) => sum + weight, 0)
  return choices.find(({ weight = 1 }) => (left -= weight) < 0) ?? choices[choices.length - 1]!
}

function drawSwarm({ lastsMs }: Definition, world: PlannedWorld, choice: SwarmChoice, seeded: Random): PlannedFault[] {
  const random = seeded.fork('swarm')
  const kinds = choice.kinds ?? harmless
  const everyMs = milliseconds(choice.every ?? lastsMs / 10)
  const longestMs = milliseconds(choice.upTo ?? lastsMs / 4)
  // Some seeds are calm and some are wild; each kind is on in about half of them.
  const strength = 0.25 + 1.5 * random.float()
  const on = kinds.filter(({ kind }) => seeded.fork(`on ${kind}`).float() < 0.5)
  const faults: PlannedFault[] = []
  for (const fault of on) {
    const { kind } = fault
    const own = seeded.fork(`fault ${kind}`)
    const meanMs = (everyMs * kinds.length) / 2 / strength
    let atMs = warmUpMs
    for (let n = 0; ; n++) {
      atMs += Math.ceil(-Math.log(1 - own.float()) * meanMs)
      if (atMs >= lastsMs) break
      // Short ones are as likely as long ones, on the scale of logarithms.
      const forMs = Math.min(lastsMs - atMs, Math.round(100 * (longestMs / 100) ** own.float()))
      faults.push({ id: `${kind}.${n}`, atMs, forMs, kind, args: fault.draw(own.fork(`args ${n}`), world) })
    }
  }
  return faults
}

/** One value of an arbitrary, from our own random stream. */
function generate(arbitrary: Arbitrary<Json>, random: Random): Json {
  const stream = {
    clone: () => stream,
    next: () => random.uint32() | 0,
    getState: () => []
  }
  const bias = random.float() < 1 / edgeBias ? 2 : undefined
  // As it will stand in a saved plan: what JSON can't say does not come out of a replay either.
  return JSON.parse(JSON.stringify(arbitrary.generate(new fc.Random(stream), bias).value)) as Json
}
