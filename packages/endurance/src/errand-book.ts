/**
 * Acts that the parent orders, and the book that it keeps of them: deletes and re-creations, elements of sets, counted increments,
 * edits of the shared document, config changes. What is ordered is known here, so that after a `kill -9` the outcome is one of few:
 * what was acknowledged last, or an act ordered since.
 */
import { below, seededRandom, type Random } from '@selvedge/core'
import type { DurabilityLevel } from '@selvedge/replica'
import type { Errand, View } from './process/protocol.js'
import { ProcessGone, type ReplicaProcess } from './replica-process.js'

export interface ErrandOptions {
  readonly random: Random
  /** Pauses between acts of one kind at one process, in milliseconds. */
  readonly pausesMs: { readonly points: number; readonly counters: number; readonly notes: number; readonly config: number }
  /** Names increments, so that one whose outcome is unknown can be ordered again. */
  readonly idempotent: boolean
  /** Lists each edit of the shared document by a token of its own; else only the newest values are kept. */
  readonly tokens: boolean
  readonly levelsOf: (process_: ReplicaProcess) => readonly DurabilityLevel[]
}

/** Values that one thing may have: the last one acknowledged, and those ordered since. */
interface Course {
  acknowledged: unknown
  readonly since: unknown[]
}

const pathsEach = 8
const countersInAll = 3
const listedMax = 20

export class ErrandBook {
  private readonly random: Random
  private readonly courses = new Map<string, Course>()
  private readonly counted = new Map<string, number>()
  private readonly tokensAcknowledged = new Set<string>()
  private readonly tokensOrdered = new Set<string>()
  private readonly unknown: { path: string; id: string }[] = []
  private order = 0
  private doneCount = 0
  private running: Promise<void>[] = []
  private stopping: (() => void)[] = []
  private stopped = true
  private readonly awaited = new Set<string>()
  /** What a process said it could not do. */
  readonly failures: string[] = []

  constructor(private readonly options: ErrandOptions) {
    this.random = options.random.fork('errands')
  }

  /** Acts acknowledged. */
  get done(): number {
    return this.doneCount
  }

  /** Begins to order acts of every process. */
  start(processes: readonly ReplicaProcess[]): void {
    const { pausesMs } = this.options
    this.stopped = false
    for (const process_ of processes) {
      this.keepOrdering(process_, pausesMs.points, random => this.pointErrand(process_, random))
      this.keepOrdering(process_, pausesMs.points, random => this.elementErrand(process_, random))
      this.keepOrdering(process_, pausesMs.counters, random => this.countErrand(random))
      this.keepOrdering(process_, pausesMs.notes, () => this.noteErrand(process_))
      this.keepOrdering(process_, pausesMs.config, () => this.configErrand(process_))
    }
  }

