/** What a run says of itself while it is under way: findings, verdicts, moments reached, and its story. */
import { History } from '../checks/history.js'
import type { Finding, Named, Phase, Run, Verdict } from '../run.js'
import type { World } from '../world.js'
import type { Json, Plan } from './plan.js'
import type { StoryLine } from './story.js'

/** The latest lines of a story are kept. */
const linesMax = 2_000

export interface Judged {
  readonly verdict: Verdict
  /** Why it is unknown. */
  readonly why?: string
}

export class RunRecord implements Run {
  readonly history = new History()
  phase: Phase = 'working'
  healedAtMs: number | undefined
  /** The first. */
  finding: Finding | undefined
  readonly moments = new Set<string>()
  readonly story: StoryLine[] = []
  private readonly verdicts = new Map<string, Judged>()

  constructor(
    readonly plan: Plan,
    readonly world: World,
    private readonly onLine: (line: StoryLine) => void = () => undefined
  ) {}

  get nowMs(): number {
    return this.world.kernel.nowMs
  }

  fail(check: Named, fingerprint: string, sentence: string, details: Json = null): void {
    this.verdicts.set(check.name, { verdict: 'fail' })
    if (this.finding) return
    const { nowMs: atMs, world } = this
    this.finding = { check: check.name, fingerprint, sentence, details, atMs, event: world.kernel.trace.events }
    this.tell(check.name, sentence)
  }

  pass(check: Named): void {
    if (this.verdicts.get(check.name)?.verdict !== 'fail') this.verdicts.set(check.name, { verdict: 'pass' })
  }

  unknown(check: Named, why: string): void {
    if ((this.verdicts.get(check.name)?.verdict ?? 'unknown') === 'unknown')
      this.verdicts.set(check.name, { verdict: 'unknown', why })
  }

  reached(name: string): void {
    if (this.moments.has(name)) return
    this.moments.add(name)
    this.tell('run', `reaches: ${name}`)
  }

  tell(actor: string, text: string): void {
    const line = { atMs: this.nowMs, actor, text }
    this.story.push(line)
    this.onLine(line)
    if (this.story.length > 2 * linesMax) this.story.splice(0, linesMax)
  }

  verdictsOf(checks: readonly Named[]): Record<string, Judged> {
    return Object.fromEntries(
      checks.map(({ name }) => [name, this.verdicts.get(name) ?? { verdict: 'unknown', why: 'nothing was judged' }])
    )
  }
}
