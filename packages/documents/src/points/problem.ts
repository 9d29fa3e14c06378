/** Why a write does not fit the schema: a value that `check` returns and that `refuse` turns into an error. */
import { SelvedgeError } from '@selvedge/core'
import { pointErrors } from './errors.js'

export interface PointProblem {
  /** The code of the error that {@link refuse} throws. */
  readonly code: 'POINT_REFUSED' | 'POINT_UNKNOWN' | 'POINT_SCHEMA_ASYNC'
  /** Goes on after the path: `is above max 40`. */
  readonly reason: string
  /** For an unknown path: what may have been meant, nearest first. */
  readonly near?: readonly string[]
  /** What a validator threw. */
  readonly cause?: unknown
}

/** The outcome of a check. `value` is what to store: a validator may have changed it. */
export type CheckResult<V> = { readonly ok: true; readonly value: V } | { readonly ok: false; readonly problem: PointProblem }

export function refused(reason: string): { ok: false; problem: PointProblem } {
  return { ok: false, problem: { code: pointErrors.pointRefused, reason } }
}

/**
 * Ends a write that a check did not let pass.
 * @throws SelvedgeError the problem's code; `details` hold `path`, `reason` and, for an unknown path, `near`
 */
export function refuse(path: string, problem: PointProblem): never {
  const near = problem.near && problem.near.length > 0 ? `; did you mean ${problem.near.join(', ')}?` : ''
  throw new SelvedgeError(problem.code, `${path} ${problem.reason}${near}`, {
    ...(problem.cause === undefined ? {} : { cause: problem.cause }),
    details: { path, reason: problem.reason, ...(problem.near ? { near: problem.near } : {}) }
  })
}
