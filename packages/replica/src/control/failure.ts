/** An error as the control API answers it: `{ code, message, details }`, with the HTTP status that tells its kind. */
import { isSelvedgeError } from '@selvedge/core'
import { controlErrors } from './errors.js'
import { toControlJson } from './json.js'

export interface ControlFailure {
  readonly code: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

const statusOfCode: Readonly<Record<string, number>> = {
  [controlErrors.methodUnknown]: 405,
  [controlErrors.bodyTooLarge]: 413,
  [controlErrors.typeMismatch]: 409,
  [controlErrors.conflictAmbiguous]: 409,
  DOCUMENT_ENGINE_MISMATCH: 409,
  // The write stands; only the wait for it is over.
  RECEIPT_ABORTED: 504
}

// In place of a list of every package's codes: their names end alike.
const statusOfEnding: readonly (readonly [RegExp, number])[] = [
  [/_(UNKNOWN|ABSENT)$/, 404],
  [/_(INVALID|REFUSED|ASYNC)$/, 400],
  [/_TOO_LARGE$/, 413],
  [/_(CLOSED|DEGRADED|BACKLOG|ABORTED)$/, 503]
]

/** HTTP status of an error: 500 for one that nobody foresaw. */
export function statusOf(error: unknown): number {
  if (!isSelvedgeError(error)) return 500
  // Of a point that the schema does not know: the request is wrong, not the address.
  if (error.code === 'POINT_UNKNOWN') return 400
  return statusOfCode[error.code] ?? statusOfEnding.find(([ending]) => ending.test(error.code))?.[1] ?? 500
}

/** What is told of an error; `details` that are no JSON are left out. */
export function failureOf(error: unknown): ControlFailure {
  if (!isSelvedgeError(error))
    return {
      code: controlErrors.internal,
      message: `the node failed at this: ${error instanceof Error ? error.message : String(error)}; its log tells more`,
      details: {}
    }
  const { code, message, details } = error
  try {
    toControlJson(details)
    return { code, message, details }
  } catch {
    return { code, message, details: {} }
  }
}
