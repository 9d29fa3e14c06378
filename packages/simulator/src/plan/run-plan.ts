/**
 * Runs a plan on the real runtime: operations and faults at their times, then everything is healed, and the world has a time that
 * follows from its links to converge in. What comes out is a function of the plan.
 */
import { assert } from '@selvedge/core'
import { usualChecks } from '../checks/index.js'
import type { Check } from '../checks/check.js'
import { convergenceBoundMs, unconverged } from '../checks/convergence.js'
import { observerOf } from '../checks/observer.js'
import { faultKinds } from '../faults/index.js'
import type { FaultKind } from '../faults/fault.js'
import type { AnyOperation, Place } from '../operations/operation.js'
import type { Happened } from '../kernel.js'
import type { Finding, Run } from '../run.js'
import { uncaught } from '../system/uncaught.js'
import { World } from '../world.js'
import { shortly } from './duration.js'
import { ownChecks, withoutFigures } from './own-checks.js'
import type { Plan, PlannedFault, PlannedOperation } from './plan.js'
import { RunRecord, type Judged } from './run-record.js'
import { RunningScene } from './scene.js'
import type { AnyScenario, Definition } from './scenario.js'
import type { StoryLine } from './story.js'

export interface RunResult {
  readonly scenario: string
  readonly seed: number
  /** By check. */
  readonly verdicts: Readonly<Record<string, Judged>>
  /** The first failure, with which the run ended. */
  readonly finding: (Finding & { readonly kind: 'safety' | 'liveness' }) | undefined
  /** What `sometimes` names and this run reached. */
  readonly reached: readonly string[]
  /** Equal for equal runs. */
  readonly traceHash: string
  readonly events: number
  readonly simulatedMs: number
  readonly story: readonly StoryLine[]
}

export interface RunOptions {
  /** Stop at this time and judge nothing at the end. */
  readonly untilMs?: number
  /** Called with each line of the story. */
  readonly onLine?: (line: StoryLine) => void
  /** Called before the first event; what it gives looks on. */
  readonly watch?: (run: Run) => RunWatcher
}

/** Looks on while a plan is run, and changes nothing. */
export interface RunWatcher {
  /** After each event, with the name of whom it happened to. */
  afterEvent(actor: string): void
  /** An operation is done. */
  operation(operation: PlannedOperation): void
}

/** Nothing goes on for as many events without time passing. */
const eventsAtOnceMax = 50_000
const lookEveryMs = 500

const noCrash = { name: 'no-crash' }
const noStandstill = { name: 'time-passes', kind: 'liveness' as const }

export async function runPlan(scenario: AnyScenario, plan: Plan, options: RunOptions = {}): Promise<RunResult> {
  const { definition } = scenario
  const world = worldOf(plan, definition)
  const run = new RunRecord(plan, world, options.onLine)
  const crashed = (who: string, error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error)
    run.fail(noCrash, withoutFigures(message), `${who} threw: ${message}`, {
      stack: error instanceof Error ? (error.stack ?? '') : ''
    })
  }
  const scene = new RunningScene(run, definition.services, (node, service, error) =>
    crashed(`the service ${service} on ${node}`, error)
  )
  const checks = [...commonChecks(definition), ...ownChecks(definition, scene)]
  const release = uncaught(error => crashed('code that nobody waits for', error))
  try {
    const performance = new Performance(run, scene, definition, checks, crashed, options.watch?.(run))
    await performance.perform(options.untilMs ?? Number.POSITIVE_INFINITY)
  } finally {
    release()
  }
  for (const check of [noCrash, noStandstill]) run.pass(check)
  return resultOf(run, [...checks, noCrash, noStandstill])
}

function commonChecks({ checks, without, ownChecks: own }: Definition): Check[] {
  const common = checks?.map(make => make()) ?? usualChecks()
  for (const name of without)
    assert(
      common.some(check => check.name === name),
      `there is no check ${name} to leave out`
    )
  return [...common.filter(({ name }) => !without.includes(name)), ...own.map(make => make())]
}

