/**
 * Watches a run and writes down what the timeline shows. It looks and never touches: a run is the same with and without it. What it
 * holds is bounded; what is beyond is counted.
 */
import type { Value } from '@selvedge/core'
import { hashText, type RegisterTable } from '@selvedge/documents'
import type { Replica } from '@selvedge/replica'
import type { Json, PlannedFault, PlannedOperation } from '../plan/plan.js'
import type { EndedFrame } from '../simulated-network.js'
import { SimulatedNode, type SimulatedRelay, type World } from '../world.js'
import type { Look, RecordedFault, RecordedMessage, RecordedOperation, RecordedRegister, Recording, Span } from './recording.js'

export interface RecorderLimits {
  /** Messages: the latest are kept, the others counted. Default 100,000. */
  readonly messagesMax?: number
  /** Changes of replicas; what is beyond is counted. Default 200,000. */
  readonly looksMax?: number
}

/** What the recorder can't know of itself. */
export interface RecordingEnd extends Pick<
  Recording,
  'scenario' | 'label' | 'summary' | 'verdicts' | 'healedMs' | 'failure' | 'story'
> {
  readonly faults: readonly PlannedFault[]
}

const valueCharactersMax = 120

/** One replica of a space, as it was when it was last looked at. */
interface Seen {
  readonly table: RegisterTable
  changeIndex: number
  vectorVersion: number
}

interface Actor {
  readonly process: SimulatedNode | SimulatedRelay
  readonly site: string | null
  readonly seen: Map<number, Seen>
  span: { readonly fromMs: number; readonly state: Span['state'] } | undefined
  skewMs: number | undefined
}

export class Recorder {
  private readonly actors: Actor[]
  private readonly byName: Map<string, number>
  private readonly spaces: string[] = []
  private readonly spans: Span[] = []
  private readonly operations: RecordedOperation[] = []
  private readonly messages: RecordedMessage[] = []
  private messagesLeftOut = 0
  private readonly looks: Look[] = []
  private looksLeftOut = 0
  private readonly messagesMax: number
  private readonly looksMax: number

  constructor(
    private readonly world: World,
    limits: RecorderLimits = {}
  ) {
    this.messagesMax = limits.messagesMax ?? 100_000
    this.looksMax = limits.looksMax ?? 200_000
    const { processes } = world
    this.actors = processes.map(process => ({
      process,
      site: 'site' in process ? process.site : null,
      seen: new Map(),
      span: { fromMs: 0, state: 'down' },
      skewMs: undefined
    }))
    this.byName = new Map(processes.map(({ name }, i) => [name, i]))
    world.network.watchArrivals(frame => this.message(frame))
  }

  /** After each event, with the name of whom it happened to. */
  afterEvent(name: string): void {
    const index = this.byName.get(name) ?? this.byName.get(name.slice(name.lastIndexOf('>') + 1))
    // A process that was killed or paused has no event of its own.
    for (const each of this.actors.keys()) this.noteState(each)
    if (index !== undefined) this.lookAt(index)
  }

  /** An operation was done. */
  operation({ id, by, kind, args }: PlannedOperation): void {
    const actor = this.byName.get(by)
    if (actor !== undefined) this.operations.push({ id, atMs: this.world.kernel.nowMs, actor, kind, text: JSON.stringify(args) })
  }

  private message({ from, to, frame, sentMs, arrivedMs }: EndedFrame): void {
    const [one, other] = [this.byName.get(from), this.byName.get(to)]
    if (one === undefined || other === undefined) return
    this.messages.push([one, other, sentMs, arrivedMs, frame.length, (frame[0] ?? 0) & 0x3f])
    // Not one by one: what is left out costs little.
    if (this.messages.length >= 2 * this.messagesMax) this.leaveOutMessages()
  }

  private leaveOutMessages(): void {
    const tooMany = Math.max(0, this.messages.length - this.messagesMax)
    this.messages.splice(0, tooMany)
    this.messagesLeftOut += tooMany
  }

  private noteState(index: number): void {
    const actor = this.actors[index]!
    const { process } = actor
    const state = process.host.isPaused ? 'paused' : process.open ? undefined : process.isRunning ? 'starting' : 'down'
    if (state === actor.span?.state) return
    const nowMs = this.world.kernel.nowMs
    if (actor.span && nowMs > actor.span.fromMs) this.spans.push({ ...actor.span, actor: index, toMs: nowMs })
    actor.span = state && { fromMs: nowMs, state }
  }

