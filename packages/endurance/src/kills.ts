/**
 * `npm run kills`: `kill -9` at random moments under load, of a node, of the relay, or of both, also while they open; then every
 * write that had been acknowledged to somebody outside must be there, and all replicas equal.
 *
 * While the killed process is away, those left must keep what it was told they keep: what it acknowledged as `site` is on another
 * node, what it acknowledged as `relay` is on the relay.
 */
import { below, seededRandom, type Random } from '@selvedge/core'
import type { DurabilityLevel } from '@selvedge/replica'
import { agreement, views } from './agreement.js'
import { Building } from './building.js'
import { ErrandBook } from './errand-book.js'
import { Ledger, type Missing } from './ledger.js'
import type { ReplicaProcess } from './replica-process.js'
import { quantile, seconds, type Running, type Verdict } from './verdict.js'

export interface KillsOptions extends Running {
  readonly loops: number
  readonly seed: number
  readonly nodes: number
  /** Writes a second, of all processes together. */
  readonly rate: number
  readonly points: number
  /** For replicas to become equal after a loop. */
  readonly settleWithinMs: number
  readonly directory?: string | undefined
}

export interface KillsVerdict extends Verdict {
  readonly loops: number
  readonly seed: number
  readonly kills: number
  readonly receipts: number
  readonly errands: number
  readonly seconds: number
  /** Time that replicas took to become equal once the load had ended. */
  readonly settleMs: { readonly median: number; readonly greatest: number }
  /** Where the data is, when something was missing. */
  readonly kept: string | undefined
}

const loadAtLeastMs = 150
const loadSpreadMs = 600
/** Part of the loops in which a process is killed again while it opens or catches up. */
const againShare = 0.15
const againWithinMs = 900

export async function runKills(options: KillsOptions): Promise<KillsVerdict> {
  const random = seededRandom(options.seed)
  const ledger = new Ledger()
  const startedMs = performance.now()
  const building = await Building.open({
    purpose: 'kills',
    nodes: options.nodes,
    directory: options.directory,
    random: random.fork('ports'),
    // Shorter than for a real building, so that many loops take minutes: nothing waits for its own sake.
    timing: { trunkKeepaliveMs: 250, trunkTimeoutMs: 1_500, gcIntervalMs: 1_000 },
    election: { settleMs: 100, deltaMs: 50, backoffMaxMs: 400, dialTimeoutMs: 2_000 },
    events: { acknowledged: (name, writes) => ledger.note(name, writes) }
  })
  const run = new Kills(options, random, building, ledger)
  const problems: string[] = []
  let loops = 0
  try {
    await agreement(building.all, { withinMs: options.settleWithinMs, nodes: options.nodes, signal: options.signal })
    for (let loop = 1; loop <= options.loops && problems.length === 0 && !options.signal.aborted; loop++) {
      problems.push(...(await run.loop(loop)).map(problem => `loop ${loop}: ${problem}`))
      loops = loop
    }
  } catch (error) {
    if (!options.signal.aborted) problems.push(`loop ${loops + 1}: ${error instanceof Error ? error.message : String(error)}`)
  }
  const held = problems.length === 0
  await building.close({ keep: !held })
  return {
    held,
    problems: held ? [] : [...problems, `seed ${options.seed}`],
    loops,
    seed: options.seed,
    kills: run.kills,
    receipts: ledger.receipts,
    errands: run.errands.done,
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    settleMs: { median: Math.round(quantile(run.settled, 0.5)), greatest: Math.round(quantile(run.settled, 1)) },
    kept: held ? undefined : building.directory
  }
}

class Kills {
  readonly errands: ErrandBook
  readonly settled: number[] = []
  kills = 0
  private loads = 0

  constructor(
    private readonly options: KillsOptions,
    private readonly random: Random,
    private readonly building: Building,
    private readonly ledger: Ledger
  ) {
    this.errands = new ErrandBook({
      random,
      pausesMs: { points: 20, counters: 100, notes: 100, config: 300 },
      idempotent: true,
      tokens: true,
      levelsOf: process_ => (process_ === building.relay ? ['relay', 'site'] : ['local', 'site', 'relay'])
    })
  }