function worldOf({ seed, world: { epochMs, relay, sites } }: Plan, { siteOptions, relayOptions }: Definition): World {
  const options = { ...(siteOptions ? { siteOptions } : {}), ...(relayOptions ? { relayOptions } : {}) }
  const world = new World({ seed, epochMs, relay, ...options })
  for (const { id, nodes, lan, trunk } of sites) world.addSite(id, nodes, { lan, trunk })
  return world
}

/** One run, from its first event to its last. */
class Performance {
  private readonly operations: ReadonlyMap<string, AnyOperation>
  private readonly faults: ReadonlyMap<string, FaultKind>
  private readonly broken = new Map<PlannedFault, FaultKind>()
  private readonly observers: ((event: Happened) => void)[] = []
  private instantMs = -1
  private eventsAtOnce = 0

  constructor(
    private readonly run: RunRecord,
    private readonly scene: RunningScene,
    definition: Definition,
    private readonly checks: readonly Check[],
    private readonly crashed: (who: string, error: unknown) => void,
    private readonly watcher: RunWatcher | undefined
  ) {
    this.operations = new Map(definition.workloads.flatMap(({ kinds }) => kinds.map(kind => [kind.kind, kind] as const)))
    const own = [...(definition.swarm?.kinds ?? []), ...definition.scripts.map(({ kind }) => kind)]
    this.faults = new Map([...faultKinds, ...own.map(kind => [kind.kind, kind] as const)])
    const observer = observerOf(run)
    // One look at whom it happened to serves all checks.
    if (checks.length > 0) this.observers.push(({ actor }) => observer.look(actor))
    for (const check of checks) if (check.afterEvent) this.observers.push(check.afterEvent.bind(check))
    if (watcher) this.observers.push(({ actor }) => watcher.afterEvent(actor))
  }

  async perform(untilMs: number): Promise<void> {
    const { run, checks } = this
    for (const check of checks) check.begin(run)
    for (const process of run.world.processes) process.start()
    this.schedule()
    await this.until(Math.min(run.plan.untilMs, untilMs))
    if (run.finding || untilMs <= run.plan.untilMs) return
    this.heal()
    await this.settle(untilMs)
    if (run.finding || run.nowMs >= untilMs) return
    for (const check of checks) await check.atEnd?.()
  }

  private schedule(): void {
    const { plan, world } = this.run
    const { kernel } = world
    for (const operation of plan.operations) kernel.after(operation.atMs, operation.by, operation.id, () => this.ask(operation))
    for (const fault of plan.faults) {
      kernel.after(fault.atMs, 'fault', fault.id, () => this.strike(fault))
      if (fault.atMs + fault.forMs < plan.untilMs)
        kernel.after(fault.atMs + fault.forMs, 'fault', fault.id, () => this.mend(fault))
    }
  }

  /** What a process is asked while it is stopped, it does when it goes on. */
  private ask(operation: PlannedOperation): void {
    const process = this.run.world.nodes.find(({ name }) => name === operation.by)
    process?.host.happen(() => process.isClosing || this.operate(operation))
  }

  private operate(operation: PlannedOperation): void {
    const { run, scene } = this
    const kind = this.operations.get(operation.kind)
    if (!kind) throw new Error(`the scenario has no operation ${operation.kind}`)
    const node = scene.node(operation.by)
    if (!node) return
    const place: Place = {
      name: node.name,
      siteId: node.siteId,
      site: node.site,
      clock: node.clock,
      service: name => node.service(name),
      has: name => node.has(name),
      client: operation.client,
      operation,
      run,
      reached: moment => run.reached(moment)
    }
    run.history.note(operation, run.nowMs)
    this.watcher?.operation(operation)
    run.tell(
      operation.client ? `${operation.client} at ${node.name}` : node.name,
      kind.describe?.(operation.args as never) ?? `${kind.kind} ${JSON.stringify(operation.args)}`
    )
    try {
      const done = kind.run(place, operation.args as never)
      if (done instanceof Promise)
        done.catch((error: unknown) => {
          // What a node that is gone would have answered, nobody hears.
          if (scene.node(operation.by)?.site === node.site) this.crashed(`${operation.kind} at ${node.name}`, error)
        })
    } catch (error) {
      this.crashed(`${operation.kind} at ${node.name}`, error)
    }
  }

