/**
 * Wears out one target in a process of its own, and watches it from outside: a process that spends CPU on one input without an end,
 * dies, or grows is a finding like any other. Only CPU time counts: a machine that is busy with something else does no harm.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '@selvedge/core'
import { serialisedFinding, type ChildMessage, type ChildResult, type SerialisedFinding } from './child-messages.js'
import { cpuMsOf } from './process-cpu.js'
import { inputOf } from './pass.js'
import type { Target } from './target.js'

export interface RunOptions {
  readonly seed: number
  readonly inputs: number
  /** Runs for so long, whatever the number of inputs. */
  readonly timeMs?: number | undefined
  readonly progress?: (done: number) => void
  /** CPU that one input may take. Default 10 s. */
  readonly cpuMsMax?: number
  /** Bytes that the heap may be larger at the end than at a tenth of the inputs. Default 12 MiB. */
  readonly growthBytesMax?: number
  /** The module that a process runs; default: the one beside this. */
  readonly childModule?: URL
  /** Bytes of the heap above which the process dies. Default 512 MiB. */
  readonly heapMiB?: number
}

export interface RunResult extends Omit<ChildResult, 'finding'> {
  readonly target: string
  readonly finding: SerialisedFinding | undefined
}

const checkIntervalMs = 1_000
const nothing = { inputs: 0, messages: 0, decoded: 0, refused: 0, bytes: 0, cpuMs: 0, rssBytes: 0, floors: undefined }

export async function runTarget(target: Target, options: RunOptions): Promise<RunResult> {
  const directory = mkdtempSync(join(tmpdir(), 'selvedge-fuzz-'))
  const notes = join(directory, 'input')
  const timed = options.timeMs !== undefined
  const to = timed ? Number.MAX_SAFE_INTEGER : options.inputs
  const child = fork(
    fileURLToPath(options.childModule ?? new URL('./child.js', import.meta.url)),
    [target.name, options.seed, 0, to, notes, ...(timed ? [options.timeMs] : [])].map(String),
    { execArgv: ['--expose-gc', `--max-old-space-size=${options.heapMiB ?? 512}`], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] }
  )
  const killed = (): void => void child.kill('SIGKILL')
  process.once('exit', killed)
  try {
    const { result, problem } = await watched(child, notes, options)
    if (result) return { ...result, target: target.name, finding: result.finding ?? grown(target, result, options) }
    return { ...nothing, target: target.name, finding: await named(target, options.seed, noted(notes), problem) }
  } finally {
    process.off('exit', killed)
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Waits for the result of a child, or for what it came to instead. */
function watched(child: ChildProcess, notes: string, options: RunOptions): Promise<{ result?: ChildResult; problem: string }> {
  return new Promise(resolve => {
    let result: ChildResult | undefined
    let stopped: string | undefined
    let errors = ''
    let at = { number: -1, cpuMs: 0 }
    child.stderr?.on('data', (text: Buffer) => (errors = (errors + text.toString()).slice(-4_000)))
    const timer = setInterval(() => {
      const number = noted(notes)
      const cpuMs = cpuMsOf(child.pid!) ?? performance.now()
      if (number !== at.number) at = { number, cpuMs }
      else if (number >= 0 && cpuMs - at.cpuMs > (options.cpuMsMax ?? 10_000)) {
        stopped = `it took more than ${((options.cpuMsMax ?? 10_000) / 1000).toFixed(0)} s of CPU and did not end`
        child.kill('SIGKILL')
      }
    }, checkIntervalMs)
    child.on('message', (message: ChildMessage) => {
      if ('progress' in message) options.progress?.(message.progress)
      else result = message.result
    })
    child.once('close', (code, signal) => {
      clearInterval(timer)
      if (result) resolve({ result, problem: '' })
      else resolve({ problem: stopped ?? `the process ended with ${signal ?? code}\n${errors}` })
    })
  })
}

/** The number of the input that was taken last. */
function noted(notes: string): number {
  try {
    const bytes = readFileSync(notes)
    return bytes.length === 8 ? bytes.readDoubleLE(0) : -1
  } catch {
    return -1
  }
}

/** A finding of an input that is known by its number alone: made again, and told whole. */
async function named(target: Target, seed: number, number: number, problem: string): Promise<SerialisedFinding> {
  const open = await target.open(seededRandom(seed).fork(`${target.name} corpus`))
  const input = number >= 0 ? inputOf(target, open, seed, number) : []
  await open.close?.()
  return serialisedFinding({ target: target.name, seed, number, problem, stack: '', input })
}

function grown(target: Target, { floors, inputs }: ChildResult, options: RunOptions): SerialisedFinding | undefined {
  const max = options.growthBytesMax ?? 12 * 2 ** 20
  if (!floors || floors.atTheEnd - floors.atATenth <= max) return undefined
  const mebi = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
  const problem = `the heap grew from ${mebi(floors.atATenth)} to ${mebi(floors.atTheEnd)} MiB over ${inputs} inputs`
  return { target: target.name, seed: options.seed, number: inputs, problem, stack: '', input: [] }
}
