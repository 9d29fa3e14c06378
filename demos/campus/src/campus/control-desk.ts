/**
 * The control loops that a node runs: those of the node before it, and those of nodes whose usual controller is not there. They are
 * event-driven, by the sensors' changes. Who runs a loop follows from presence alone: for a moment two nodes may do so, and then the
 * later write stands; what must never have two owners takes a lease.
 */
import type { Clock } from '@selvedge/core'
import type { PointChange } from '@selvedge/replica'
import type { Site } from '@selvedge/site'
import type { CampusPoints, ControlLoop, PointScalar } from '../plant/index.js'
import type { DriverTally } from './driver-tally.js'

export interface ControlDeskOptions {
  readonly site: Site<CampusPoints>
  /** New loops of the share that a place drives. */
  readonly loopsOf: (place: number) => readonly ControlLoop[]
  readonly places: number
  readonly plantSpeed: number
  readonly clock: Clock
  readonly tally: DriverTally
}

interface RunningLoop {
  readonly loop: ControlLoop
  ranAtMs: number | undefined
}

/** Older readings are history: they came by a merge, and say nothing of how warm it is now. */
export const readingMaxAgeMs = 5_000
/** A node that was there so long ago may be on its way back: whoever steps in at once is soon in the way. */
const graceMs = 2_000
/** A loop that was not run for longer does not integrate over all of it. */
const gapMaxMs = 5_000

export class ControlDesk {
  private readonly places = new Map<string, number>()
  private readonly taken = new Map<number, ReadonlyMap<string, RunningLoop>>()
  private readonly unwatch: (() => void)[]
  private readonly seenAtMs = new Map<string, number>()
  private running = false

  constructor(private readonly options: ControlDeskOptions) {
    const { site, loopsOf, places } = options
    for (let place = 0; place < places; place++) for (const { trigger } of loopsOf(place)) this.places.set(trigger, place)
    this.unwatch = ['zone/*/temp', 'zone/*/people', 'ahu/*/supply-temp'].map(pattern =>
      site.points.watch(pattern, change => this.run(change), { initial: false, maxAgeMs: readingMaxAgeMs })
    )
  }

  setRunning(running: boolean): void {
    this.running = running
    const nowMs = this.options.clock.monotonicMs()
    for (const { node } of this.options.site.roster.nodes) this.seenAtMs.set(node, nowMs)
  }

  private run(change: PointChange): void {
    const running = this.running ? this.loopFor(change.path) : undefined
    if (!running) return
    const { site, clock, tally, plantSpeed } = this.options
    const nowMs = clock.monotonicMs()
    const elapsedMs = Math.min(gapMaxMs, nowMs - (running.ranAtMs ?? nowMs))
    running.ranAtMs = nowMs
    for (const { path, value } of running.loop.run(path => this.read(path), elapsedMs * plantSpeed)) {
      site.points.set(path, value)
      tally.wrote(1)
    }
    // Nodes on one host have one clock.
    tally.looped(change.writer === site.node ? undefined : Math.max(0, clock.wallMs() - change.atMs))
  }

  private loopFor(trigger: string): RunningLoop | undefined {
    const place = this.places.get(trigger)
    if (place === undefined) return undefined
    if (!this.isInCharge(place)) {
      this.taken.delete(place)
      return undefined
    }
    let loops = this.taken.get(place)
    if (!loops) {
      // New ones, which take over from what stands: what older ones had summed up is of another time.
      loops = new Map(this.options.loopsOf(place).map(loop => [loop.trigger, { loop, ranAtMs: undefined }]))
      this.taken.set(place, loops)
    }
    return loops.get(trigger)
  }

  /** The next node that is there, in the roster's order, runs a place's loops: the place's own node comes last. */
  private isInCharge(place: number): boolean {
    const { site, places, clock } = this.options
    const nowMs = clock.monotonicMs()
    for (const node of site.presentNodes()) this.seenAtMs.set(node, nowMs)
    for (let step = 1; step <= places; step++) {
      const node = site.roster.nodes[(place + step) % places]?.node
      if (node !== undefined && nowMs - (this.seenAtMs.get(node) ?? -graceMs) < graceMs) return node === site.node
    }
    return false
  }

  private read(path: string): PointScalar | undefined {
    const reading = this.options.site.points.get(path)
    if (!reading || reading.stale === 'overdue') return undefined
    return typeof reading.value === 'number' || typeof reading.value === 'boolean' ? reading.value : undefined
  }

  close(): void {
    this.running = false
    for (const unwatch of this.unwatch.splice(0)) unwatch()
  }
}
