/**
 * Checks of single values: each maker takes what a definition says and returns a function that answers with what to store, or with
 * a reason that goes on after the path. A limit that can't be kept is found when the check is made, not when it is used.
 */
import { valueProblem, type Value } from '@selvedge/core'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { NumberPoint, StringPoint } from './definition.js'
import { pointErrors } from './errors.js'
import { refused, type CheckResult } from './problem.js'

export type Check = (value: unknown) => CheckResult<Value>

/** Ends a definition that makes no sense. */
export type Fail = (why: string) => never

export const booleanCheck: Check = value => (typeof value === 'boolean' ? { ok: true, value } : expected('a boolean', value))

export const bytesCheck: Check = value =>
  value instanceof Uint8Array ? { ok: true, value } : expected('bytes (a Uint8Array)', value)

export function numberCheck({ min, max, integer, unit }: Partial<NumberPoint>, fail: Fail): Check {
  if (min !== undefined && !Number.isFinite(min)) fail('min must be a finite number')
  if (max !== undefined && !Number.isFinite(max)) fail('max must be a finite number')
  const lowest = min ?? Number.NEGATIVE_INFINITY
  const highest = max ?? Number.POSITIVE_INFINITY
  if (lowest > highest) fail(`min ${min} is above max ${max}`)
  if (integer && Math.ceil(lowest) > highest) fail(`no whole number lies between min ${min} and max ${max}`)
  const suffix = unit ? ` ${unit}` : ''
  return value => {
    if (typeof value !== 'number') return expected('a number', value)
    if (!Number.isFinite(value)) return refused(`takes finite numbers, not ${value}`)
    if (integer && !Number.isInteger(value)) return refused(`takes whole numbers, not ${value}`)
    if (value < lowest) return refused(`is below min ${min}${suffix}: ${value}`)
    if (value > highest) return refused(`is above max ${max}${suffix}: ${value}`)
    return { ok: true, value }
  }
}

export function stringCheck({ maxLength, oneOf }: Partial<StringPoint>, fail: Fail): Check {
  if (maxLength !== undefined && !(Number.isSafeInteger(maxLength) && maxLength >= 0))
    fail('maxLength must be a whole number, 0 or more')
  const longest = maxLength ?? Number.POSITIVE_INFINITY
  const allowed = oneOf === undefined ? undefined : allowedTexts(oneOf, longest, fail)
  return value => {
    if (typeof value !== 'string') return expected('a string', value)
    if (allowed && !allowed.has(value)) return refused(`must be one of ${quoted([...allowed])}, not ${quoted([value])}`)
    if (value.length > longest) return refused(`is longer than ${maxLength}: ${value.length}`)
    const problem = valueProblem(value)
    return problem ? refused(`can't be held: ${problem}`) : { ok: true, value }
  }
}

function allowedTexts(oneOf: readonly unknown[], longest: number, fail: Fail): Set<string> {
  if (!Array.isArray(oneOf) || oneOf.length === 0) return fail('oneOf must be a list of at least one text')
  const allowed = new Set<string>()
  for (const text of oneOf) {
    if (typeof text !== 'string' || valueProblem(text)) return fail('oneOf must be a list of texts')
    if (text.length > longest) fail(`oneOf has ${quoted([text])}, which is longer than maxLength`)
    if (allowed.has(text)) fail(`oneOf has ${quoted([text])} twice`)
    allowed.add(text)
  }
  return allowed
}

/** Takes all that a register can hold. */
export function anyValue(value: unknown): CheckResult<Value> {
  const problem = valueProblem(value)
  // valueProblem is the very definition of a Value at run time.
  return problem ? refused(`can't be held: ${problem}`) : { ok: true, value: value as Value }
}

export function schemaCheck(schema: StandardSchemaV1 | undefined, fail: Fail): Check {
  const standard: StandardSchemaV1['~standard'] | undefined = schema?.['~standard']
  if (typeof standard?.validate !== 'function') return fail("schema is no Standard Schema: it has no ['~standard'].validate")
  return value => {
    let result: ReturnType<StandardSchemaV1['~standard']['validate']>
    try {
      result = standard.validate(value)
    } catch (cause) {
      return { ok: false, problem: { code: pointErrors.pointRefused, reason: 'could not be checked: its schema threw', cause } }
    }
    if (isPromise(result)) {
      result.then(undefined, () => {}) // its outcome no longer matters to anybody, so neither does its failure
      return {
        ok: false,
        problem: {
          code: pointErrors.pointSchemaAsync,
          reason: 'has a schema that answers with a Promise: a write is checked at once'
        }
      }
    }
    return result.issues ? refused(`does not fit its schema: ${issuesText(result.issues)}`) : anyValue(result.value)
  }
}

function isPromise(result: object): result is Promise<unknown> {
  return 'then' in result && typeof result.then === 'function'
}

const issuesShownMax = 3
const textShownMax = 60

function issuesText(issues: readonly StandardSchemaV1.Issue[]): string {
  const shown = issues.slice(0, issuesShownMax).map(issue => {
    const at = issue.path?.map(part => String(typeof part === 'object' ? part.key : part)).join('.')
    return at ? `${at}: ${issue.message}` : issue.message
  })
  if (issues.length > issuesShownMax) shown.push(`and ${issues.length - issuesShownMax} more`)
  return shown.join('; ')
}

function expected(what: string, value: unknown): CheckResult<Value> {
  return refused(`takes ${what}, not ${describe(value)}`)
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string') return quoted([value])
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value instanceof Uint8Array) return 'bytes'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function quoted(texts: readonly string[]): string {
  return texts.map(text => JSON.stringify(text.length > textShownMax ? `${text.slice(0, textShownMax)}…` : text)).join(', ')
}
