/**
 * Turns one entry of `definePoints` into a {@link Point} that checks values. Everything wrong with a definition is found here,
 * once: a check never meets a malformed definition.
 */
import { SelvedgeError, pathProblem, type Value } from '@selvedge/core'
import {
  anyValue,
  booleanCheck,
  bytesCheck,
  numberCheck,
  schemaCheck,
  stringCheck,
  type Check,
  type Fail
} from './check-value.js'
import type { CounterPoint, PlainPoint, PointDefinition, PointKind, PriorityPoint, SetPoint } from './definition.js'
import { pointErrors } from './errors.js'
import type { PatternSegment } from './path-trie.js'
import type { CheckResult } from './problem.js'

/** One pattern of a schema, ready for use. */
export interface Point {
  /** As it was written: `ahu/:unit/supply-temp`. */
  readonly pattern: string
  /** A frozen copy of the definition. */
  readonly definition: PointDefinition
  readonly kind: PointKind
  /** Milliseconds after the last write from which the point is overdue, if ever. */
  readonly maxAgeMs: number | undefined
  /** Checks what a write of this point's kind takes: a value, a counter's increment, a set's element, a level's value. */
  check(value: unknown): CheckResult<Value>
}

/** @throws SelvedgeError `POINTS_INVALID` */
export function invalidPoints(pattern: string, why: string): never {
  throw new SelvedgeError(pointErrors.pointsInvalid, `point ${JSON.stringify(pattern)} is not valid: ${why}`, {
    details: { pattern, why }
  })
}

const parameterName = /^:[A-Za-z][A-Za-z0-9_-]*$/

/** The segments of a pattern: a literal each, or `undefined` for a parameter. */
export function parsePattern(pattern: string): PatternSegment[] {
  const problem = pathProblem(pattern)
  if (problem) invalidPoints(pattern, problem)
  if (pattern.startsWith('@')) invalidPoints(pattern, 'paths that start with @ are reserved')
  const names = new Set<string>()
  return pattern.split('/').map(segment => {
    if (segment.includes('*')) invalidPoints(pattern, 'wildcards are for watching; use a parameter such as :unit')
    if (!segment.startsWith(':')) return segment
    if (!parameterName.test(segment))
      invalidPoints(pattern, `${segment} is no parameter name: use a letter, then A-Z, a-z, 0-9, _ and -`)
    if (names.has(segment)) invalidPoints(pattern, `parameter ${segment} stands in it twice`)
    names.add(segment)
    return undefined
  })
}

const fieldsOf: Record<string, readonly string[]> = {
  number: ['unit', 'min', 'max', 'integer'],
  boolean: [],
  string: ['maxLength', 'oneOf'],
  bytes: [],
  json: ['schema'],
  counter: [],
  set: ['of'],
  priority: ['value', 'relinquishDefault']
}

/** @throws SelvedgeError `POINTS_INVALID` */
export function compilePoint(pattern: string, definition: PointDefinition): Point {
  const fail: Fail = why => invalidPoints(pattern, why)
  checkFields(definition, fail)
  const { maxAgeMs } = definition
  if (maxAgeMs !== undefined && !(typeof maxAgeMs === 'number' && Number.isFinite(maxAgeMs) && maxAgeMs > 0))
    fail('maxAgeMs must be a positive number of milliseconds')
  const kind = kindOf(definition)
  return { pattern, definition: Object.freeze({ ...definition }), kind, maxAgeMs, check: checkOf(definition, fail) }
}

function kindOf(definition: PointDefinition): PointKind {
  switch (definition.type) {
    case 'counter':
    case 'set':
    case 'priority':
      return definition.type
    default:
      return 'plain'
  }
}

// Callers without a compiler may pass anything, and a misspelt `mini: 3` must not be a limit that silently isn't there.
function checkFields(definition: unknown, fail: Fail): asserts definition is PointDefinition {
  if (typeof definition !== 'object' || definition === null) fail('its definition must be an object')
  const type: unknown = 'type' in definition ? definition.type : undefined
  if (type === undefined && !('schema' in definition)) fail('it has neither type nor schema')
  const fields =
    type === undefined ? ['schema'] : typeof type === 'string' && Object.hasOwn(fieldsOf, type) ? fieldsOf[type] : undefined
  if (!fields) return fail(`its type must be one of ${Object.keys(fieldsOf).join(', ')}`)
  for (const field of Object.keys(definition))
    if (!fields.includes(field) && field !== 'type' && field !== 'description' && field !== 'maxAgeMs')
      fail(`${typeof type === 'string' ? `type ${type}` : 'a schema'} has no ${JSON.stringify(field)}`)
}

function checkOf(definition: PlainPoint | CounterPoint | SetPoint | PriorityPoint, fail: Fail): Check {
  switch (definition.type) {
    case 'number':
      return numberCheck(definition, fail)
    case 'boolean':
      return booleanCheck
    case 'string':
      return stringCheck(definition, fail)
    case 'bytes':
      return bytesCheck
    case 'counter':
      return numberCheck({}, fail)
    case 'set':
      if (definition.of === 'number') return numberCheck({}, fail)
      if (definition.of !== undefined && definition.of !== 'string') fail("a set is of 'string' or of 'number'")
      return stringCheck({}, fail)
    case 'priority':
      return priorityCheck(definition, fail)
    default:
      if (definition.schema === undefined && definition.type === 'json') return anyValue
      return schemaCheck(definition.schema, fail)
  }
}

const checks = new WeakMap<PlainPoint, Check>()

/**
 * Whether a value fits a plain definition that stands in no schema, such as the `value` of a priority array.
 * @throws SelvedgeError `POINTS_INVALID` for a definition that makes no sense
 */
export function checkPointValue(definition: PlainPoint, value: unknown): CheckResult<Value> {
  let check = checks.get(definition)
  if (!check) {
    check = checkOf(definition, why => invalidPoints('', why))
    checks.set(definition, check)
  }
  return check(value)
}

function priorityCheck(definition: PriorityPoint, fail: Fail): Check {
  const inner: unknown = definition.value
  checkFields(inner, why => fail(`in value: ${why}`))
  if (inner.type !== 'number' && inner.type !== 'boolean' && inner.type !== 'string')
    fail('a priority array holds numbers, booleans or strings')
  const check = checkOf(inner, why => fail(`in value: ${why}`))
  const relinquished = check(definition.relinquishDefault)
  if (!relinquished.ok) fail(`relinquishDefault ${relinquished.problem.reason}`)
  return check
}
