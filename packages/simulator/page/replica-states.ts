/** What each replica held at a moment: recordings tell changes only. */
import type { Look, Recording, RecordedRegister } from '../src/timeline/recording.js'

export interface ReplicaState {
  hash: string
  readonly vector: Map<string, number>
  readonly registers: Map<string, RecordedRegister>
}

export interface ActorState {
  skewMs: number
  readonly spaces: ReplicaState[]
}

/** Between two kept states; what lies between is played again. */
const looksPerKept = 2_000

function emptyState(recording: Recording): ActorState[] {
  return recording.actors.map(() => ({
    skewMs: 0,
    spaces: recording.spaces.map(() => ({ hash: '', vector: new Map(), registers: new Map() }))
  }))
}

function copyOf(states: readonly ActorState[]): ActorState[] {
  return states.map(({ skewMs, spaces }) => ({
    skewMs,
    spaces: spaces.map(({ hash, vector, registers }) => ({
      hash,
      vector: new Map(vector),
      registers: new Map(registers)
    }))
  }))
}

function play(states: ActorState[], look: Look): void {
  const actor = states[look.actor]
  const space = actor?.spaces[look.space]
  if (!actor || !space) return
  if (look.anew) {
    space.vector.clear()
    space.registers.clear()
    space.hash = ''
  }
  if (look.skewMs !== undefined) actor.skewMs = look.skewMs
  if (look.hash !== undefined) space.hash = look.hash
  for (const [writer, seq] of Object.entries(look.vector ?? {})) space.vector.set(writer, seq)
  for (const register of look.registers ?? []) space.registers.set(`${register[0]}\u0000${register[1]}`, register)
}

export class ReplicaStates {
  private readonly kept: { readonly next: number; readonly states: ActorState[] }[] = []

  constructor(private readonly recording: Recording) {
    const states = emptyState(recording)
    for (const [i, look] of recording.looks.entries()) {
      if (i % looksPerKept === 0) this.kept.push({ next: i, states: copyOf(states) })
      play(states, look)
    }
    if (this.kept.length === 0) this.kept.push({ next: 0, states })
  }

  at(atMs: number): ActorState[] {
    const { looks } = this.recording
    let start = this.kept[0]!
    for (const kept of this.kept) if (kept.next === 0 || looks[kept.next - 1]!.atMs <= atMs) start = kept
    const states = copyOf(start.states)
    for (let i = start.next; i < looks.length && looks[i]!.atMs <= atMs; i++) play(states, looks[i]!)
    return states
  }
}

/** Actors that held a space at some time: those of other sites never do. */
export function holders({ actors, looks }: Recording, space: number): readonly number[] {
  const found = new Set<number>()
  for (const look of looks) if (look.space === space) found.add(look.actor)
  return [...actors.keys()].filter(actor => found.has(actor))
}

export interface Stretch {
  readonly fromMs: number
  toMs: number
  readonly value: number | string
}

/** The hash of an actor's replica over time. */
export function hashStretches(recording: Recording, actor: number, space: number): Stretch[] {
  return stretches(recording, look => (look.actor === actor && look.space === space ? look.hash : undefined))
}

export function skewStretches(recording: Recording, actor: number): Stretch[] {
  return stretches(recording, look => (look.actor === actor ? look.skewMs : undefined))
}

function stretches(recording: Recording, of: (look: Look) => number | string | undefined): Stretch[] {
  const found: Stretch[] = []
  for (const look of recording.looks) {
    const value = of(look)
    const last = found.at(-1)
    if (value === undefined || last?.value === value) continue
    if (last) last.toMs = look.atMs
    found.push({ fromMs: look.atMs, toMs: recording.untilMs, value })
  }
  return found
}

/** Share of all writes made so far (in any replica's vector) that an actor covers, over time: the watermark. */
export function coverage(
  recording: Recording,
  actor: number,
  space: number
): { readonly atMs: number; readonly share: number }[] {
  const known = new Map<string, number>()
  let mine = new Map<string, number>()
  let total = 0
  let covered = 0
  const points: { atMs: number; share: number }[] = []
  for (const look of recording.looks) {
    if (look.space !== space) continue
    const own = look.actor === actor
    if (own && look.anew) {
      mine = new Map()
      covered = 0
    }
    for (const [writer, seq] of Object.entries(look.vector ?? {})) {
      const before = known.get(writer) ?? 0
      if (seq > before) {
        known.set(writer, seq)
        total += seq - before
      }
      if (!own) continue
      covered += Math.max(0, seq - (mine.get(writer) ?? 0))
      mine.set(writer, Math.max(seq, mine.get(writer) ?? 0))
    }
    const share = total === 0 ? 1 : covered / total
    if (look.vector && points.at(-1)?.share !== share) points.push({ atMs: look.atMs, share })
  }
  return points
}

/** What happened, one line each: two recordings are compared by them. */
function steps(recording: Recording): { readonly atMs: number; readonly text: string }[] {
  const name = (actor: number): string => recording.actors[actor]?.name ?? ''
  return [
    ...recording.operations.map(({ atMs, actor, kind, text }) => ({ atMs, text: `${name(actor)} does ${kind} ${text}` })),
    ...recording.faults.map(({ fromMs, kind, args }) => ({ atMs: fromMs, text: `${kind} ${JSON.stringify(args)}` })),
    ...recording.spans.map(({ fromMs, actor, state }) => ({ atMs: fromMs, text: `${name(actor)} is ${state}` })),
    ...recording.looks.flatMap(({ atMs, actor, registers }) =>
      (registers ?? []).map(register => ({ atMs, text: `${name(actor)} holds ${register.slice(0, 3).join(' ').trim()}` }))
    )
  ].sort((a, b) => a.atMs - b.atMs || (a.text < b.text ? -1 : 1))
}

export interface Divergence {
  readonly atMs: number
  readonly texts: readonly [string, string]
}

/** Where two recordings first differ; undefined: nowhere. */
export function firstDivergence(a: Recording, b: Recording): Divergence | undefined {
  const [these, those] = [steps(a), steps(b)]
  for (let i = 0; i < Math.max(these.length, those.length); i++) {
    const [mine, other] = [these[i], those[i]]
    if (mine?.atMs === other?.atMs && mine?.text === other?.text) continue
    return {
      atMs: Math.min(mine?.atMs ?? Infinity, other?.atMs ?? Infinity),
      texts: [mine?.text ?? 'nothing more', other?.text ?? 'nothing more']
    }
  }
  return undefined
}