  private strike(fault: PlannedFault): void {
    const { run } = this
    const kind = this.faults.get(fault.kind)
    if (!kind) throw new Error(`there is no fault ${fault.kind}`)
    this.broken.set(fault, kind)
    run.tell('fault', `${fault.kind} ${said(fault)}${fault.forMs > 0 ? ` for ${shortly(fault.forMs)}` : ''}`)
    kind.begin(run.world, fault.args)
  }

  private mend(fault: PlannedFault): void {
    const kind = this.broken.get(fault)
    if (!kind) return
    this.broken.delete(fault)
    this.run.tell('fault', `${fault.kind} ${said(fault)} is over`)
    kind.end(this.run.world, fault.args)
  }

  /** Nothing is broken any more, and everything runs. */
  private heal(): void {
    const { run } = this
    for (const fault of [...this.broken.keys()]) this.mend(fault)
    for (const process of run.world.processes) process.start()
    run.phase = 'healing'
    run.healedAtMs = run.nowMs
    run.tell('run', 'everything is healed')
  }

  /** Gives the world the time to converge that its links need, and no more. */
  private async settle(untilMs: number): Promise<void> {
    const { run } = this
    const registers = Math.max(
      0,
      ...run.world.nodes.map(
        ({ open }) => open?.spaceNames.reduce((sum, name) => sum + open.space(name).replica.table.size, 0) ?? 0
      )
    )
    const latestMs = Math.min(untilMs, run.nowMs + convergenceBoundMs(run, registers))
    let equalBefore = false
    while (!run.finding && run.nowMs < latestMs) {
      await this.until(Math.min(latestMs, run.nowMs + lookEveryMs))
      const equal = unconverged(run) === undefined
      // Twice in a row: what was under way has come.
      if (equal && equalBefore) {
        run.phase = 'settled'
        return
      }
      equalBefore = equal
    }
    // A check of convergence is told by one more event after the time is over.
    await this.until(Math.min(untilMs, run.nowMs + 2 * lookEveryMs))
  }

  private async until(atMs: number): Promise<void> {
    const { run } = this
    const { kernel } = run.world
    const over = (): boolean => {
      const event = kernel.latest
      if (!event) return false
      if (event.atMs === this.instantMs) {
        if (++this.eventsAtOnce > eventsAtOnceMax)
          run.fail(
            noStandstill,
            `${event.actor.replace(/\d+/g, '#')} ${event.label}`,
            `${event.actor} (${event.label}) goes on and on, and no time passes.`
          )
      } else {
        this.instantMs = event.atMs
        this.eventsAtOnce = 0
      }
      for (const observe of this.observers) observe(event)
      return run.finding !== undefined
    }
    try {
      await kernel.runUntilMet(over, atMs)
    } catch (error) {
      this.crashed('a timer or a message', error)
    }
    if (run.world.failures.length > 0) this.crashed('a process that starts', run.world.failures[0])
  }
}

function said({ args }: PlannedFault): string {
  return typeof args === 'object' && args !== null
    ? Object.values(args)
        .map(value => (typeof value === 'string' ? value : JSON.stringify(value)))
        .join(' ')
    : JSON.stringify(args)
}

function resultOf(
  run: RunRecord,
  checks: readonly (Check | { readonly name: string; readonly kind?: 'safety' | 'liveness' })[]
): RunResult {
  const { plan, world, finding } = run
  return {
    scenario: plan.scenario,
    seed: plan.seed,
    verdicts: run.verdictsOf(checks),
    finding: finding && { ...finding, kind: checks.find(({ name }) => name === finding.check)?.kind ?? 'safety' },
    reached: [...run.moments].sort(),
    traceHash: world.kernel.trace.hash,
    events: world.kernel.trace.events,
    simulatedMs: run.nowMs,
    story: run.story
  }
}
