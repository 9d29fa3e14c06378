/** The checks that a scenario writes itself, as checks: what must hold always, what must be reached, what must hold at the end. */
import type { Check } from '../checks/check.js'
import type { Run } from '../run.js'
import type { Definition, Judgement } from './scenario.js'
import type { RunningScene, Scene } from './scene.js'

export function ownChecks({ invariants, moments, endings }: Definition, scene: RunningScene): Check[] {
  const seen = scene as unknown as Scene
  return [
    ...invariants.map(invariant => new Invariant(invariant, seen)),
    ...endings.map(ending => new Ending(ending, seen)),
    ...(moments.some(({ when }) => when) ? [new Moments(moments, seen)] : [])
  ]
}

class Invariant implements Check {
  readonly name: string
  private run!: Run
  private dueMs = 0

  constructor(
    private readonly invariant: Definition['invariants'][number],
    private readonly scene: Scene
  ) {
    this.name = invariant.name
  }

  begin(run: Run): void {
    this.run = run
  }

  afterEvent(): void {
    const { nowMs } = this.run
    if (nowMs < this.dueMs) return
    this.dueMs = nowMs + this.invariant.everyMs
    const problem = problemOf(this.name, () => this.invariant.holds(this.scene))
    if (problem) this.run.fail(this, problem.fingerprint, problem.sentence)
  }

  atEnd(): void {
    this.run.pass(this)
  }
}

class Ending implements Check {
  readonly name: string
  private run!: Run

  constructor(
    private readonly ending: Definition['endings'][number],
    private readonly scene: Scene
  ) {
    this.name = ending.name
  }

  begin(run: Run): void {
    this.run = run
  }

  async atEnd(): Promise<void> {
    if (this.run.phase !== 'settled') return this.run.unknown(this, 'the run did not come to rest')
    let judgement: Judgement
    let thrown: unknown
    try {
      judgement = await this.ending.holds(this.scene)
    } catch (error) {
      thrown = error
    }
    const problem = problemOf(this.name, () => {
      if (thrown !== undefined) throw thrown as Error
      return judgement
    })
    if (problem) this.run.fail(this, problem.fingerprint, problem.sentence)
    else this.run.pass(this)
  }
}

class Moments implements Check {
  readonly name = 'sometimes'
  private run!: Run
  private waiting: readonly { readonly moment: Definition['moments'][number]; dueMs: number }[]

  constructor(
    moments: Definition['moments'],
    private readonly scene: Scene
  ) {
    this.waiting = moments.filter(({ when }) => when).map(moment => ({ moment, dueMs: 0 }))
  }

  begin(run: Run): void {
    this.run = run
  }

  afterEvent(): void {
    const { nowMs } = this.run
    for (const each of this.waiting) {
      if (nowMs < each.dueMs) continue
      const { name, when, everyMs } = each.moment
      each.dueMs = nowMs + everyMs
      if (!when!(this.scene)) continue
      this.run.reached(name)
      this.waiting = this.waiting.filter(other => other !== each)
    }
  }

  /** Reaching is counted over all seeds. */
  atEnd(): void {
    this.run.pass(this)
  }
}

interface Problem {
  readonly fingerprint: string
  readonly sentence: string
}

function problemOf(name: string, ask: () => Judgement): Problem | undefined {
  try {
    const judgement = ask()
    if (judgement === undefined || judgement === true) return undefined
    const sentence = judgement === false ? `"${name}" does not hold` : judgement
    return { fingerprint: judgement === false ? 'false' : withoutFigures(sentence), sentence }
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error)
    return { fingerprint: `thrown: ${withoutFigures(sentence)}`, sentence }
  }
}

/** Two sentences that differ in figures and names alone tell of one failure. */
export function withoutFigures(sentence: string): string {
  return sentence
    .split('\n', 1)[0]!
    .replace(/[\w@]+(?:[-/][\w@-]+)+/g, '…')
    .replace(/-?\d+(?:\.\d+)?/g, '#')
}
