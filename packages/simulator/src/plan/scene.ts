/** A run as a scenario's own code sees it: nodes that are up, with the user's services on them. */
import type { Clock } from '@selvedge/core'
import type { Relay } from '@selvedge/relay'
import type { Site } from '@selvedge/site'
import type { Phase, Run } from '../run.js'
import type { SimulatedNode } from '../world.js'
import type { NodeName } from './scripted-faults.js'

/** A node that is up. */
export interface SceneNode<Services = unknown> {
  readonly name: string
  /** The id of its site. */
  readonly siteId: string
  readonly site: Site
  readonly clock: Clock
  /** The user's service on it; it throws when there is none: see {@link has}. */
  readonly service: <Name extends keyof Services>(name: Name) => Services[Name]
  /** Whether a service runs on it. */
  readonly has: (name: keyof Services) => boolean
}

export interface Scene<Sites extends string = string, Services = unknown, Moment extends string = string> {
  /** True time since the start. */
  readonly nowMs: number
  readonly phase: Phase
  readonly run: Run
  /** The relay, while it runs. */
  readonly relay: Relay | undefined
  /** Nodes that are up: of one site, or all. */
  readonly nodes: (site?: Sites) => readonly SceneNode<Services>[]
  /** A node, while it is up. */
  readonly node: (name: NodeName<Sites>) => SceneNode<Services> | undefined
  /** A state named by `sometimes` was reached. */
  readonly reached: (moment: Moment) => void
}

/** What a service gets to start with. */
export interface ServiceStart<Moment extends string = string> {
  /** What the node has opened. */
  readonly site: Site
  /** The node's clock: a service sets its timers here, and nowhere else. */
  readonly clock: Clock
  /** The node's name, such as `hq-1`. */
  readonly node: string
  /** A state named by `sometimes` was reached. */
  readonly reached: (moment: Moment) => void
}

/** Without types: a scenario knows them. */
interface RunsServices extends Omit<SceneNode, 'service' | 'has'> {
  readonly service: (name: string) => unknown
  readonly has: (name: string) => boolean
}

class RunningNode implements RunsServices {
  readonly services = new Map<string, unknown>()

  constructor(
    private readonly of: SimulatedNode,
    readonly site: Site,
    readonly clock: Clock
  ) {}

  get name(): string {
    return this.of.name
  }

  get siteId(): string {
    return this.of.site
  }

  get isUp(): boolean {
    return this.of.open === this.site
  }

  readonly service = (name: string): unknown => {
    if (!this.services.has(name)) throw new Error(`no service ${name} runs on ${this.name}`)
    return this.services.get(name)
  }

  readonly has = (name: string): boolean => this.services.has(name)
}

export interface ServiceDefinition {
  readonly name: string
  /** Sites or nodes; undefined: everywhere. */
  readonly on: readonly string[] | undefined
  start(context: ServiceStart): unknown
}

/** Starts services where nodes come up, and shows what is up. */
export class RunningScene {
  private readonly running = new Map<string, RunningNode>()

  constructor(
    readonly run: Run,
    services: readonly ServiceDefinition[],
    crashed: (node: string, service: string, error: unknown) => void
  ) {
    run.world.onNodeOpen.push((node, clock) => {
      const here = new RunningNode(node, node.open!, clock)
      this.running.set(node.name, here)
      for (const definition of services) {
        const { name, on } = definition
        if (on && !on.includes(node.name) && !on.includes(node.site)) continue
        // In a promise: what a service throws is its own failure, and no other's.
        Promise.resolve()
          .then(() => definition.start({ site: here.site, clock, node: node.name, reached: moment => run.reached(moment) }))
          .then(
            service => void here.services.set(name, service),
            (error: unknown) => void (here.isUp && crashed(node.name, name, error))
          )
      }
    })
  }

  get nowMs(): number {
    return this.run.nowMs
  }

  get phase(): Phase {
    return this.run.phase
  }

  get relay(): Relay | undefined {
    return this.run.world.relay.open
  }

  readonly nodes = (site?: string): RunningNode[] => {
    const up: RunningNode[] = []
    for (const { name, site: id } of this.run.world.nodes) {
      if (site !== undefined && id !== site) continue
      const node = this.node(name)
      if (node) up.push(node)
    }
    return up
  }

  readonly node = (name: string): RunningNode | undefined => {
    const node = this.running.get(name)
    return node?.isUp ? node : undefined
  }

  readonly reached = (moment: string): void => this.run.reached(moment)
}
