/**
 * The meta-test: every seed is run in two processes of their own, and every event of the two runs must be the same.
 *
 *     npm run determinism -- --seeds 1000
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { TracedRun } from '../traced-run.js'

export interface Comparison {
  readonly seeds: number
  readonly equal: number
  readonly events: number
  /** A seed whose runs differ, and after how many events at most. */
  readonly different: readonly { readonly seed: number; readonly beforeEvent: number }[]
}

/** Exit code of a run that differs from another of the same seed. */
const nondeterminism = 4
const markEvery = 1_000

async function* runs(first: number, count: number): AsyncGenerator<TracedRun> {
  const here = (file: string): URL => new URL(file, import.meta.url)
  const child = spawn(
    process.execPath,
    ['--import', here('guard.js').href, here('trace-seeds.js').pathname, String(first), String(count)],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  try {
    for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line) as TracedRun
  } finally {
    child.kill()
  }
}

/** Runs each seed twice, side by side. */
export async function compareRuns(first: number, count: number, told?: (sofar: Comparison) => void): Promise<Comparison> {
  const [ones, others] = [runs(first, count), runs(first, count)]
  const different: { seed: number; beforeEvent: number }[] = []
  let [seeds, events] = [0, 0]
  const comparison = (): Comparison => ({ seeds, equal: seeds - different.length, events, different })
  try {
    for (; seeds < count; told?.(comparison())) {
      const [one, other] = await Promise.all([ones.next(), others.next()])
      if (one.done || other.done) throw new Error(`a process ended after ${seeds} of ${count} seeds`)
      const { hash, marks, seed } = one.value
      seeds++
      events += one.value.events
      if (hash === other.value.hash) continue
      const parted = marks.findIndex((mark, i) => mark !== other.value.marks[i])
      different.push({ seed, beforeEvent: parted === -1 ? one.value.events : (parted + 1) * markEvery })
    }
  } finally {
    await Promise.all([ones.return(undefined), others.return(undefined)])
  }
  return comparison()
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const options = { seeds: { type: 'string', default: '1000' }, first: { type: 'string', default: '1' } } as const
  const { values } = parseArgs({ options })
  const [first, count] = [Number(values.first), Number(values.seeds)]
  if (!(count >= 1) || !(first >= 0)) throw new Error('--seeds and --first take whole numbers')
  const { equal, seeds, events, different } = await compareRuns(first, count, ({ seeds, equal }) => {
    if (seeds % 50 === 0) process.stdout.write(`${equal} of ${seeds} equal\n`)
  })
  for (const { seed, beforeEvent } of different)
    process.stdout.write(`seed ${seed}: two runs differ, before event ${beforeEvent}\n`)
  process.stdout.write(`${equal} of ${seeds} seeds equal in two processes, ${events} events each\n`)
  process.exitCode = different.length === 0 ? 0 : nondeterminism
}
