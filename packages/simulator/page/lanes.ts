/** Draws one recording: lanes, what went between them, and what was done to them. */
import type { Recording, RecordedFault, RecordedMessage, RecordedOperation, Span } from '../src/timeline/recording.js'
import { coverage, hashStretches, holders, skewStretches, type Stretch } from './replica-states.js'
import { clock, duration, type TimeAxis } from './time-axis.js'

/** Height of a lane's parts, from its top. */
const lane = {
  height: 66,
  name: 14,
  hash: 22,
  hashHeight: 14,
  marks: 44,
  skew: 52,
  skewHeight: 4,
  water: 58,
  waterHeight: 6
} as const
const head = 30
const faultRow = 15
const siteGap = 8
/** Above it single messages can't be told apart: each is drawn so faintly that only their density shows. */
const messagesClear = 1_500
/** Registers, seals, documents, and the rest of the frame kinds (see `Kind` of the session). */
const kindColours: Readonly<Record<number, string>> = {
  4: '--registers',
  6: '--seal',
  5: '--registers',
  12: '--document',
  7: '--ack'
}

export interface Hit {
  readonly text: string
  readonly atMs: number
}

interface LaneData {
  readonly hashes: readonly Stretch[]
  readonly skews: readonly Stretch[]
  readonly water: readonly { readonly atMs: number; readonly share: number }[]
  readonly spans: readonly Span[]
}

export class Lanes {
  private lanes: LaneData[] = []
  private readonly faultRows: number[] = []
  private readonly bySent: readonly RecordedMessage[]
  private readonly longestMs: number
  private tops: number[] = []
  private hueOf = new Map<string, number>()
  height = 0

  constructor(
    readonly recording: Recording,
    private space: number,
    private readonly colour: (name: string) => string
  ) {
    this.bySent = [...recording.messages].sort((a, b) => a[2] - b[2])
    this.longestMs = this.bySent.reduce((longest, [, , sent, arrived]) => Math.max(longest, (arrived ?? sent) - sent), 0)
    this.placeFaults()
    this.choose(space)
  }

  /** Shows another space. */
  choose(space: number): void {
    this.space = space
    const { recording } = this
    const holding = new Set(holders(recording, space))
    this.lanes = recording.actors.map((_, actor) => ({
      hashes: hashStretches(recording, actor, space),
      skews: skewStretches(recording, actor),
      water: holding.has(actor) ? coverage(recording, actor, space) : [],
      spans: recording.spans.filter(span => span.actor === actor)
    }))
    this.hueOf = new Map()
    for (const { hashes } of this.lanes)
      for (const { value } of hashes)
        if (!this.hueOf.has(String(value))) this.hueOf.set(String(value), (this.hueOf.size * 137.5) % 360)
    this.place()
  }

  private place(): void {
    let top = head + Math.max(0, ...this.faultRows.map(row => row + 1)) * faultRow + 6
    let site: string | null | undefined
    this.tops = this.recording.actors.map(actor => {
      if (site !== undefined && actor.site !== site) top += siteGap
      site = actor.site
      const at = top
      top += lane.height
      return at
    })
    this.height = top + 8
  }

  // Bands that overlap in time get a row each for their names.
  private placeFaults(): void {
    const until: number[] = []
    for (const { fromMs, toMs } of this.recording.faults) {
      const least = this.recording.untilMs / 12
      let row = until.findIndex(end => end <= fromMs)
      if (row < 0) row = until.length < 6 ? until.length : until.indexOf(Math.min(...until))
      until[row] = Math.max(toMs, fromMs + least)
      this.faultRows.push(row)
    }
  }

