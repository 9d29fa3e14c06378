/** A world under checks, driven by hand: for tests of the checks. */
import { History } from '../history.js'
import { observerOf } from '../observer.js'
import type { Check } from '../check.js'
import type { Finding, Named, Phase, Run, Verdict } from '../../run.js'
import type { Json, Plan } from '../../plan/plan.js'
import { World, type SimulatedNode, type WorldOptions } from '../../world.js'
import { convergenceBoundMs, unconverged } from '../convergence.js'

export class CheckedRun implements Run {
  readonly history = new History()
  readonly world: World
  readonly findings: Finding[] = []
  readonly verdicts = new Map<string, Verdict>()
  readonly whyUnknown = new Map<string, string>()
  phase: Phase = 'working'
  healedAtMs: number | undefined

  constructor(
    options: WorldOptions,
    private readonly checks: readonly Check[],
    sites: Readonly<Record<string, number>> = { hq: 3 }
  ) {
    this.world = new World(options)
    for (const [id, count] of Object.entries(sites)) this.world.addSite(id, count)
    for (const check of checks) check.begin(this)
  }

  get plan(): Plan {
    const { options, epochMs, rosters, hasRelay } = this.world
    const { lan = {}, trunk = {} } = options
    const sites = [...rosters.values()].map(({ site, nodes }) => ({ id: site, nodes: nodes.map(({ name }) => name), lan, trunk }))
    const { seed } = options
    return {
      version: 1,
      scenario: 'by hand',
      seed,
      world: { epochMs, sites, relay: hasRelay },
      operations: [],
      faults: [],
      untilMs: 0
    }
  }

  get nowMs(): number {
    return this.world.kernel.nowMs
  }

  get nodes(): readonly SimulatedNode[] {
    return this.world.nodes
  }

  fail(check: Named, fingerprint: string, sentence: string, details: Json = null): void {
    this.verdicts.set(check.name, 'fail')
    const { nowMs: atMs } = this
    this.findings.push({ check: check.name, fingerprint, sentence, details, atMs, event: this.world.kernel.trace.events })
  }

  pass(check: Named): void {
    if (this.verdicts.get(check.name) !== 'fail') this.verdicts.set(check.name, 'pass')
  }

  unknown(check: Named, why: string): void {
    this.whyUnknown.set(check.name, why)
    if (!this.verdicts.has(check.name)) this.verdicts.set(check.name, 'unknown')
  }

  reached(): void {}

  tell(): void {}

  /** Starts everything, and waits until all know of one another. */
  async start(): Promise<void> {
    for (const process of this.world.processes) process.start()
    const isReady = (): boolean =>
      this.nodes.every(({ open }) => open && (open.readiness === 'synced' || this.nodes.length === 1)) &&
      (!this.world.hasRelay || (this.world.relay.open?.['replica']?.spaces.size ?? 0) >= 2)
    await this.passUntil(isReady, 30_000)
  }

  /** Lets time pass, each event under the eyes of the checks; ends at the first finding. */
  async elapse(ms: number): Promise<void> {
    // What was done by hand is seen at its own time.
    this.world.kernel.after(0, 'by hand', 'done', () => undefined)
    await this.passUntil(() => false, ms)
  }

  /** Lets time pass until `met`, or a finding; gives whether it was met. */
  async passUntil(met: () => boolean, ms: number): Promise<boolean> {
    const { kernel } = this.world
    let reached = false
    const observer = observerOf(this)
    const { events } = kernel.trace
    await kernel.runUntilMet(() => {
      if (kernel.trace.events > events) {
        observer.look()
        for (const check of this.checks) check.afterEvent?.({ atMs: kernel.nowMs, actor: '', label: '' })
      }
      reached = met()
      return reached || this.findings.length > 0
    }, kernel.nowMs + ms)
    return reached
  }

  /** Nothing is broken any more; waits until all are equal, and judges. */
  async finish(): Promise<void> {
    if (this.findings.length > 0) return
    const { world } = this
    world.network.mend()
    for (const process of world.processes) if (!process.isRunning) process.start()
    this.phase = 'healing'
    this.healedAtMs = this.nowMs
    const boundMs = convergenceBoundMs(this, 1_000) + 1_000
    const untilMs = this.nowMs + boundMs
    let equalBefore = false
    while (this.findings.length === 0 && this.nowMs < untilMs) {
      await this.elapse(500)
      const equal = unconverged(this) === undefined
      if (equal && equalBefore) {
        this.phase = 'settled'
        break
      }
      equalBefore = equal
    }
    if (this.findings.length === 0) for (const check of this.checks) await check.atEnd?.()
  }

  /** Fingerprints of what was found, with the check's name. */
  get found(): string[] {
    return this.findings.map(({ check, fingerprint }) => `${check}: ${fingerprint}`)
  }
}
