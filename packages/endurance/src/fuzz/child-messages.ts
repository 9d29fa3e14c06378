/** What a fuzzing process tells the one that started it. */
import type { Finding, PassResult } from './pass.js'

/** A finding as JSON: bytes as hexadecimal. */
export interface SerialisedFinding extends Omit<Finding, 'input'> {
  readonly input: readonly string[]
}

export interface ChildResult extends Omit<PassResult, 'finding'> {
  readonly rssBytes: number
  readonly finding: SerialisedFinding | undefined
}

export type ChildMessage = { readonly progress: number } | { readonly result: ChildResult }

export function serialisedFinding(finding: Finding): SerialisedFinding {
  return { ...finding, input: finding.input.map(bytes => Buffer.from(bytes).toString('hex')) }
}