  draw(context: CanvasRenderingContext2D, axis: TimeAxis, cursorMs: number | undefined): void {
    const { recording } = this
    context.font = '11px system-ui, sans-serif'
    context.textBaseline = 'middle'
    this.drawAxis(context, axis)
    context.save()
    context.beginPath()
    context.rect(axis.left, 0, axis.right - axis.left, this.height)
    context.clip()
    for (const [i, fault] of recording.faults.entries()) this.drawFault(context, axis, fault, this.faultRows[i]!)
    for (const actor of this.lanes.keys()) this.drawLane(context, axis, actor)
    this.drawMessages(context, axis)
    for (const operation of recording.operations) this.drawOperation(context, axis, operation)
    if (recording.healedMs !== null) this.drawMoment(context, axis, recording.healedMs, '--heal', 'healed')
    if (recording.failure) this.drawMoment(context, axis, recording.failure.atMs, '--fail', recording.failure.check)
    if (cursorMs !== undefined) this.drawMoment(context, axis, cursorMs, '--cursor', clock(cursorMs), 24)
    context.restore()
    this.drawNames(context, axis)
  }

  private drawAxis(context: CanvasRenderingContext2D, axis: TimeAxis): void {
    context.textAlign = 'center'
    for (const { atMs, text } of axis.marks()) {
      const x = axis.x(atMs)
      context.fillStyle = this.colour('--grid')
      context.fillRect(x, 18, 1, this.height - 18)
      context.fillStyle = this.colour('--faint')
      context.fillText(text, Math.min(axis.right - 24, Math.max(axis.left + 24, x)), 9)
    }
  }

  private drawNames(context: CanvasRenderingContext2D, axis: TimeAxis): void {
    context.textAlign = 'left'
    for (const [i, actor] of this.recording.actors.entries()) {
      const top = this.tops[i]!
      context.fillStyle = this.colour('--text')
      context.font = '600 12px system-ui, sans-serif'
      context.fillText(actor.name, 8, top + lane.hash + lane.hashHeight / 2, axis.left - 14)
      context.font = '10px system-ui, sans-serif'
      context.fillStyle = this.colour('--faint')
      context.fillText(actor.site === null ? 'relay' : `site ${actor.site}`, 8, top + lane.marks + 4, axis.left - 14)
    }
  }

  private drawLane(context: CanvasRenderingContext2D, axis: TimeAxis, actor: number): void {
    const { hashes, skews, water, spans } = this.lanes[actor]!
    const top = this.tops[actor]!
    if (hashes.length === 0) {
      context.fillStyle = this.colour('--faint')
      context.textAlign = 'left'
      context.fillText(`holds no ${this.recording.spaces[this.space]}`, axis.left + 6, top + lane.hash + lane.hashHeight / 2)
    }
    const band = (fromMs: number, toMs: number, y: number, height: number): void => {
      const [x, end] = [Math.max(axis.left, axis.x(fromMs)), Math.min(axis.right, axis.x(toMs))]
      if (end > axis.left && x < axis.right) context.fillRect(x, y, Math.max(0.5, end - x), height)
    }
    for (const { fromMs, toMs, value } of hashes) {
      context.fillStyle = `hsl(${this.hueOf.get(String(value)) ?? 0} 55% ${this.colour('--hash-light')})`
      band(fromMs, toMs, top + lane.hash, lane.hashHeight)
    }
    for (const { fromMs, toMs, state } of spans) {
      context.fillStyle = this.colour(`--${state}`)
      band(fromMs, toMs, top + lane.hash, lane.hashHeight)
      if (Math.min(axis.right, axis.x(toMs)) - Math.max(axis.left, axis.x(fromMs)) < 40) continue
      context.fillStyle = this.colour('--on-span')
      context.textAlign = 'left'
      context.fillText(state, Math.max(axis.left + 4, axis.x(fromMs) + 4), top + lane.hash + lane.hashHeight / 2 + 1)
    }
    for (const { fromMs, toMs, value } of skews) {
      const size = Math.min(1, Math.log10(1 + Math.abs(Number(value))) / 6)
      context.fillStyle = `color-mix(in srgb, ${this.colour(Number(value) > 0 ? '--ahead' : '--behind')} ${Math.round(size * 100)}%, ${this.colour('--grid')})`
      band(fromMs, toMs, top + lane.skew, lane.skewHeight)
    }
    this.drawWater(context, axis, water, top + lane.water)
  }

