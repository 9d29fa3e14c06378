/**
 * The story that `npm start -- --script` tells, and checks: a building goes on controlling while its trunk is cut, loses a process
 * and is split in two, and when the trunk returns nothing is lost and all replicas are equal. It goes by events, never by sleeps.
 */
import type { Building, Campus } from './campus.js'
import type { Child } from './child.js'
import type { ConfigView, HealView, NodeReport, Write } from './protocol.js'
import {
  commissioning,
  hashOf,
  heldBy,
  holderOf,
  meshPeers,
  percentile,
  reportOf,
  setpoints,
  sharedPoints,
  sum
} from './readings.js'

/** One thing that had to hold. */
export interface Check {
  readonly text: string
  readonly held: boolean
  readonly detail: string
}

export interface StoryOptions {
  readonly say: (line: string) => void
  readonly trace: boolean
  readonly signal: AbortSignal
}

// Each node keeps its latest 200 latencies: then all of them are of the cut.
const loopsDuringCut = 600
const rowsPlayed = 60

export async function tellStory(campus: Campus, options: StoryOptions): Promise<Check[]> {
  const story = new Story(campus, options)
  return story.run()
}

class Story {
  private readonly checks: Check[] = []
  private readonly started = performance.now()
  private readonly b: Building

  constructor(
    private readonly campus: Campus,
    private readonly options: StoryOptions
  ) {
    this.b = campus.building('b')
  }

  async run(): Promise<Check[]> {
    await this.warmUp()
    await this.startShared()
    this.cutTrunk()
    const during = await this.keepControlling()
    await this.changeBothSides()
    await this.killAndRestart()
    await this.splitAndHeal()
    await this.restoreTrunk()
    await this.killHolder()
    await this.compareEverything()
    this.reportLoops(during)
    await this.showHealReport()
    return this.checks
  }

