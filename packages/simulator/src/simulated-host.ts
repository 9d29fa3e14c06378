/** A machine on the network: what it serves, whether it has power, and whether its process is stopped for a while. */
import type { NodeId, SiteId } from '@selvedge/core'
import type { SimulatedConnection } from './simulated-connection.js'
import type { Endpoint } from './simulated-pipe.js'

/** Who connects, as the handshake proves it. */
export interface Caller {
  readonly node: NodeId
  readonly site: SiteId
}

/** Takes a connection, or throws what the caller is refused with; gives who answers, as the handshake proves it. */
export type Accept = (caller: Caller, connection: SimulatedConnection) => NodeId

export interface Connected {
  readonly connection: SimulatedConnection
  /** Who answered. */
  readonly node: NodeId
}

export type ServiceName = 'mesh' | 'trunk'

/** What a host does with the network. */
export interface HostNetwork {
  connect(from: SimulatedHost, to: string, service: ServiceName, caller: Caller): Promise<Connected>
  wiresOf(name: string): readonly HostWire[]
  /** `run` is called later in this instant, as an event of its own. */
  soon(actor: string, label: string, run: () => void): void
}

export interface HostWire {
  /** The host's process is gone: the other end is told, as far as the way is open. */
  reset(host: string): void
  /** The host is gone without a word. */
  vanish(host: string): void
  /** What waited may come. */
  pump(): void
}

export class SimulatedHost implements Endpoint {
  readonly services = new Map<ServiceName, Accept>()
  /** Changes each frame that this host sends: into another, several or none. */
  speak: ((frame: Uint8Array) => readonly Uint8Array[]) | undefined
  /** Changes each frame that this host receives. */
  hear: ((frame: Uint8Array) => Uint8Array) | undefined
  private up = true
  private stopped = false
  private held: (() => void)[] = []

  constructor(
    readonly name: string,
    private readonly network: HostNetwork
  ) {}

  get isUp(): boolean {
    return this.up
  }

  get isPaused(): boolean {
    return this.stopped
  }

  /** Connects to a service of another host. Rejects as an unreachable host does, or with what it refuses with. */
  connect(to: string, service: ServiceName, caller: Caller): Promise<Connected> {
    return this.network.connect(this, to, service, caller)
  }

  /** Something happens to its process: now, or when that goes on. */
  happen(run: () => void): void {
    if (this.stopped) this.held.push(run)
    else run()
  }

  /** The process is stopped (SIGSTOP): its timers and what comes in wait. The machine still answers at the level of TCP. */
  pause(): void {
    this.stopped = true
  }

  /** It goes on: all that waited happens, one after the other. */
  resume(): void {
    if (!this.stopped) return
    this.stopped = false
    for (const run of this.held.splice(0)) this.network.soon(this.name, 'resumed', () => this.happen(run))
    for (const wire of this.network.wiresOf(this.name)) wire.pump()
  }

  /** The process is killed: what it had open is reset by the operating system. */
  kill(): void {
    this.forget()
    for (const wire of this.network.wiresOf(this.name)) wire.reset(this.name)
  }

  /** Power is lost: nobody is told. */
  powerOff(): void {
    this.up = false
    this.forget()
    for (const wire of this.network.wiresOf(this.name)) wire.vanish(this.name)
  }

  powerOn(): void {
    this.up = true
  }

  private forget(): void {
    this.services.clear()
    this.stopped = false
    this.held = []
  }
}
