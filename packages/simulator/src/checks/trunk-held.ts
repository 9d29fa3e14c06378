/**
 * Liveness of the trunk: where some node can reach the relay, one of those that it can reach holds the trunk, before long. A holder that
 * is gone is followed by another, however long it stays away; each side of a site that is split has a holder of its own.
 */
import type { Run } from '../run.js'
import { machinesOf, peersOf, type Machine } from './views.js'

/** Who is silent is noticed within seven seconds, those of better rank go first, and a dial and its hello are a second at most. */
const takenOverMs = 10_000
/** After a relay that could not be reached a dial may be under way into nothing, and then waits for its turn (`Backoff`). */
const reachedMs = 30_000

/** A condition as it is, and since when. */
class Lasting {
  private now = ''
  private last: readonly (object | undefined)[] = []
  sinceMs = 0

  is(now: string, of: readonly (object | undefined)[], nowMs: number): void {
    if (now === this.now && of.length === this.last.length && of.every((each, i) => each === this.last[i])) return
    this.now = now
    this.last = of
    this.sinceMs = nowMs
  }

  /** Something has happened that does not show in it. */
  disturbed(nowMs: number): void {
    this.sinceMs = nowMs
  }
}

/** Why nobody holds the trunk of a site though somebody should; the sentence is for a person. */
export interface TrunkUnheld {
  readonly site: string
  readonly hosts: readonly string[]
  readonly sentence: string
}

/** Looked at often: after each fault at least, since one that is over before the next look may have broken a trunk. */
export class TrunkHeld {
  private readonly sites = new Map<string, readonly Machine[]>()
  private readonly relay: Machine | undefined
  /** Of each site: what runs, and the ways between. */
  private readonly insides = new Map<string, Lasting>()
  /** Of each node: the relay, and the way there. */
  private readonly outsides = new Map<string, Lasting>()
  /** When a node was last seen to have a session with the relay. */
  private readonly heldAtMs = new Map<string, number>()

  constructor(private readonly run: Run) {
    const machines = machinesOf(run.world)
    this.relay = machines.find(({ role }) => role === 'relay')
    for (const machine of machines)
      if (machine.site !== undefined) this.sites.set(machine.site, [...(this.sites.get(machine.site) ?? []), machine])
  }

  /** @param disturbed hosts to whom a fault has just done something, which may not show in what runs and what is cut */
  look(disturbed: readonly string[] = []): TrunkUnheld | undefined {
    const { relay } = this
    if (!relay) return undefined
    for (const [site, machines] of this.sites) {
      this.note(site, machines, relay, disturbed)
      const unheld = this.judge(site, machines)
      if (unheld) return unheld
    }
    return undefined
  }

  private note(site: string, machines: readonly Machine[], relay: Machine, disturbed: readonly string[]): void {
    const { nowMs } = this.run
    const inside = machines.flatMap(({ name }) => [this.isStopped(name), ...machines.map(other => this.way(name, other.name))])
    const running = machines.map(machine => machine.running)
    lastingOf(this.insides, site).is(inside.join(' '), running, nowMs)
    for (const machine of machines) {
      const { name } = machine
      const outside = [this.isStopped(relay.name), this.way(name, relay.name), this.way(relay.name, name)]
      lastingOf(this.outsides, name).is(outside.join(' '), [relay.running], nowMs)
      if (disturbed.includes(name))
        for (const lasting of [lastingOf(this.insides, site), lastingOf(this.outsides, name)]) lasting.disturbed(nowMs)
      if (peersOf(machine).some(({ role }) => role === 'relay')) this.heldAtMs.set(name, nowMs)
    }
  }

  private judge(site: string, machines: readonly Machine[]): TrunkUnheld | undefined {
    const { nowMs } = this.run
    if (!this.relay?.running || this.isOther(this.relay.name) || nowMs - this.insides.get(site)!.sinceMs <= takenOverMs)
      return undefined
    for (const machine of machines) {
      if (nowMs - this.outsides.get(machine.name)!.sinceMs <= reachedMs || !this.reachesRelay(machine)) continue
      const side = this.sideOf(machine, machines)
      const silentMs = nowMs - Math.max(0, ...(side ?? []).map(({ name }) => this.heldAtMs.get(name) ?? 0))
      if (!side || silentMs <= takenOverMs) continue
      const hosts = side.map(({ name }) => name)
      const sentence = `${machine.name} can reach the relay, and for ${Math.round(silentMs / 1_000)} s nobody has held the trunk of ${hosts.join(' and ')}.`
      return { site, hosts, sentence }
    }
    return undefined
  }

  private reachesRelay({ name, running }: Machine): boolean {
    const relay = this.relay!.name
    if (running === undefined || this.isStopped(name) || this.isStopped(relay) || this.isSwitchedOff(name)) return false
    return this.isFree(name, relay) && this.isFree(relay, name)
  }

  /** Who of a site hears whom, from one node on; undefined: that can't be told, as a way is neither free nor cut. */
  private sideOf(machine: Machine, machines: readonly Machine[]): Machine[] | undefined {
    const side = [machine]
    const others = new Set(machines.filter(other => other !== machine && other.running !== undefined))
    if (machines.some(({ name }) => this.isStopped(name) || this.isDouble(name) || this.isOther(name))) return undefined
    for (const { name } of side)
      for (const other of others) {
        const ways = [
          [name, other.name],
          [other.name, name]
        ] as const
        if (ways.every(([from, to]) => this.isFree(from, to))) {
          side.push(other)
          others.delete(other)
        } else if (!ways.every(([from, to]) => ['silent', 'closed'].includes(this.pathOf(from, to).state))) return undefined
      }
    return side
  }

  /** It is a copy of another machine, and each takes the place of the other again and again. */
  private isDouble(host: string): boolean {
    const node = this.run.world.nodes.find(({ name }) => name === host)
    return node !== undefined && node.identity !== node.key
  }

  /** Its operator wants no trunk there. */
  private isSwitchedOff(host: string): boolean {
    return this.run.world.nodes.find(({ name }) => name === host)?.open?.['holder']?.isEnabled === false
  }

  private isStopped(host: string): boolean {
    return this.run.world.network.host(host).isPaused
  }

  /** It is of another version, and may be refused for that. */
  private isOther(host: string): boolean {
    const { speak, hear } = this.run.world.network.host(host)
    return speak !== undefined || hear !== undefined
  }

  private isFree(from: string, to: string): boolean {
    return this.pathOf(from, to).impairedBy.length === 0
  }

  private way(from: string, to: string): string {
    return from === to ? '' : this.pathOf(from, to).impairedBy.join('+')
  }

  private pathOf(from: string, to: string): { readonly state: string; readonly impairedBy: readonly string[] } {
    return this.run.world.network['path'](from, to)
  }
}

function lastingOf(all: Map<string, Lasting>, name: string): Lasting {
  let lasting = all.get(name)
  if (!lasting) all.set(name, (lasting = new Lasting()))
  return lasting
}