  private lookAt(index: number): void {
    const actor = this.actors[index]!
    for (const { id, table } of replicaOf(actor.process)?.spaces.values() ?? []) this.lookAtSpace(index, actor, id, table)
  }

  private lookAtSpace(index: number, actor: Actor, name: string, table: RegisterTable): void {
    const number = this.numberOf(name)
    let seen = actor.seen.get(number)
    const anew = seen?.table !== table
    if (anew) actor.seen.set(number, (seen = { table, changeIndex: 0, vectorVersion: -1 }))
    const skewMs = Math.round(actor.process.time.errorMs)
    const skewed = skewMs !== actor.skewMs
    if (!anew && !skewed && table.changeIndex === seen!.changeIndex && table.vectorVersion === seen!.vectorVersion) return
    if (this.looks.length >= this.looksMax) {
      this.looksLeftOut++
      return
    }
    const look: Look = {
      atMs: this.world.kernel.nowMs,
      actor: index,
      space: number,
      hash: hashOf(table),
      ...(table.vectorVersion === seen!.vectorVersion ? {} : { vector: Object.fromEntries(table.vector().seqs) }),
      ...(table.changeIndex === seen!.changeIndex ? {} : { registers: changedIn(table, seen!.changeIndex) }),
      ...(skewed ? { skewMs } : {}),
      ...(anew ? { anew } : {})
    }
    this.looks.push(look)
    seen!.changeIndex = table.changeIndex
    seen!.vectorVersion = table.vectorVersion
    actor.skewMs = skewMs
  }

  private numberOf(space: string): number {
    const known = this.spaces.indexOf(space)
    return known >= 0 ? known : this.spaces.push(space) - 1
  }

  /** The run is over. */
  finish({ faults, ...end }: RecordingEnd): Recording {
    const { kernel, epochMs } = this.world
    this.leaveOutMessages()
    for (const each of this.actors.keys()) this.noteState(each)
    for (const [actor, { span }] of this.actors.entries()) if (span) this.spans.push({ ...span, actor, toMs: kernel.nowMs })
    return {
      version: 1,
      ...end,
      seed: this.world.options.seed,
      epochMs,
      untilMs: kernel.nowMs,
      actors: this.actors.map(({ process, site }) => ({ name: process.name, site, node: process.key.node })),
      spans: this.spans,
      faults: faults.map(fault => this.recordedFault(fault)),
      operations: this.operations,
      messages: this.messages,
      messagesLeftOut: this.messagesLeftOut,
      spaces: this.spaces,
      looks: this.looks,
      looksLeftOut: this.looksLeftOut,
      events: kernel.trace.events,
      traceHash: kernel.trace.hash
    }
  }

  private recordedFault({ id, kind, atMs, forMs, args }: PlannedFault): RecordedFault {
    const named = new Set<number>()
    // Whoever is named in a fault's arguments is struck by it.
    const visit = (value: Json): void => {
      if (typeof value === 'string') {
        const actor = this.byName.get(value)
        if (actor !== undefined) named.add(actor)
      } else if (value !== null && typeof value === 'object') for (const each of Object.values(value)) visit(each)
    }
    visit(args)
    return { id, kind, fromMs: atMs, toMs: atMs + forMs, actors: [...named], args }
  }
}

function replicaOf(process: SimulatedNode | SimulatedRelay): Replica | undefined {
  return process instanceof SimulatedNode ? process.open?.['replica'] : process.open?.['replica']
}

function hashOf(table: RegisterTable): string {
  return hashText(table.hash())
}

function changedIn(table: RegisterTable, since: number): RecordedRegister[] {
  return [...table.changedSince(since)].map(({ path, slot, value, writer, seq }) => [
    path,
    slot,
    value === undefined ? null : shown(value),
    writer.key,
    seq
  ])
}

/** Equal values are shown alike, in whatever order their keys were set. */
function shown(value: Value): string {
  const text = value instanceof Uint8Array ? `${value.length} bytes` : JSON.stringify(value, sorted)
  return text.length > valueCharactersMax ? `${text.slice(0, valueCharactersMax)}…` : text
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
