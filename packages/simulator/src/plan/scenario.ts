/**
 * A scenario: what there is, what is done to it, and what must hold. Each step gives a new scenario, so that one can be made from
 * another; names given in one step are offered by the editor in the next.
 *
 * @example
 * export default scenario('nine hours without a trunk')
 *   .shows('A building goes on by itself, and both sides agree when the trunk is back.')
 *   .site('a', { nodes: 3 })
 *   .site('b', { nodes: 2, trunk: { latencyMs: 40 } })
 *   .lasts('12h')
 *   .workload({ every: '30s' }, set(), remove(), increment())
 *   .faults(({ at }) => [at('2h').cutTrunk('b').for('9h')])
 *   .sometimes('both sides wrote one point')
 */
import { assert } from '@selvedge/core'
import type { Arbitrary } from 'fast-check'
import type { CheckFactory } from '../checks/check.js'
import type { FaultKind } from '../faults/fault.js'
import type { AnyOperation, Place } from '../operations/operation.js'
import type { LinkQuality } from '../simulated-network.js'
import type { WorldOptions } from '../world.js'
import { milliseconds, type Duration } from './duration.js'
import type { Json } from './plan.js'
import { faultTimes, type FaultTimes, type NodeName, type ScriptedFault } from './scripted-faults.js'
import type { Scene, ServiceDefinition, ServiceStart } from './scene.js'

export interface SiteChoice {
  /** They are named `<site>-1` and so on. */
  readonly nodes: number
  /** Between its nodes. Default half a millisecond, and as much jitter. */
  readonly lan?: LinkQuality
  /** Between each of its nodes and the relay. Default 20 ms, and as much jitter. */
  readonly trunk?: LinkQuality
}

export interface WorkloadChoice<Where extends string = string> {
  /** Mean time between two operations; they come at random. */
  readonly every: Duration
  /** Sites or nodes where they are done. Default everywhere. */
  readonly on?: readonly Where[]
  /** Done by so many clients, each of whom goes from node to node of a site. Default: by the nodes themselves. */
  readonly clients?: number
  /** How long a client stays at a node, on average. Default ten minutes. */
  readonly stays?: Duration
}

export interface OperationChoice<
  A extends Json,
  Where extends string,
  Services,
  Moment extends string
> extends WorkloadChoice<Where> {
  readonly args: Arbitrary<A>
  readonly run: (place: Place<Services, Moment>, args: A) => unknown
  /** How a story tells it. */
  readonly describe?: (args: A) => string
}

export interface SwarmChoice {
  /** Default: those that take nothing back that a receipt has promised (`harmless`); there are `forgetful` and `untimely` ones too. */
  readonly kinds?: readonly FaultKind[]
  /** Mean time between two faults, in a seed that has about half of the kinds on. Default a tenth of the run. */
  readonly every?: Duration
  /** The longest that one lasts. Default a quarter of the run. */
  readonly upTo?: Duration
}

/** What a scenario's own check says: nothing or true, it holds; false or a sentence, it does not. To throw is a sentence too. */
export type Judgement = boolean | string | undefined

export interface Workload extends WorkloadChoice {
  readonly kinds: readonly AnyOperation[]
}

export interface Definition {
  readonly name: string
  readonly shows: string
  readonly lastsMs: number
  readonly sites: readonly (SiteChoice & { readonly id: string })[]
  readonly relay: boolean
  readonly siteOptions: WorldOptions['siteOptions']
  readonly relayOptions: WorldOptions['relayOptions']
  readonly services: readonly ServiceDefinition[]
  readonly workloads: readonly Workload[]
  readonly scripts: readonly ScriptedFault[]
  readonly swarm: SwarmChoice | undefined
  /** Instead of the usual ones. */
  readonly checks: readonly CheckFactory[] | undefined
  /** Names of usual checks that are left out. */
  readonly without: readonly string[]
  readonly ownChecks: readonly CheckFactory[]
  readonly invariants: readonly { readonly name: string; readonly everyMs: number; readonly holds: (scene: Scene) => Judgement }[]
  readonly moments: readonly {
    readonly name: string
    readonly everyMs: number
    readonly when: ((scene: Scene) => boolean) | undefined
  }[]
  readonly endings: readonly { readonly name: string; readonly holds: (scene: Scene) => Judgement | Promise<Judgement> }[]
}

export class Scenario<Sites extends string = never, Services = unknown, Moment extends string = never> {
  /** @internal */
  constructor(readonly definition: Definition) {}

  get name(): string {
    return this.definition.name
  }

  /** One sentence: what a reader learns from it. */
  shows(sentence: string): this {
    return this.with({ shows: sentence }) as this
  }

  /** How long operations and faults go on; then everything is healed, and must converge. Default ten minutes. */
  lasts(duration: Duration): this {
    return this.with({ lastsMs: milliseconds(duration) }) as this
  }

  /** A building. */
  site<Id extends string>(id: Id, choice: SiteChoice): Scenario<Sites | Id, Services, Moment> {
    return this.with({ sites: [...this.definition.sites, { ...choice, id }] })
  }

  /** Many buildings of one kind: `<prefix>1` and so on. */
  sites<Prefix extends string>(
    prefix: Prefix,
    count: number,
    choice: SiteChoice
  ): Scenario<Sites | `${Prefix}${number}`, Services, Moment> {
    const more = Array.from({ length: count }, (_, i) => ({ ...choice, id: `${prefix}${i + 1}` }))
    return this.with({ sites: [...this.definition.sites, ...more] })
  }