  private drawWater(context: CanvasRenderingContext2D, axis: TimeAxis, water: LaneData['water'], top: number): void {
    if (water.length === 0) return
    const y = (share: number): number => top + lane.waterHeight * (1 - share)
    context.beginPath()
    context.moveTo(axis.x(water[0]!.atMs), top + lane.waterHeight)
    let share = water[0]!.share
    for (const point of water) {
      context.lineTo(axis.x(point.atMs), y(share))
      ;({ share } = point)
      context.lineTo(axis.x(point.atMs), y(share))
    }
    context.lineTo(axis.x(this.recording.untilMs), y(share))
    context.lineTo(axis.x(this.recording.untilMs), top + lane.waterHeight)
    context.fillStyle = this.colour('--water')
    context.fill()
  }

  private drawFault(context: CanvasRenderingContext2D, axis: TimeAxis, fault: RecordedFault, row: number): void {
    const [x, end] = [axis.x(fault.fromMs), Math.max(axis.x(fault.toMs), axis.x(fault.fromMs) + 2)]
    if (end < axis.left || x > axis.right) return
    context.fillStyle = this.colour('--fault-band')
    const struck = fault.actors.length === 0 ? [...this.recording.actors.keys()] : fault.actors
    for (const actor of struck) context.fillRect(x, this.tops[actor]! + 4, end - x, lane.height - 4)
    const y = head + row * faultRow
    context.fillStyle = this.colour('--fault')
    context.fillRect(x, y - 8, end - x, 3)
    context.textAlign = 'left'
    context.fillText(fault.kind, Math.max(axis.left + 2, x), y)
  }

  private drawMessages(context: CanvasRenderingContext2D, axis: TimeAxis): void {
    const shown = this.messagesBetween(axis.fromMs, axis.toMs)
    const clarity = Math.min(1, messagesClear / Math.max(1, shown.length))
    context.lineWidth = 1
    for (const [from, to, sentMs, arrivedMs, , kind] of shown) {
      const down = this.tops[to]! > this.tops[from]!
      const [y0, y1] = [
        this.tops[from]! + lane.hash + (down ? lane.hashHeight : 0),
        this.tops[to]! + lane.hash + (down ? 0 : lane.hashHeight)
      ]
      const x0 = axis.x(sentMs)
      context.globalAlpha = Math.max(0.04, 0.8 * clarity)
      context.strokeStyle = this.colour(arrivedMs === null ? '--fail' : (kindColours[kind] ?? '--other'))
      context.beginPath()
      context.moveTo(x0, y0)
      if (arrivedMs !== null) context.lineTo(axis.x(arrivedMs), y1)
      else context.lineTo(x0 + 4, y0 + (y1 - y0) * 0.35)
      context.stroke()
    }
    context.globalAlpha = 1
  }

  private messagesBetween(fromMs: number, toMs: number): RecordedMessage[] {
    const { bySent } = this
    let low = 0
    for (let high = bySent.length; low < high;) {
      const middle = (low + high) >> 1
      if (bySent[middle]![2] < fromMs - this.longestMs) low = middle + 1
      else high = middle
    }
    const found: RecordedMessage[] = []
    for (; low < bySent.length && bySent[low]![2] <= toMs; low++) found.push(bySent[low]!)
    return found
  }

  private drawOperation(context: CanvasRenderingContext2D, axis: TimeAxis, { atMs, actor }: RecordedOperation): void {
    const x = axis.x(atMs)
    if (x < axis.left || x > axis.right) return
    context.fillStyle = this.colour('--operation')
    context.beginPath()
    context.arc(x, this.tops[actor]! + lane.marks, 2.5, 0, 2 * Math.PI)
    context.fill()
  }

  private drawMoment(
    context: CanvasRenderingContext2D,
    axis: TimeAxis,
    atMs: number,
    colour: string,
    text: string,
    textY = this.height - 6
  ): void {
    const x = axis.x(atMs)
    context.fillStyle = this.colour(colour)
    context.fillRect(x - 0.75, 16, 1.5, this.height - 20)
    const right = x > axis.right - 120
    context.textAlign = right ? 'right' : 'left'
    context.fillText(text, x + (right ? -5 : 5), textY)
  }

