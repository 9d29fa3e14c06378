/**
 * Since when nothing has happened to a site, and who of it can reach whom: what must come about in a while can be asked for while faults
 * last, as long as nothing changes.
 */
import { usualSpeed } from '../disk/simulated-disk.js'
import type { Run } from '../run.js'
import type { SimulatedNode } from '../world.js'
import { machinesOf, type Machine } from './views.js'

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

export class CalmSites {
  readonly sites = new Map<string, readonly Machine[]>()
  readonly relay: Machine | undefined
  private readonly nodes: ReadonlyMap<string, SimulatedNode>
  /** Of each site: what runs, and the ways between. */
  private readonly insides = new Map<string, Lasting>()
  /** Of each node: the relay, and the way there. */
  private readonly outsides = new Map<string, Lasting>()

  constructor(private readonly run: Run) {
    const machines = machinesOf(run.world)
    this.relay = machines.find(({ role }) => role === 'relay')
    this.nodes = new Map(run.world.nodes.map(node => [node.name, node]))
    for (const machine of machines)
      if (machine.site !== undefined) this.sites.set(machine.site, [...(this.sites.get(machine.site) ?? []), machine])
  }

  /**
   * Call it often, and after each fault: one that is over before the next call has left its traces all the same.
   * @param disturbed hosts to whom a fault has just done something, which may not show in what runs and what is cut
   */
  look(disturbed: readonly string[] = []): void {
    const { nowMs } = this.run
    for (const [site, machines] of this.sites) {
      const inside = machines.flatMap(({ name }) => [this.isStopped(name), ...machines.map(other => this.way(name, other.name))])
      const running = machines.map(machine => machine.running)
      const within = lastingOf(this.insides, site)
      within.is(inside.join(' '), running, nowMs)
      for (const { name } of machines) {
        const without = lastingOf(this.outsides, name)
        this.lookOutside(name, without)
        if (disturbed.includes(name)) for (const lasting of [within, without]) lasting.disturbed(nowMs)
      }
    }
  }

  private lookOutside(name: string, without: Lasting): void {
    const { relay } = this
    if (!relay) return
    const outside = [this.isStopped(relay.name), this.way(name, relay.name), this.way(relay.name, name)]
    without.is(outside.join(' '), [relay.running], this.run.nowMs)
  }

  /** For so long nothing has happened to the nodes of a site, nor to the ways between them. */
  insideMs(site: string): number {
    return this.run.nowMs - lastingOf(this.insides, site).sinceMs
  }

  /** For so long a node reaches the relay, which has not been restarted meanwhile; undefined: it can't, or wants no trunk. */
  outsideMs({ name, running }: Machine): number | undefined {
    const { relay } = this
    if (!relay?.running || !running || this.isStopped(name) || this.isStopped(relay.name) || this.isOther(relay.name))
      return undefined
    if (!this.isFree(name, relay.name) || !this.isFree(relay.name, name)) return undefined
    if (this.nodes.get(name)?.open?.['holder']?.isEnabled === false) return undefined
    return this.run.nowMs - lastingOf(this.outsides, name).sinceMs
  }

  /** The nodes of a site that run, by who reaches whom; undefined: that can't be told. */
  sidesOf(machines: readonly Machine[]): Machine[][] | undefined {
    if (machines.some(({ name }) => this.isStopped(name) || this.isDouble(name) || this.isOther(name))) return undefined
    const left = new Set(machines.filter(({ running }) => running !== undefined))
    const sides: Machine[][] = []
    for (const first of left) {
      left.delete(first)
      const side = [first]
      for (const one of side)
        for (const other of left) {
          const reaches = this.reaches(one, other)
          if (reaches === undefined) return undefined
          if (!reaches) continue
          side.push(other)
          left.delete(other)
        }
      sides.push(side)
    }
    return sides
  }

  /** Its disk takes what it is given, as fast as ever. */
  hasSoundDisk({ name }: Machine): boolean {
    const { trouble, roomBytes, speed } = this.nodes.get(name)!.disk
    return trouble === undefined && roomBytes === Number.POSITIVE_INFINITY && speed === usualSpeed
  }

  /** Both ways are free, or both are cut; undefined: something in between. */
  private reaches(one: Machine, other: Machine): boolean | undefined {
    const ways = [
      [one, other],
      [other, one]
    ] as const
    if (ways.some(([from, to]) => this.isBlocked(from, to))) return undefined
    if (ways.every(([from, to]) => this.isFree(from.name, to.name))) return true
    return ways.every(([from, to]) => ['silent', 'closed'].includes(this.pathOf(from.name, to.name).state)) ? false : undefined
  }

  /** By an operator, at one end. */
  private isBlocked(from: Machine, to: Machine): boolean {
    const mesh = this.nodes.get(from.name)?.open?.['meshNetwork'] as { blocked?: (node: string) => boolean } | undefined
    return mesh?.blocked?.(this.nodes.get(to.name)!.key.node) === true
  }

  /** It is a copy of another machine, and each takes the place of the other again and again. */
  private isDouble(host: string): boolean {
    const node = this.nodes.get(host)
    return node !== undefined && node.identity !== node.key
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