  /** Buildings without a cloud. */
  withoutRelay(): this {
    return this.with({ relay: false }) as this
  }

  /** What the services pass to `openSite`: definitions of points, spaces, timing. */
  siteOptions(options: NonNullable<WorldOptions['siteOptions']>): this {
    return this.with({ siteOptions: options }) as this
  }

  /** What the relay is opened with: timing, the size of its logs. Default: as a relay is without options. */
  relayOptions(options: NonNullable<WorldOptions['relayOptions']>): this {
    return this.with({ relayOptions: options }) as this
  }

  /**
   * Your own code, started on a node whenever it comes up. What it gives back is what checks and operations get by this name. It must
   * take time from the clock that it is given.
   */
  service<Name extends string, S>(
    name: Name,
    start: (context: ServiceStart<Moment>) => S | Promise<S>,
    where: { readonly on?: readonly (Sites | NodeName<Sites>)[] } = {}
  ): Scenario<Sites, Services & Record<Name, S>, Moment> {
    // Of two by one name the later is meant: a mended twin takes the place of its original.
    const others = this.definition.services.filter(service => service.name !== name)
    return this.with({ services: [...others, { name, on: where.on, start: start }] })
  }

  /** Operations that come again and again, all through the run. */
  workload(choice: WorkloadChoice<Sites | NodeName<Sites>>, ...kinds: readonly AnyOperation<Services, Moment>[]): this {
    assert(kinds.length > 0, 'a workload has operations')
    return this.with({
      workloads: [...this.definition.workloads, { ...choice, kinds: kinds }]
    }) as this
  }

  /** An operation of your own, that comes again and again. */
  operation<A extends Json>(kind: string, choice: OperationChoice<A, Sites | NodeName<Sites>, Services, Moment>): this {
    const { args, run, describe, ...when } = choice
    return this.workload(when, { kind, arbitrary: args, run, ...(describe ? { describe } : {}) })
  }

  /** Faults at times of your choice. */
  faults(script: (times: FaultTimes<Sites>) => readonly ScriptedFault[]): this {
    return this.with({ scripts: [...this.definition.scripts, ...script(faultTimes<Sites>())] }) as this
  }

  /** Faults by chance: each seed draws which kinds are on, when they strike, and how hard. */
  swarm(choice: SwarmChoice = {}): this {
    return this.with({ swarm: choice }) as this
  }

  /** Exactly these checks, instead of the usual ones. */
  onlyChecks(...checks: readonly CheckFactory[]): this {
    return this.with({ checks }) as this
  }

  /** Leaves out usual checks to which this scenario gives nothing to judge: a check without evidence is no pass. */
  without(...checks: readonly string[]): this {
    return this.with({ without: [...this.definition.without, ...checks] }) as this
  }

  /** A check of your own, beside the others. */
  check(check: CheckFactory): this {
    return this.with({ ownChecks: [...this.definition.ownChecks, check] }) as this
  }

  /** What must hold always: it is asked after every event, or at most so often as you say. */
  invariant(
    name: string,
    holds: (scene: Scene<Sites, Services, Moment>) => Judgement,
    { every = 0 }: { readonly every?: Duration } = {}
  ): this {
    const invariant = { name, everyMs: milliseconds(every), holds: holds as unknown as (scene: Scene) => Judgement }
    return this.with({ invariants: [...this.definition.invariants, invariant] }) as this
  }

  /**
   * A state that some seed must reach, or the scenario tests less than it seems to: when `when` is true, or code says `reached(name)`.
   * It is asked once a second of simulated time; what passes more quickly needs a shorter `every`, and 0 is after every event.
   */
  sometimes<Name extends string>(
    name: Name,
    when?: (scene: Scene<Sites, Services, Moment>) => boolean,
    { every = '1s' }: { readonly every?: Duration } = {}
  ): Scenario<Sites, Services, Moment | Name> {
    const moment = { name, everyMs: milliseconds(every), when: when as unknown as ((scene: Scene) => boolean) | undefined }
    return this.with({ moments: [...this.definition.moments, moment] })
  }

  /** What must hold at the end, when everything has been healed and has converged. */
  atEnd(name: string, holds: (scene: Scene<Sites, Services, Moment>) => Judgement | Promise<Judgement>): this {
    const ending = { name, holds: holds as unknown as Definition['endings'][number]['holds'] }
    return this.with({ endings: [...this.definition.endings, ending] }) as this
  }

  /** The same under another name. */
  named(name: string): this {
    return this.with({ name }) as this
  }

  private with<S extends string, V, M extends string>(change: Partial<Definition>): Scenario<S, V, M> {
    return new Scenario<S, V, M>({ ...this.definition, ...change })
  }
}

/** Any scenario. */
export type AnyScenario = Pick<Scenario, 'name' | 'definition'>

/** Begins a scenario. Its name is what plans and reports say: keep it. */
export function scenario(name: string): Scenario {
  return new Scenario({
    name,
    shows: '',
    lastsMs: 600_000,
    sites: [],
    relay: true,
    siteOptions: undefined,
    relayOptions: undefined,
    services: [],
    workloads: [],
    scripts: [],
    swarm: undefined,
    checks: undefined,
    without: [],
    ownChecks: [],
    invariants: [],
    moments: [],
    endings: []
  })
}
