/**
 * A target is a decoder of untrusted bytes, and how it is worn out: valid inputs made by the real encoders, how an input is handed
 * in, and what must hold afterwards. An input is a list of messages; most decoders take one.
 */
import { isSelvedgeError, type Random } from '@selvedge/core'
import { expectedCodes } from './expected-codes.js'

export type Input = readonly Uint8Array[]

/** What became of an input. An input that breaks a property throws. */
export type Outcome = 'decoded' | 'refused'

export interface Target {
  /** As it is given on the command line. */
  readonly name: string
  /** Where its bytes come from, in a few words. */
  readonly from: string
  /** Names of exported functions and classes that it reaches: the inventory is checked against them. */
  readonly reaches: readonly string[]
  open(random: Random): OpenTarget | Promise<OpenTarget>
}

export interface OpenTarget {
  /** Valid inputs. The first pass hands each in as it is, and expects `decoded`. */
  readonly corpus: readonly Input[]
  /** Pieces that mutations put in: keywords of a text format, magic numbers. */
  readonly tokens?: readonly Uint8Array[]
  /** An input made with knowledge of the format, now and then in place of a mutated one. */
  generate?(random: Random): Input
  /** Makes what mutation broke right again (checksums, compression), so that the decoder behind it is reached. */
  mend?(input: Input, random: Random): Input
  /** Most messages of an input; default 1. */
  readonly messagesMax?: number
  /** Most bytes of a message, but for a rare oversized one; default 4,096. */
  readonly bytesMax?: number
  take(input: Input): Outcome | Promise<Outcome>
  close?(): Promise<void> | void
}

/** A property that an input broke. */
export class Broken extends Error {
  constructor(problem: string, options: { cause?: unknown } = {}) {
    super(problem, options)
    this.name = 'Broken'
  }
}

export function hold(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new Broken(problem)
}

/** `refused` for an error that a decoder may throw; anything else breaks its promise. */
export function refused(error: unknown): 'refused' {
  if (error instanceof Broken) throw error
  if (isSelvedgeError(error)) {
    if (expectedCodes.has(error.code)) return 'refused'
    throw new Broken(`it threw a SelvedgeError with the code ${error.code}, which no decoder may`, { cause: error })
  }
  throw new Broken(`it threw ${error instanceof Error ? `a ${error.name}: ${error.message}` : String(error)}`, { cause: error })
}

/** Runs a decoder; `check` looks at what it gave. */
export function decoding<T>(decode: () => T, check: (decoded: T) => void = () => {}): Outcome {
  let decoded: T
  try {
    decoded = decode()
  } catch (error) {
    return refused(error)
  }
  check(decoded)
  return 'decoded'
}
