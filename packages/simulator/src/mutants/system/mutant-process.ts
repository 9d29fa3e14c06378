/** A mutant in a process of its own: the runtime is loaded there with the bug in it, and nowhere else. */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Mutant } from '../mutant.js'
import type { Specimen } from '../hunt.js'
import type { Kill } from '../score.js'

/** What a process is told at its start; then it is asked for one seed after another. */
export interface MutantTask {
  /** A module whose default export is a scenario; undefined: those made for mutants, in turn. */
  readonly scenario?: string | undefined
  /** Checks that do not look. */
  readonly without: readonly string[]
}

/** What it answers, seed by seed. */
export interface SeedAnswer {
  readonly kill?: Kill | undefined
}

/** A process that looks at no clock any more is given up after this. */
const seedWithinMs = 180_000
const errorsKept = 4_000

/** A mutant, or the runtime as it is, in a process that runs seeds as it is asked for them. */
export function mutantProcess(mutant: Mutant | undefined, task: MutantTask): Specimen {
  const child = fork(fileURLToPath(new URL('./mutant-worker.js', import.meta.url)), [JSON.stringify(task)], {
    execArgv: [...process.execArgv, '--import', new URL('./mutant-preload.js', import.meta.url).href],
    env: { ...process.env, ...(mutant ? { SELVEDGE_MUTANT: mutant.name } : {}) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc']
  })
  let errors = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-errorsKept)))
  const over = new Promise<'over'>(resolve => child.on('close', () => resolve('over')))
  return {
    run: async seed => {
      const answer = await Promise.race([ask(child, seed), over, patience()])
      if (answer === 'hangs') return hung(seed)
      return answer === 'over' ? died(seed, errors) : answer
    },
    close: () => void child.kill('SIGKILL')
  }
}

function ask(child: ChildProcess, seed: number): Promise<Kill | undefined> {
  return new Promise(resolve => {
    child.once('message', answer => resolve((answer as SeedAnswer).kill))
    // A process that has just died takes no question; that it is over is told by its end.
    child.send(seed, () => undefined)
  })
}

function patience(): Promise<'hangs'> {
  return new Promise(resolve => setTimeout(() => resolve('hangs'), seedWithinMs).unref())
}

function hung(seed: number): Kill {
  return { seed, check: 'hang', fingerprint: 'hang', sentence: `Seed ${seed} takes longer than ${seedWithinMs / 1_000} s.` }
}

function died(seed: number, errors: string): Kill {
  const lines = errors.trim().split('\n')
  const line = lines.find(text => text.includes('Error')) ?? lines.at(-1) ?? ''
  return { seed, check: 'crash', fingerprint: 'crash', sentence: `The process ended: ${line}` }
}
