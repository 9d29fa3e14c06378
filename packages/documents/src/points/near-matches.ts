/**
 * "Did you mean": the paths of a schema nearest to one that it does not know. Parameters take the unknown path's own segments, so
 * that the suggestion can be used as it stands. Bounded: it looks at the first patterns and at the start of long segments only,
 * since a client may send unknown paths all day.
 */
const patternsMax = 512
const segmentLengthMax = 48
const nearMax = 3
/** A pattern further away than this share of the path's length is no suggestion. */
const distanceShareMax = 0.4

/** Suggestions for `path`, nearest first, at most three. */
export function nearMatches(path: string, patterns: Iterable<string>): string[] {
  const segments = path.split('/')
  const found: { text: string; distance: number }[] = []
  let looked = 0
  for (const pattern of patterns) {
    if (looked++ >= patternsMax) break
    const near = compare(segments, pattern.split('/'))
    if (near.distance <= Math.max(2, path.length * distanceShareMax)) found.push(near)
  }
  found.sort((a, b) => a.distance - b.distance || (a.text < b.text ? -1 : 1))
  return [...new Set(found.map(each => each.text))].slice(0, nearMax)
}

function compare(path: readonly string[], pattern: readonly string[]): { text: string; distance: number } {
  let distance = 0
  const text = pattern.map((segment, index) => {
    const given = path[index]
    if (segment.startsWith(':')) {
      if (given) return given
      distance += 1
      return segment
    }
    distance += given === undefined ? segment.length + 1 : editDistance(given, segment)
    return segment
  })
  for (const extra of path.slice(pattern.length)) distance += extra.length + 1
  return { text: text.join('/'), distance }
}

// Levenshtein, 1966: insertions, deletions and replacements, one row at a time.
function editDistance(left: string, right: string): number {
  if (left === right) return 0
  const a = left.slice(0, segmentLengthMax)
  const b = right.slice(0, segmentLengthMax)
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1)))
    row = next
  }
  return row[b.length]! + Math.abs(left.length - a.length - (right.length - b.length))
}