  /**
   * Orders no more, and waits for what was ordered.
   * @throws Error that names the acts that are not acknowledged by then
   */
  async stop(withinMs: number): Promise<void> {
    this.stopped = true
    for (const wake of this.stopping.splice(0)) wake()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const listed = [...this.awaited].slice(0, listedMax).join('; ')
        reject(new Error(`${this.awaited.size} acts are not acknowledged after ${withinMs} ms: ${listed}`))
      }, withinMs)
    })
    try {
      await Promise.race([Promise.all(this.running.splice(0)), late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Increments whose outcome is not known are ordered again, with the same ids, until they are acknowledged. */
  async settle(process_: ReplicaProcess): Promise<void> {
    for (const { path, id } of this.unknown.splice(0)) {
      await process_.ask('errand', { errand: { kind: 'increment', path, id }, level: 'local' })
      this.count(path)
    }
  }

  private keepOrdering(process_: ReplicaProcess, pauseMs: number, next: (random: Random) => Errand): void {
    const random = seededRandom(this.random.uint32())
    const run = async (): Promise<void> => {
      while (!this.stopped) {
        if (process_.up) await this.run(process_, next(random), random)
        await this.pause(pauseMs * (0.5 + random.float()))
      }
    }
    this.running.push(run())
  }

  private pause(ms: number): Promise<void> {
    if (this.stopped) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(done, ms)
      const { stopping } = this
      stopping.push(done)
      function done(): void {
        clearTimeout(timer)
        const at = stopping.indexOf(done)
        if (at >= 0) stopping.splice(at, 1)
        resolve()
      }
    })
  }

  private async run(process_: ReplicaProcess, errand: Errand, random: Random): Promise<void> {
    const levels = this.options.levelsOf(process_)
    const level = levels[below(random, levels.length)] ?? 'local'
    const described = `${process_.name} ${JSON.stringify(errand)} as ${level}`
    this.awaited.add(described)
    try {
      await process_.ask('errand', { errand, level })
      this.doneCount++
      this.acknowledge(errand)
    } catch (error) {
      if (!(error instanceof ProcessGone)) this.failures.push(error instanceof Error ? error.message : String(error))
      if (errand.kind === 'increment' && errand.id !== undefined) this.unknown.push({ path: errand.path, id: errand.id })
    } finally {
      this.awaited.delete(described)
    }
  }

  // ── what is ordered ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private pointErrand({ name }: ReplicaProcess, random: Random): Errand {
    const path = `d/${name}/${below(random, pathsEach)}`
    const course = this.course(path)
    const standing = course.since.length > 0 ? course.since.at(-1) : course.acknowledged
    const value = ++this.order
    const kind = standing === undefined ? 'set' : 'delete'
    course.since.push(kind === 'set' ? value : undefined)
    return { kind, path, value }
  }

  private elementErrand({ name }: ReplicaProcess, random: Random): Errand {
    const path = `e/${name}`
    const value = String(below(random, pathsEach))
    const course = this.course(`${path} ${value}`, false)
    const standing = course.since.length > 0 ? course.since.at(-1) : course.acknowledged
    const kind = standing === true ? 'remove' : 'add'
    course.since.push(kind === 'add')
    return { kind, path, value }
  }

  private countErrand(random: Random): Errand {
    const path = `c/${below(random, countersInAll)}`
    return { kind: 'increment', path, id: this.options.idempotent ? `i${++this.order}` : undefined }
  }

  private noteErrand({ name }: ReplicaProcess): Errand {
    const value = ++this.order
    this.course(`note ${name}`).since.push(value)
    const token = this.options.tokens ? `${name}-${value}` : undefined
    if (token !== undefined) this.tokensOrdered.add(token)
    return { kind: 'note', key: name, value, token }
  }

  private configErrand({ name }: ReplicaProcess): Errand {
    const value = ++this.order
    this.course(`config ${name}`).since.push(value)
    return { kind: 'config', key: name, value }
  }

  private acknowledge(errand: Errand): void {
    switch (errand.kind) {
      case 'set':
        return this.settled(errand.path, errand.value)
      case 'delete':
        return this.settled(errand.path, undefined)
      case 'add':
      case 'remove':
        return this.settled(`${errand.path} ${errand.value}`, errand.kind === 'add')
      case 'increment':
        return this.count(errand.path)
      case 'note':
        if (errand.token !== undefined) this.tokensAcknowledged.add(errand.token)
        return this.settled(`note ${errand.key}`, errand.value)
      case 'config':
        return this.settled(`config ${errand.key}`, errand.value)
    }
  }

  private count(path: string): void {
    this.counted.set(path, (this.counted.get(path) ?? 0) + 1)
  }

  private course(key: string, initial?: unknown): Course {
    const course = this.courses.get(key) ?? { acknowledged: initial, since: [] }
    this.courses.set(key, course)
    return course
  }

  // One act of a course is under way at a time: what is acknowledged was the last one ordered.
  private settled(key: string, value: unknown): void {
    const course = this.course(key)
    course.acknowledged = value
    course.since.length = 0
  }

  // ── what must be there ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Where a replica at rest does not hold what was acknowledged. What it does hold is taken as the state from then on. */
  problems(replica: string, view: View): string[] {
    const problems: string[] = []
    for (const [key, course] of this.courses) {
      const found = foundIn(view, key)
      if (!(Object.is(found, course.acknowledged) || course.since.some(value => Object.is(found, value))))
        problems.push(
          `${replica}: ${key} is ${String(found)}; acknowledged ${String(course.acknowledged)}, ordered since [${course.since.map(String).join(', ')}]`
        )
    }
    for (const [path, sum] of this.counted) {
      const found = view.counters.get(path) ?? 0
      if (found !== sum) problems.push(`${replica}: counter ${path} is ${found}, not ${sum}`)
    }
    const there = new Set(view.tokens)
    if (there.size !== view.tokens.length)
      problems.push(`${replica}: the document lists ${view.tokens.length - there.size} tokens twice`)
    for (const token of this.tokensAcknowledged)
      if (!there.has(token)) problems.push(`${replica}: the document lacks the acknowledged token ${token}`)
    for (const token of there)
      if (!this.tokensOrdered.has(token)) problems.push(`${replica}: the document has a token that nobody ordered, ${token}`)
    return problems
  }

  /** All replicas are at rest and equal: what they hold is what is known from now on. */
  adopt(view: View): void {
    for (const [key, course] of this.courses) {
      course.acknowledged = foundIn(view, key)
      course.since.length = 0
    }
  }
}

function foundIn(view: View, key: string): unknown {
  const [what, name] = key.split(' ') as [string, string | undefined]
  if (name === undefined) return view.points.get(key)?.value
  if (what === 'note') return view.notes[name]
  if (what === 'config') return view.config[name]
  return view.sets.get(what)?.includes(name) ?? false
}
