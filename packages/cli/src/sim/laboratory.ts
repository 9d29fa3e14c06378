/** Processes with a mutant each, how far they are, and an end to all of them. */
import { mutantProcess, type HuntOptions, type MutantOutcome } from '@selvedge/simulator'
import type { Io } from '../io.js'

type Specimen = ReturnType<HuntOptions['open']>

export class Laboratory {
  stopped = false
  private readonly startedMs: number
  private readonly running = new Map<Specimen, string>()
  private seeds = 0
  private done = 0
  private killed = 0

  constructor(
    private readonly io: Io,
    private readonly total: number,
    private readonly withinMs = Number.POSITIVE_INFINITY
  ) {
    this.startedMs = io.nowMs()
  }

  get isOver(): boolean {
    return this.stopped || this.io.nowMs() - this.startedMs >= this.withinMs
  }

  readonly open: HuntOptions['open'] = (mutant, without) => {
    const process = mutantProcess(mutant, { without })
    const name = mutant?.name ?? 'the runtime as it is'
    const specimen: Specimen = {
      run: seed => {
        this.running.set(specimen, `${name} ${seed}`)
        this.seeds++
        this.show()
        return process.run(seed)
      },
      close: () => {
        this.running.delete(specimen)
        process.close()
      }
    }
    this.running.set(specimen, name)
    return specimen
  }

  ended({ kill }: MutantOutcome): void {
    this.done++
    if (kill) this.killed++
  }

  /** What is under way is given up. */
  stop(): void {
    this.stopped = true
    for (const specimen of [...this.running.keys()]) specimen.close()
  }

  private show(): void {
    const { done, killed, total, seeds } = this
    this.io.progress?.(`${done}/${total} mutants, ${killed} noticed · ${seeds} seeds · ${[...this.running.values()].join(', ')}`)
  }
}
