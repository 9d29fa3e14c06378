/**
 * A site's typed points: which paths there are and what each may hold. Checked where a write is made, never on merge, so that a
 * node with an older schema still stores and forwards what newer ones write.
 *
 * @example
 * const points = definePoints({
 *   'ahu/:unit/supply-temp': { type: 'number', unit: '°C', min: -40, max: 120 },
 *   'ahu/:unit/mode': { type: 'string', oneOf: ['off', 'heat', 'cool'] }
 * })
 * points.check('ahu/3/supply-temp', 18.5) // { ok: true, value: 18.5 }
 * points.check('ahu/3/supply-tmp', 18.5) // { ok: false, problem: { code: 'POINT_UNKNOWN', near: ['ahu/3/supply-temp'], … } }
 */
import { SelvedgeError, type Value } from '@selvedge/core'
import { anyValue } from './check-value.js'
import { compilePoint, invalidPoints, parsePattern, type Point } from './compile.js'
import type { PointDefinitions, PointKind } from './definition.js'
import { pointErrors } from './errors.js'
import { nearMatches } from './near-matches.js'
import { PathCache } from './path-cache.js'
import { PathTrie } from './path-trie.js'
import type { SchemaShape } from './point-types.js'
import { refuse, refused, type CheckResult, type PointProblem } from './problem.js'

/** Patterns in one schema, and states of its trie (patterns that overlap need several): above it is `POINTS_INVALID`. */
export const pointPatternsMax = 10_000
const trieStatesMax = 50_000

export interface DefinePointsOptions<Strict extends boolean = boolean> {
  /** Whether a path that no pattern matches is refused (the default) or takes any value. */
  readonly strict?: Strict
  /** Paths whose pattern is remembered; beyond it the least used are looked up anew. Default 16,384. */
  readonly cacheEntriesMax?: number
}

const operations: Record<PointKind, string> = {
  plain: 'is one value: set it',
  counter: 'is a counter: add to it',
  set: 'is a set: add or remove elements',
  priority: 'is a priority array: write or relinquish a level'
}

/** Made by {@link definePoints}. */
export class PointSchema<D extends PointDefinitions = PointDefinitions, Strict extends boolean = boolean> implements SchemaShape<
  D,
  Strict
> {
  private readonly byPattern = new Map<string, Point>()
  private readonly trie: PathTrie<Point>
  private readonly cache: PathCache<Point>

  constructor(
    /** As given to `definePoints`; carries the types. */
    readonly definitions: D,
    /** Whether unknown paths are refused. */
    readonly strict: Strict,
    cacheEntriesMax: number
  ) {
    const patterns = Object.entries(definitions)
    if (patterns.length > pointPatternsMax)
      throw new SelvedgeError(pointErrors.pointsInvalid, `${patterns.length} point patterns, the limit is ${pointPatternsMax}`)
    const parsed = patterns.map(([pattern, definition]) => {
      const segments = parsePattern(pattern)
      const entry = compilePoint(pattern, definition)
      this.byPattern.set(pattern, entry)
      return { segments, entry }
    })
    this.trie = PathTrie.build(parsed, trieStatesMax, {
      clash: (earlier, later) => invalidPoints(later.pattern, `it matches the same paths as ${JSON.stringify(earlier.pattern)}`),
      overflow: () => {
        throw new SelvedgeError(
          pointErrors.pointsInvalid,
          `the point patterns overlap too much: more than ${trieStatesMax} lookup states`
        )
      }
    })
    this.cache = new PathCache(cacheEntriesMax)
  }

  /** Every pattern, in the order of definition. */
  get points(): Iterable<Point> {
    return this.byPattern.values()
  }

  /**
   * The point that a path belongs to: a literal segment beats a parameter, from the left. O(segments), remembered per path.
   * Reserved paths (`@…`) and malformed ones belong to none.
   */
  find(path: string): Point | undefined {
    const known = this.cache.get(path)
    if (known) return known
    const found = path.startsWith('@') ? undefined : this.trie.find(path)
    // Unknown paths are not remembered: a client that sends them must not push out those in use.
    if (found) this.cache.add(path, found)
    return found
  }

  /** Parameter name → segment, for a path that a pattern matches. */
  parameters(path: string): Readonly<Record<string, string>> | undefined {
    const point = this.find(path)
    if (!point) return undefined
    const segments = path.split('/')
    return Object.fromEntries(
      point.pattern.split('/').flatMap((name, i) => (name.startsWith(':') ? [[name.slice(1), segments[i]!]] : []))
    )
  }

  /**
   * Whether `value` may be written at `path`. By `kind` it is a value (plain), an increment (counter), an element (set) or a
   * level's value (priority). On success it holds what to store, which a Standard Schema may have made from `value`.
   */
  check(path: string, value: unknown, kind: PointKind = 'plain'): CheckResult<Value> {
    const point = this.find(path)
    if (!point) return this.checkUnknown(path, value)
    return point.kind === kind ? point.check(value) : { ok: false, problem: wrongKind(point.kind) }
  }

  /**
   * Ends a use of a path that is not of the kind asked for.
   * @throws SelvedgeError `POINT_REFUSED`, `POINT_UNKNOWN`
   */
  require(path: string, kind: PointKind): void {
    const point = this.find(path)
    const problem = point ? (point.kind === kind ? undefined : wrongKind(point.kind)) : this.unknownProblem(path)
    if (problem) refuse(path, problem)
  }

  private checkUnknown(path: string, value: unknown): CheckResult<Value> {
    const problem = this.unknownProblem(path)
    return problem ? { ok: false, problem } : anyValue(value)
  }

  private unknownProblem(path: string): PointProblem | undefined {
    if (path.startsWith('@')) return refused("is reserved: paths that start with @ are the runtime's own").problem
    if (!this.strict) return undefined
    return {
      code: pointErrors.pointUnknown,
      reason: 'is not in the point schema',
      near: nearMatches(path, this.byPattern.keys())
    }
  }
}

/** A schema whatever its definitions. */
export type AnyPointSchema = PointSchema

function wrongKind(kind: PointKind): PointProblem {
  return refused(operations[kind]).problem
}

/**
 * Makes a schema from path pattern → definition. A pattern's parameters (`:unit`) match exactly one segment each.
 * @throws SelvedgeError `POINTS_INVALID` for a malformed pattern or definition, and for two patterns that match the same paths
 */
export function definePoints<const D extends PointDefinitions, const Strict extends boolean = true>(
  definitions: D,
  options: DefinePointsOptions<Strict> = {}
): PointSchema<D, Strict> {
  // Without the option Strict is inferred as its default, true.
  const strict = options.strict ?? (true as Strict)
  return new PointSchema(definitions, strict, options.cacheEntriesMax ?? 16_384)
}
