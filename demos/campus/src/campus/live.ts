/** The campus on a terminal: what every process does, and keys that do to it what happens to buildings. */
import { systemClock } from '@selvedge/core'
import {
  processTerminal,
  Screen,
  type EventView,
  type NodeView,
  type ScreenKey,
  type ScreenState,
  type SiteView
} from '../screen/index.js'
import type { Building, Campus } from './campus.js'
import type { Child } from './child.js'

export interface LiveOptions {
  /** What happened before the screen came up. */
  readonly events: readonly string[]
  readonly signal: AbortSignal
  readonly setOnEvent: (listener: (text: string) => void) => void
}

const eventsKept = 200
const updateEveryMs = 250
const rateWindowMs = 2_000

/** Shows the campus until somebody quits. */
export async function runLive(campus: Campus, options: LiveOptions): Promise<number> {
  const live = new Live(campus, options)
  await live.untilQuit()
  return 0
}

class Live {
  private readonly started = performance.now()
  private readonly events: EventView[] = []
  private readonly rates = new Map<string, { atMs: number; writes: number }[]>()
  private readonly screen: Screen
  private readonly ticker: NodeJS.Timeout
  private selected = 1
  private quit: () => void = () => undefined
  private readonly quitted = new Promise<void>(resolve => (this.quit = resolve))

  constructor(
    private readonly campus: Campus,
    options: LiveOptions
  ) {
    for (const text of options.events) this.note(text)
    options.setOnEvent(text => this.note(text, text.includes('critical') ? 'bad' : 'plain'))
    options.signal.addEventListener('abort', () => this.quit(), { once: true })
    this.note('ten processes are up: cut a trunk, kill a node, split a building, and see what happens')
    this.screen = new Screen({
      clock: systemClock,
      terminal: processTerminal(),
      state: () => this.state(),
      onKey: key => this.onKey(key)
    })
    this.ticker = setInterval(() => {
      this.measure()
      this.screen.update()
    }, updateEveryMs)
  }

  async untilQuit(): Promise<void> {
    await this.quitted
    clearInterval(this.ticker)
    this.screen.close()
    process.stdout.write('stopping ten processes …\n')
  }

  private onKey(key: ScreenKey): void {
    if (key.does === 'quit') return this.quit()
    if (key.does === 'select') {
      if (key.index < this.campus.buildings.length) this.selected = key.index
      return this.screen.update()
    }
    const building = this.campus.buildings[this.selected]
    if (!building) return
    const actions = {
      cut: () => this.cut(building),
      kill: () => this.kill(building),
      restart: () => this.restart(building),
      split: () => this.split(building)
    }
    actions[key.does]().catch((error: unknown) => this.note(error instanceof Error ? error.message : String(error), 'bad'))
  }

  private cut(building: Building): Promise<void> {
    if (building.wire.isCut) {
      building.wire.restore()
      this.note(`the trunk of building ${building.id} is restored`, 'good')
    } else {
      building.wire.cut()
      this.note(`the trunk of building ${building.id} is cut`, 'bad')
    }
    return Promise.resolve()
  }

  private async kill(building: Building): Promise<void> {
    const victim = building.nodes.find(node => node.state === 'up')
    if (!victim) return this.note(`no node of building ${building.id} is up`)
    await victim.kill9()
    this.note(`${victim.name}: kill -9`, 'bad')
  }

  private async restart(building: Building): Promise<void> {
    const killed = building.nodes.filter(node => node.state === 'killed')
    await Promise.all(killed.map(node => node.start()))
    if (building.split) await this.campus.setSplit(building, true) // a fresh process knows nothing of it
    if (killed.length > 0) this.note(`${killed.map(({ name }) => name).join(', ')} restarted`, 'good')
  }

  private async split(building: Building): Promise<void> {
    await this.campus.setSplit(building, !building.split)
    if (building.split) this.note(`building ${building.id} is split: its first node against the others`, 'bad')
    else this.note(`building ${building.id} is whole again`, 'good')
  }

  private note(text: string, tone: NonNullable<EventView['tone']> = 'plain'): void {
    this.events.push({ atMs: performance.now() - this.started, text, tone })
    if (this.events.length > eventsKept) this.events.splice(0, this.events.length - eventsKept)
  }

  private measure(): void {
    const atMs = performance.now()
    for (const { nodes } of this.campus.buildings)
      for (const node of nodes) {
        const samples = this.rates.get(node.name) ?? []
        this.rates.set(node.name, samples)
        if (node.state !== 'up') samples.length = 0
        else if (node.nodeReport) samples.push({ atMs, writes: node.nodeReport.writes })
        while (samples.length > 2 && atMs - samples[0]!.atMs > rateWindowMs) samples.shift()
      }
  }

  private state(): ScreenState {
    return {
      elapsedMs: performance.now() - this.started,
      relay: this.campus.relay.state,
      sites: this.campus.buildings.map(building => this.siteView(building)),
      selected: this.selected,
      events: this.events
    }
  }

  private siteView(building: Building): SiteView {
    const cloud = this.campus.relay.relayReport?.status.sites.find(({ site }) => site === building.id)
    const space = cloud?.spaces.find(other => other.space === `${building.id}/state`)
    return {
      name: building.id,
      trunkCut: building.wire.isCut,
      split: building.split,
      nodes: building.nodes.map(node => this.nodeView(building, node)),
      cloudHash: space?.hash,
      cloudProvenAgoMs: agoMs(space?.matchedAtMs)
    }
  }

  private nodeView(building: Building, node: Child): NodeView {
    const report = node.state === 'up' ? node.nodeReport : undefined
    const space = report?.status.spaces.find(other => other.space === `${building.id}/state`)
    const trunk = report?.status.trunk
    return {
      name: node.name,
      state: node.state,
      trunk: trunk?.held ? 'held' : building.wire.isCut ? 'cut' : '-',
      peers: report?.status.peers.filter(({ role }) => role === 'node').length ?? 0,
      writesPerSecond: this.rate(node.name),
      backlog: space?.backlog ?? 0,
      lagMs: report?.loopMs.at(-1),
      hash: space?.hash,
      provenAgoMs: agoMs(space?.matchedAtMs)
    }
  }

  private rate(name: string): number {
    const samples = this.rates.get(name) ?? []
    const [first, last] = [samples[0], samples.at(-1)]
    if (!first || !last || last.atMs === first.atMs) return 0
    return ((last.writes - first.writes) * 1_000) / (last.atMs - first.atMs)
  }
}

function agoMs(atMs: number | undefined): number | undefined {
  return atMs === undefined ? undefined : Math.max(0, Date.now() - atMs)
}