  async loop(loop: number): Promise<string[]> {
    const { building, errands, ledger, options, random } = this
    const startedMs = performance.now()
    const victims = this.chooseVictims()
    const names = victims.map(({ name }) => name).join(' and ')
    const progress = (what: string): void => options.progress(`loop ${loop} of ${options.loops}: ${what}`)
    progress(`load, then kill -9 of ${names}`)
    await Promise.all(building.all.map(each => this.startLoad(each)))
    errands.start(building.all)
    await pause(loadAtLeastMs + below(random, loadSpreadMs))
    await Promise.all(victims.map(victim => this.kill(victim)))
    const left = building.all.filter(each => !victims.includes(each))
    const problems = described(await this.missingMeanwhile(left, victims))
    progress(`restart of ${names}`)
    await Promise.all(victims.map(victim => this.restart(victim, loop)))
    await Promise.all(building.all.map(each => each.ask('rest')))
    await errands.stop(options.settleWithinMs)
    await errands.settle(building.nodes[0]!)
    const { tookMs } = await agreement(building.all, { withinMs: options.settleWithinMs, nodes: options.nodes })
    this.settled.push(tookMs)
    const held = await views(building.all)
    for (const [name, view] of held) {
      problems.push(...described(ledger.missing(name, view)))
      problems.push(...errands.problems(name, view))
    }
    if (errands.failures.length > 0) problems.push(...errands.failures)
    if (building.unexpected !== undefined) problems.push(building.unexpected)
    const [, view] = [...held][0]!
    errands.adopt(view)
    options.say(
      `loop ${loop}  killed ${names.padEnd(12)}  equal after ${seconds(tookMs)}  ${ledger.receipts} receipts  ${seconds(performance.now() - startedMs)}`
    )
    return problems
  }

  private chooseVictims(): ReplicaProcess[] {
    const { building, random } = this
    const node = building.nodes[below(random, building.nodes.length)]!
    const roll = random.float()
    return roll < 0.45 ? [node] : roll < 0.8 ? [building.relay] : [node, building.relay]
  }

  private startLoad(process_: ReplicaProcess): Promise<void> {
    const { building, options, random } = this
    const cloud = process_ === building.relay
    return process_.ask('load', {
      perSecond: options.rate / building.all.length,
      ownPoints: Math.ceil((options.points * 0.9) / building.all.length),
      sharedPoints: Math.ceil(options.points * 0.1),
      sharedShare: 0.2,
      base: ++this.loads * 1_000_000,
      receiptEvery: 1,
      levels: cloud ? ['relay', 'site'] : ['local', 'site', 'local', 'relay'],
      seed: random.uint32()
    })
  }

  private async kill(victim: ReplicaProcess): Promise<void> {
    await victim.kill()
    this.kills++
  }

  // Sometimes it is killed again before it is open, or while it catches up; then it must open all the same.
  private async restart(victim: ReplicaProcess, loop: number): Promise<void> {
    const { random } = this
    const { opened } = victim.spawn()
    if (random.float() < againShare) {
      await pause(below(random, againWithinMs))
      await this.kill(victim)
      await victim.start()
    } else await opened
    if (loop % 2 === 0) await this.startLoad(victim)
  }

  /** What those left do not keep of what was promised of them. */
  private async missingMeanwhile(left: readonly ReplicaProcess[], victims: readonly ReplicaProcess[]): Promise<Missing[]> {
    const held = await views(left)
    const gone = new Set(victims.map(({ name }) => name))
    const promised =
      (wanted: DurabilityLevel) =>
      ({ by, level }: { by: string; level: DurabilityLevel }): boolean =>
        level === wanted && gone.has(by)
    const cloud = held.get('relay')
    const nodes = new Map([...held].filter(([name]) => name !== 'relay'))
    return [
      ...(cloud ? this.ledger.missing('relay', cloud, promised('relay')) : []),
      // Of two nodes that are away one may be where it was promised to be.
      ...(victims.filter(victim => victim !== this.building.relay).length < 2
        ? this.ledger.missingFromAll(nodes, promised('site'))
        : [])
    ]
  }
}

function described(missing: readonly Missing[]): string[] {
  return missing.map(
    ({ replica, path, acknowledged, level, by, found }) =>
      `${replica} lacks ${path} = ${String(acknowledged)}, acknowledged by ${by} as ${level}; it has ${String(found)}`
  )
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
