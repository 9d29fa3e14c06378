/**
 * What must come about within a site while faults last, once nothing changes any more:
 *
 * - where some node can reach the relay, one of those that it can reach holds the trunk. A holder that is gone is followed by another,
 *   however long it stays away; each side of a site that is split has a holder of its own;
 * - what one node has written the others that it can reach have.
 */
import type { SpaceId } from '@selvedge/core'
import type { WriterKey } from '@selvedge/documents'
import type { Run } from '../run.js'
import { CalmSites } from './calm-sites.js'
import type { Observer } from './observer.js'
import { peersOf, type Machine } from './views.js'

/** Who is silent is noticed within seven seconds, those of better rank go first, and a dial and its hello are a second at most. */
const takenOverMs = 10_000
/** After one that could not be reached a dial may be under way into nothing, and then waits for its turn (`Backoff`). */
const reachedMs = 30_000

/** What did not come about; the sentence is for a person. */
export interface Stuck {
  readonly what: string
  readonly site: string
  readonly hosts: readonly string[]
  readonly sentence: string
}

/** What a node had written at a time. */
interface Mark {
  readonly by: string
  readonly space: SpaceId
  readonly writer: WriterKey
  readonly seq: number
}

export class SiteLiveness {
  private readonly calm: CalmSites
  /** When a node was last seen to have a session with the relay. */
  private readonly heldAtMs = new Map<string, number>()
  private readonly marks = new Map<string, { readonly atMs: number; readonly marks: readonly Mark[] }>()

  constructor(
    private readonly run: Run,
    private readonly observer: Observer,
    /** How long a write may take from one node to all others of its site. */
    private readonly arrivesWithinMs: () => number
  ) {
    this.calm = new CalmSites(run)
  }

  /** As {@link CalmSites.look}. */
  look(disturbed: readonly string[] = []): Stuck | undefined {
    this.calm.look(disturbed)
    for (const [site, machines] of this.calm.sites) {
      for (const machine of machines)
        if (peersOf(machine).some(({ role }) => role === 'relay')) this.heldAtMs.set(machine.name, this.run.nowMs)
      const sides = this.calm.insideMs(site) > takenOverMs ? this.calm.sidesOf(machines) : undefined
      const stuck = sides && (this.trunk(site, sides) ?? this.writes(site, sides))
      if (stuck) return stuck
    }
    return undefined
  }

  private trunk(site: string, sides: readonly Machine[][]): Stuck | undefined {
    for (const side of sides) {
      const dialler = side.find(machine => (this.calm.outsideMs(machine) ?? 0) > reachedMs)
      const silentMs = this.run.nowMs - Math.max(0, ...side.map(({ name }) => this.heldAtMs.get(name) ?? 0))
      if (!dialler || silentMs <= takenOverMs) continue
      const hosts = side.map(({ name }) => name)
      const sentence = `${dialler.name} can reach the relay, and for ${seconds(silentMs)} nobody has held the trunk of ${hosts.join(' and ')}.`
      return { what: 'nobody holds the trunk', site, hosts, sentence }
    }
    return undefined
  }

  private writes(site: string, sides: readonly Machine[][]): Stuck | undefined {
    const before = this.marks.get(site)
    const insideMs = this.calm.insideMs(site)
    if (insideMs <= reachedMs || !sides.flat().every(machine => this.calm.hasSoundDisk(machine)))
      return void this.marks.delete(site)
    const { nowMs } = this.run
    if (!before)
      return void this.marks.set(site, { atMs: nowMs, marks: sides.flat().flatMap(machine => this.writtenAt(machine)) })
    if (nowMs - before.atMs <= this.arrivesWithinMs()) return undefined
    this.marks.delete(site)
    if (nowMs - before.atMs >= insideMs) return undefined
    for (const mark of before.marks) {
      const side = sides.find(nodes => nodes.some(({ name }) => name === mark.by)) ?? []
      const lacking = side.find(({ name }) => this.lacks(name, mark))
      if (!lacking) continue
      const sentence = `What ${mark.by} wrote in ${mark.space} has not come to ${lacking.name} within ${seconds(nowMs - before.atMs)}, though nothing is between them.`
      return { what: 'a write does not arrive', site, hosts: [mark.by, lacking.name], sentence }
    }
    return undefined
  }

  private writtenAt({ name, replica }: Machine): Mark[] {
    const marks: Mark[] = []
    for (const space of replica?.spaces.keys() ?? []) {
      const table = this.observer.at(name, space)?.table
      const writer = table?.ownWriterKey === undefined ? undefined : table.writers.get(table.ownWriterKey)
      if (writer && writer.covered > 0) marks.push({ by: name, space, writer: writer.key, seq: writer.covered })
    }
    return marks
  }

  private lacks(host: string, { space, writer, seq }: Mark): boolean {
    const table = this.observer.at(host, space)?.table
    if (!table) return false
    const log = table.writers.get(writer)
    return !log || !table.covers(log, seq)
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`
}