  /** What is under the pointer, in words. */
  hit(axis: TimeAxis, x: number, y: number): Hit | undefined {
    const { recording } = this
    const atMs = axis.at(x)
    const near = (ms: number): boolean => Math.abs(axis.x(ms) - x) <= 4
    const actor = this.tops.findIndex(top => y >= top && y < top + lane.height)
    const operation = recording.operations.find(
      each => each.actor === actor && near(each.atMs) && Math.abs(this.tops[actor]! + lane.marks - y) <= 6
    )
    if (operation) return { atMs: operation.atMs, text: `${operation.id}: ${operation.kind} ${operation.text}` }
    const message = this.messageAt(axis, x, y)
    if (message) {
      const [from, to, sentMs, arrivedMs, bytes, kind] = message
      const took = arrivedMs === null ? 'never arrived' : `took ${duration(arrivedMs - sentMs)}`
      return {
        atMs: sentMs,
        text: `${recording.actors[from]!.name} → ${recording.actors[to]!.name}: ${frameName(kind)}, ${bytes} bytes, ${took}`
      }
    }
    const fault = recording.faults.find(
      (each, i) =>
        atMs >= each.fromMs - 1 &&
        atMs <= Math.max(each.toMs, each.fromMs + 1) &&
        Math.abs(head + this.faultRows[i]! * faultRow - y) <= 8
    )
    if (fault)
      return {
        atMs: fault.fromMs,
        text: `${fault.kind} for ${duration(fault.toMs - fault.fromMs)}: ${JSON.stringify(fault.args)}`
      }
    if (actor < 0) return undefined
    return { atMs, text: this.laneText(actor, atMs, y - this.tops[actor]!) }
  }

  private laneText(actor: number, atMs: number, y: number): string {
    const { hashes, skews, water, spans } = this.lanes[actor]!
    const { name } = this.recording.actors[actor]!
    const during = (each: { fromMs: number; toMs: number }): boolean => each.fromMs <= atMs && atMs < each.toMs
    const span = spans.find(during)
    if (span) return `${name} is ${span.state} for ${duration(span.toMs - span.fromMs)}`
    if (y >= lane.water - 2) {
      const share = water.findLast(point => point.atMs <= atMs)?.share ?? 1
      return `${name} covers ${(100 * share).toFixed(share === 1 ? 0 : 1)} % of all writes so far`
    }
    if (y >= lane.skew - 2) return `${name}'s clock: ${skewText(Number(skews.find(during)?.value ?? 0))}`
    return `${name} ${hashes.find(during)?.value ?? 'holds nothing yet'}`
  }

  private messageAt(axis: TimeAxis, x: number, y: number): RecordedMessage | undefined {
    const shown = this.messagesBetween(axis.fromMs, axis.toMs)
    if (shown.length > messagesClear) return undefined
    return shown.find(([from, to, sentMs, arrivedMs]) => {
      const [y0, y1] = [this.tops[from]! + lane.hash + lane.hashHeight / 2, this.tops[to]! + lane.hash + lane.hashHeight / 2]
      const share = (y - y0) / (y1 - y0)
      if (share < 0.05 || share > 0.95) return false
      return Math.abs(axis.x(sentMs) + share * (axis.x(arrivedMs ?? sentMs) - axis.x(sentMs)) - x) < 3
    })
  }
}

export function skewText(ms: number): string {
  return Math.abs(ms) < 1 ? 'true' : `${duration(Math.abs(ms))} ${ms > 0 ? 'ahead' : 'behind'}`
}

const frameNames = [
  '',
  'hello',
  'space',
  'have',
  'registers',
  'held',
  'seal',
  'ack',
  'members',
  'compare',
  'compared',
  'full compare',
  'document',
  'signal',
  'ping',
  'pong',
  'credit',
  'close',
  'space closed'
]

export function frameName(kind: number): string {
  return frameNames[kind] || `kind ${kind}`
}
