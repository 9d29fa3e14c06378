/**
 * Glob patterns over paths, for watching. `*` matches one segment, `**` any number of segments (also none), `*` inside a segment
 * any characters of that segment (also none); everything else is literal. A `*` can't be escaped.
 *
 * No regular expression and no backtracking: what stands between wildcards is found leftmost, which is always as good as any
 * later place, so the work is bounded by path segments × pattern segments, whatever the pattern.
 *
 * @example
 * compilePattern('zone/**').matches('zone/3/temp') // true, and so is 'zone'
 * compilePattern('site/ahu-*').literalPrefix // 'site/ahu-'
 */
import { SelvedgeError, limits, pathProblem } from '@selvedge/core'
import { pointErrors } from './errors.js'

export interface PathPattern {
  /** The pattern as it was written. */
  readonly text: string
  /** Whether a path matches, case-sensitively. */
  matches(path: string): boolean
  /** What every matching path starts with: an index can be read from here on. */
  readonly literalPrefix: string
  /** Whether the pattern has no wildcard, so that `literalPrefix` is the one path it matches. */
  readonly literal: boolean
}

type SegmentMatcher = (segment: string) => boolean

/** @throws SelvedgeError `PATTERN_INVALID` */
export function compilePattern(text: string): PathPattern {
  const problem = pathProblem(text)
  if (problem) throw invalid(text, problem)
  const segments = text.split('/')
  for (const segment of segments)
    if (segment.includes('**') && segment !== '**') throw invalid(text, `${JSON.stringify(segment)} mixes ** with other text`)

  const literalPrefix = prefixOf(text)
  if (!text.includes('*')) return { text, literalPrefix, literal: true, matches: path => path === text }
  const runs = runsBetweenGlobstars(segments)
  return {
    text,
    literalPrefix,
    literal: false,
    matches: path => path.startsWith(literalPrefix) && matchRuns(runs, path.split('/'))
  }
}

function invalid(text: unknown, why: string): SelvedgeError {
  const shown = typeof text === 'string' ? JSON.stringify(text.slice(0, limits.pathBytesMax)) : typeof text
  return new SelvedgeError(pointErrors.patternInvalid, `path pattern ${shown} is not valid: ${why}`, { details: { why } })
}

function prefixOf(text: string): string {
  const star = text.indexOf('*')
  if (star < 0) return text
  // A tail of nothing but ** may match no segment at all: then the slash before it is not there either.
  if (/^\*\*(\/\*\*)*$/.test(text.slice(star)) && star > 0 && text[star - 1] === '/') return text.slice(0, star - 1)
  return text.slice(0, star)
}

// 'a/*/**/b' → [[a, *], [b]]: the first run stands at the start of the path, the last at its end.
function runsBetweenGlobstars(segments: readonly string[]): SegmentMatcher[][] {
  const runs: SegmentMatcher[][] = [[]]
  for (const segment of segments) {
    if (segment === '**') runs.push([])
    else runs.at(-1)!.push(segmentMatcher(segment))
  }
  return runs
}

function segmentMatcher(segment: string): SegmentMatcher {
  if (segment === '*') return candidate => candidate.length > 0
  if (!segment.includes('*')) return candidate => candidate === segment
  const pieces = segment.split('*')
  const head = pieces[0]!
  const tail = pieces.at(-1)!
  const middle = pieces.slice(1, -1)
  return candidate => {
    if (candidate.length < head.length + tail.length || !candidate.startsWith(head) || !candidate.endsWith(tail)) return false
    const end = candidate.length - tail.length
    let at = head.length
    for (const piece of middle) {
      const found = candidate.indexOf(piece, at)
      if (found < 0 || found + piece.length > end) return false
      at = found + piece.length
    }
    return true
  }
}

function matchRuns(runs: readonly SegmentMatcher[][], path: readonly string[]): boolean {
  const first = runs[0]!
  const last = runs.at(-1)!
  if (runs.length === 1) return path.length === first.length && runAt(first, path, 0)
  const end = path.length - last.length
  if (end < first.length || !runAt(first, path, 0) || !runAt(last, path, end)) return false
  let at = first.length
  for (let index = 1; index < runs.length - 1; index++) {
    const run = runs[index]!
    while (at + run.length <= end && !runAt(run, path, at)) at++
    if (at + run.length > end) return false
    at += run.length
  }
  return true
}

function runAt(run: readonly SegmentMatcher[], path: readonly string[], at: number): boolean {
  return run.every((matches, offset) => matches(path[at + offset]!))
}