  // ── the story ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private async warmUp(): Promise<void> {
    this.title('warm up: ten processes find each other')
    const nodes = this.campus.buildings.flatMap(({ nodes: list }) => list)
    await Promise.all(
      nodes.map(node =>
        node.until(
          () =>
            reportOf(node)?.status.readiness === 'synced' &&
            (reportOf(node)?.status.peers.filter(({ role }) => role === 'node').length ?? 0) === 2,
          30_000,
          'its mesh'
        )
      )
    )
    for (const { id } of this.campus.buildings)
      await this.campus.relay.until(() => this.cloudRegisters(id) >= 300, 30_000, `300 points of building ${id} in the cloud`)
    for (const { id, nodes: list } of this.campus.buildings)
      this.say(
        `building ${id}: ${list.length} nodes meshed, trunk held by ${holderOf(list)}, ${this.cloudRegisters(id)} registers in the cloud`
      )
  }

  private async startShared(): Promise<void> {
    const [node] = this.b.nodes
    await node!.ask({ op: 'docInsert', id: 'handover', text: 'Shift notes. ' })
    await node!.ask({ op: 'configSet', id: 'lighting', key: 'evening-level', value: 40, message: 'as commissioned' })
    await this.eventually(this.campus.relay, 'the document and the config in the cloud', async () => {
      const text = await this.campus.relay.ask<string>({ op: 'docText', site: 'b', id: 'handover' })
      const config = await this.campus.relay.ask<ConfigView>({ op: 'config', site: 'b', id: 'lighting' })
      return text.startsWith('Shift notes.') && config.current['evening-level'] === 40
    })
    await this.b.nodes[1]!.ask({
      op: 'set',
      space: 'local',
      writes: [{ path: 'badge/last-name', value: 'never leaves the building' }],
      durable: 'site'
    })
  }

  private cutTrunk(): void {
    this.title("building b's trunk is cut")
    this.b.wire.cut()
  }

  private async keepControlling(): Promise<{ loops: number; writes: number; latencies: number[] }> {
    await this.campus.relay.until(() => this.cloudSite('b')?.connected === false, 15_000, 'the cloud to notice')
    this.say('the cloud has lost sight of building b')
    const before = this.totals()
    await Promise.all(
      this.b.nodes.map(node =>
        node.until(
          () => (reportOf(node)?.loops ?? 0) - (before.byNode.get(node.name)?.loops ?? 0) >= loopsDuringCut / 3,
          30_000,
          'control loops during the cut'
        )
      )
    )
    if (this.options.trace) {
      const player = this.b.nodes[0]!
      const rows = reportOf(player)?.traceRows ?? 0
      await player.until(() => (reportOf(player)?.traceRows ?? 0) >= rows + rowsPlayed, 30_000, 'the trend export to play')
    }
    const after = this.totals()
    const latencies = this.b.nodes.flatMap(node => reportOf(node)?.loopMs ?? [])
    const loops = after.loops - before.loops
    const writes = after.writes - before.writes
    this.say(
      `cut off, b went on: ${writes} writes, ${loops} control loops, p50 ${percentile(latencies, 0.5)} ms, p99 ${percentile(latencies, 0.99)} ms`
    )
    this.check(
      'building b controls while cut off',
      loops >= loopsDuringCut / 2 && latencies.length > 0,
      `${loops} loops, ${writes} writes`
    )
    return { loops, writes, latencies }
  }

  private async changeBothSides(): Promise<void> {
    this.title('b and the cloud change the same points, the same document, the same config')
    const [b1, b2] = this.b.nodes
    const cloud = this.campus.relay
    await b1!.ask({ op: 'set', writes: setpoints(21), durable: 'site' })
    await cloud.ask({ op: 'set', site: 'b', writes: setpoints(19), durable: 'local' })
    await b2!.ask({ op: 'docInsert', id: 'handover', text: '[b: pump 2 is loud] ' })
    await cloud.ask({ op: 'docInsert', site: 'b', id: 'handover', text: '[cloud: filters ordered] ' })
    await b1!.ask({ op: 'configSet', id: 'lighting', key: 'evening-level', value: 55, message: 'people asked for more light' })
    await cloud.ask({ op: 'configSet', site: 'b', id: 'lighting', key: 'evening-level', value: 30, message: 'save energy' })
    this.say(`${sharedPoints} setpoints, one document and one config changed on both sides`)
  }

  private async killAndRestart(): Promise<void> {
    const victim = this.b.nodes[1]!
    this.title(`kill -9 ${victim.name}, still cut`)
    const writes = commissioning('before-kill')
    await victim.ask({ op: 'set', writes, durable: 'local' })
    await victim.kill9()
    this.say(`${victim.name} is dead; ${writes.length} writes were acknowledged as stored just before`)
    const survivor = this.b.nodes[0]!
    const loops = reportOf(survivor)?.loops ?? 0
    await survivor.until(() => (reportOf(survivor)?.loops ?? 0) >= loops + 10, 15_000, 'the others to go on')
    await victim.start()
    await victim.until(() => reportOf(victim)?.status.readiness === 'synced', 20_000, 'it to be in step again')
    const kept = await this.missing(victim, writes)
    this.check(
      'nothing acknowledged is missing after kill -9',
      kept.length === 0,
      kept.length === 0 ? `${writes.length} of ${writes.length} there` : `missing: ${kept.join(', ')}`
    )
  }

  private async splitAndHeal(): Promise<void> {
    this.title('b is split in two, and healed, still cut')
    const [b1, b2, b3] = this.b.nodes
    await this.campus.setSplit(this.b, true)
    await b1!.until(() => meshPeers(b1!) === 0, 15_000, 'the split')
    await b2!.until(() => meshPeers(b2!) === 1, 15_000, 'the split')
    const left = commissioning('left')
    const right = commissioning('right')
    await Promise.all([
      b1!.ask({ op: 'set', writes: left, durable: 'local' }),
      b3!.ask({ op: 'set', writes: right, durable: 'site' })
    ])
    this.say(`${b1!.name} | ${b2!.name} ${b3!.name}: ${left.length} writes on each side`)
    await this.campus.setSplit(this.b, false)
    await Promise.all(this.b.nodes.map(node => node.until(() => meshPeers(node) === 2, 20_000, 'the building to be whole')))
    for (const [node, writes] of [
      [b1!, right],
      [b3!, left],
      [b2!, left]
    ] as const)
      await this.eventually(node, 'the other side of the split', async () => (await this.missing(node, writes)).length === 0)
    this.check('both sides of the split came together', true, `${left.length + right.length} writes on all three nodes`)
  }

  private async restoreTrunk(): Promise<void> {
    this.title('the trunk is restored')
    this.b.wire.restore()
    const restoredAt = performance.now()
    await this.campus.relay.until(() => this.cloudSite('b')?.connected === true, 20_000, 'b to dial again')
    await this.eventually(
      this.campus.relay,
      'what was written during the cut',
      async () => (await this.missing(this.campus.relay, commissioning('before-kill'), 'b')).length === 0
    )
    this.say(`b is back in the cloud, and caught up, after ${Math.round(performance.now() - restoredAt)} ms`)
  }

  private async killHolder(): Promise<void> {
    const holder = await heldBy(this.b.nodes)
    this.title(`kill -9 ${holder.name}, which holds the trunk`)
    const others = this.b.nodes.filter(node => node !== holder)
    await holder.kill9()
    const diedAt = performance.now()
    const heir = (await heldBy(others)).name
    const tookMs = Math.round(performance.now() - diedAt)
    this.say(`${heir} took the trunk over after ${tookMs} ms`)
    this.check('another node takes the trunk over', true, `${heir} after ${tookMs} ms`)
    await holder.start()
    await holder.until(() => reportOf(holder)?.status.readiness === 'synced', 20_000, 'it to be in step again')
  }

  private async compareEverything(): Promise<void> {
    this.title('everything stands still: are all replicas equal?')
    const nodes = this.campus.buildings.flatMap(({ nodes: list }) => list)
    await Promise.all(nodes.map(node => node.ask({ op: 'plant', running: false })))
    for (const building of this.campus.buildings)
      for (const space of ['state', 'config', 'local']) {
        const id = `${building.id}/${space}`
        const all = space === 'local' ? building.nodes : [...building.nodes, this.campus.relay]
        const hashes = (): (string | undefined)[] => all.map(child => hashOf(child, building.id, id))
        const equal = await this.agreed(all, hashes)
        this.check(`${id} is equal on ${all.length} replicas`, equal, [...new Set(hashes())].join(' ≠ '))
      }
    await this.compareDocuments()
    await this.compareWrites()
    const leaked = (this.cloudSite('b')?.spaces ?? []).filter(({ space }) => space.endsWith('/local'))
    this.check(
      'b/local never reached the cloud',
      leaked.length === 0,
      leaked.length === 0 ? 'the relay holds no such space' : 'it is there'
    )
    const divergences = this.campus.buildings.flatMap(({ nodes: list }) =>
      list.flatMap(node => reportOf(node)?.status.spaces.map(space => space.divergences) ?? [])
    )
    this.check(
      'no divergence was found on the way',
      divergences.every(count => count === 0),
      `${divergences.length} spaces watched`
    )
  }

  private async compareDocuments(): Promise<void> {
    const replicas: [Child, string | undefined][] = [
      ...this.b.nodes.map((node): [Child, undefined] => [node, undefined]),
      [this.campus.relay, 'b']
    ]
    const texts = (): Promise<string[]> =>
      Promise.all(
        replicas.map(([child, site]) => child.ask<string>({ op: 'docText', id: 'handover', ...(site ? { site } : {}) }))
      )
    const configs = (): Promise<ConfigView[]> =>
      Promise.all(
        replicas.map(([child, site]) => child.ask<ConfigView>({ op: 'config', id: 'lighting', ...(site ? { site } : {}) }))
      )
    await this.eventually(
      this.campus.relay,
      'documents to agree',
      async () => new Set(await texts()).size === 1 && new Set((await configs()).map(({ heads }) => heads.join())).size === 1
    )
    const [text] = await texts()
    const whole = text!.includes('[b: pump 2 is loud]') && text!.includes('[cloud: filters ordered]')
    this.check('the shared document has the edits of both sides, everywhere', whole, JSON.stringify(text))
    const [config] = await configs()
    const kept = config!.changes >= 3 && config!.conflicts >= 1
    this.check(
      'the config shows its conflict, and its whole history',
      kept,
      `evening-level ${JSON.stringify(config!.current['evening-level'])}, ${config!.changes} changes, ${config!.conflicts} conflict`
    )
  }

  private async compareWrites(): Promise<void> {
    const acknowledged = [...commissioning('before-kill'), ...commissioning('left'), ...commissioning('right')]
    const missing = new Set<string>()
    for (const node of this.b.nodes)
      for (const path of await this.missing(node, acknowledged)) missing.add(`${node.name}:${path}`)
    for (const path of await this.missing(this.campus.relay, acknowledged, 'b')) missing.add(`cloud:${path}`)
    this.check(
      'every acknowledged write is on every replica',
      missing.size === 0,
      missing.size === 0 ? `${acknowledged.length} writes × 4 replicas` : [...missing].slice(0, 5).join(', ')
    )
  }

  private async showHealReport(): Promise<void> {
    const reports: HealView[] = await this.b.nodes[0]!.ask<HealView[]>({ op: 'heals' })
    const report = reports.find(
      ({ space, peerRole, conflicts }) => space === 'state' && peerRole === 'relay' && conflicts >= sharedPoints
    )
    this.check(
      'the heal report names what lost',
      report !== undefined && report.losers.length >= sharedPoints,
      report ? `${report.conflicts} conflicts` : 'there is none'
    )
    if (!report) return
    this.title("b's heal report")
    const apart = report.apartMs === undefined ? 'a while' : `${(report.apartMs / 1000).toFixed(1)} s`
    this.say(`${report.by} merged ${report.space} with ${report.peer} after ${apart} apart, in ${report.durationMs} ms`)
    this.say(
      `${report.registersReceived} registers came, ${report.registersSent} went, documents: ${report.documents.join(', ') || 'none'}`
    )
    this.say(`${report.conflicts} conflicts; the latest losers, each restored by one call:`)
    for (const { path, lost, lostBy, kept, keptBy } of report.losers.slice(0, 5))
      this.say(`  ${path}: ${JSON.stringify(lost)} (${lostBy}) lost to ${JSON.stringify(kept)} (${keptBy})`)
    if (report.losers.length > 5) this.say(`  … and ${report.losers.length - 5} more`)
  }

  private reportLoops(during: { latencies: number[] }): void {
    if (during.latencies.length === 0) return
    const p99 = percentile(during.latencies, 0.99)
    this.check('no control loop waited for the cloud', p99 < 5_000, `p99 ${p99} ms while cut off`)
  }

  // ── helpers ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private title(text: string): void {
    this.options.signal.throwIfAborted()
    const seconds = ((performance.now() - this.started) / 1000).toFixed(1).padStart(5)
    this.options.say(`${seconds} s  ${text}`)
  }

  private say(text: string): void {
    this.options.say(`         ${text}`)
  }

  private check(text: string, held: boolean, detail: string): void {
    this.checks.push({ text, held, detail })
  }

  private cloudSite(id: string): NonNullable<NonNullable<Child['relayReport']>['status']>['sites'][number] | undefined {
    return this.campus.relay.relayReport?.status.sites.find(({ site }) => site === id)
  }

  private cloudRegisters(id: string): number {
    return this.cloudSite(id)?.spaces.find(({ space }) => space === `${id}/state`)?.registers ?? 0
  }

  private totals(): { loops: number; writes: number; byNode: Map<string, NodeReport> } {
    const byNode = new Map(this.b.nodes.map(node => [node.name, reportOf(node)!]))
    const reports = [...byNode.values()]
    return { loops: sum(reports.map(({ loops }) => loops)), writes: sum(reports.map(({ writes }) => writes)), byNode }
  }

  /** Paths whose value is not what was written. */
  private async missing(child: Child, writes: readonly Write[], site?: string): Promise<string[]> {
    const values = await child.ask<unknown[]>({ op: 'get', paths: writes.map(({ path }) => path), ...(site ? { site } : {}) })
    return writes.filter(({ value }, i) => values[i] !== value).map(({ path }) => path)
  }

  /** Asks again at each report of `child` until the answer is yes. */
  private async eventually(child: Child, what: string, ask: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
    const end = performance.now() + withinMs
    while (!(await ask())) {
      this.options.signal.throwIfAborted()
      const seen = child.reportedAtMs
      await child.until(() => child.reportedAtMs > seen, Math.max(1, end - performance.now()), what)
    }
  }

  private async agreed(children: readonly Child[], hashes: () => (string | undefined)[]): Promise<boolean> {
    const agree = (): boolean => {
      const all = hashes()
      return all[0] !== undefined && all.every(hash => hash === all[0])
    }
    try {
      await this.eventually(children[children.length - 1]!, 'equal hashes', () => Promise.resolve(agree()), 20_000)
      return true
    } catch {
      return agree()
    }
  }
}
