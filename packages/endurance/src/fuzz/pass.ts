/**
 * One pass: a run of numbered inputs through a target, in this process. The number names the input, together with target and seed:
 * whoever knows the three makes it again.
 */
import { seededRandom } from '@selvedge/core'
import { minimised } from './minimise.js'
import { nextInput } from './mutate.js'
import { Broken, type Input, type OpenTarget, type Target } from './target.js'
import { totalBytes } from './weigh.js'

export interface PassOptions {
  readonly seed: number
  /** Numbers of the inputs: from the first up to, not including, the last. */
  readonly from: number
  readonly to: number
  /** Stops early when it answers true; asked now and then. */
  readonly enough?: () => boolean
  /** Told before each input, so that one which never ends can be named from outside. */
  readonly noted?: (number: number) => void
  /** Told now and then. */
  readonly progress?: (done: number) => void
  /** Bytes in use once everything that can be freed is; asked at a tenth of the inputs and at the end. */
  readonly floor?: () => number
}

export interface PassResult {
  readonly inputs: number
  /** Of all inputs together: a conversation is one input of many messages. */
  readonly messages: number
  readonly decoded: number
  readonly refused: number
  readonly bytes: number
  /** CPU of the inputs, without start-up. */
  readonly cpuMs: number
  readonly floors: { readonly atATenth: number; readonly atTheEnd: number } | undefined
  readonly finding: Finding | undefined
}

/** An input that broke a property. */
export interface Finding {
  readonly target: string
  readonly seed: number
  /** -1: a valid input, handed in as it was. */
  readonly number: number
  readonly problem: string
  readonly stack: string
  /** The smallest input found that breaks it in the same way. */
  readonly input: Input
}

/** Between two looks at the time, and two turns of the event loop for what a target left to do. */
const inputsPerTurn = 256

export async function runPass(target: Target, options: PassOptions): Promise<PassResult> {
  const open = await target.open(seededRandom(options.seed).fork(`${target.name} corpus`))
  try {
    return await run(target, open, options)
  } finally {
    await open.close?.()
  }
}

async function run(target: Target, open: OpenTarget, options: PassOptions): Promise<PassResult> {
  const tally = { inputs: 0, messages: 0, decoded: 0, refused: 0, bytes: 0 }
  const cpuBefore = process.cpuUsage()
  const result = (finding?: Finding, floors?: PassResult['floors']): PassResult => {
    Error.stackTraceLimit = stackTraceLimit
    const { user, system } = process.cpuUsage(cpuBefore)
    return { ...tally, cpuMs: (user + system) / 1000, floors, finding }
  }
  // Refusals are most of what happens, and stacks most of what they cost: they are taken when there is something to tell.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const found = async (number: number, input: Input, error: unknown): Promise<Finding> => {
    Error.stackTraceLimit = 20
    const smallest = await minimised(open, input, error)
    return {
      target: target.name,
      seed: options.seed,
      number,
      problem: error instanceof Error ? error.message : String(error),
      stack: stackOf(await broken(open, smallest, error)),
      input: smallest
    }
  }
  for (const input of options.from === 0 ? open.corpus : []) {
    try {
      if ((await open.take(input)) !== 'decoded') throw new Broken('a valid input was refused')
    } catch (error) {
      return result(await found(-1, input, error))
    }
  }
  const inputs = options.to - options.from
  const tenth = options.from + Math.floor(inputs / 10)
  let atATenth: number | undefined
  for (let number = options.from; number < options.to; number++) {
    if ((number - options.from) % inputsPerTurn === 0) {
      await new Promise(resolve => setImmediate(resolve))
      options.progress?.(number - options.from)
      if (options.enough?.()) break
    }
    if (number === tenth) atATenth = options.floor?.()
    const input = inputOf(target, open, options.seed, number)
    options.noted?.(number)
    try {
      const taken = open.take(input)
      tally[typeof taken === 'string' ? taken : await taken]++
    } catch (error) {
      return result(await found(number, input, error))
    }
    tally.inputs++
    tally.messages += input.length
    tally.bytes += totalBytes(input)
  }
  await new Promise(resolve => setImmediate(resolve))
  const atTheEnd = options.floor?.()
  return result(undefined, atATenth === undefined || atTheEnd === undefined ? undefined : { atATenth, atTheEnd })
}

/** The input of a number. */
export function inputOf(target: Target, open: OpenTarget, seed: number, number: number): Input {
  return nextInput(open, seededRandom(seed).fork(`${target.name} ${number}`))
}

/** The error again, with its stack. */
async function broken(open: OpenTarget, input: Input, error: unknown): Promise<unknown> {
  try {
    await open.take(input)
    return error
  } catch (again) {
    return again
  }
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack ?? error.cause.message}` : ''
  return `${error.stack ?? error.message}${cause}`
}
