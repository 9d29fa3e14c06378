/** The smallest single replacement that makes one text into another, so that a concurrent edit elsewhere in it still merges. */

export interface Replacement {
  /** In UTF-16 units. */
  readonly at: number
  readonly remove: number
  readonly insert: string
}

export function replacement(before: string, after: string): Replacement {
  const shortest = Math.min(before.length, after.length)
  let head = 0
  while (head < shortest && before[head] === after[head]) head++
  if (splits(before, head) || splits(after, head)) head--
  let tail = 0
  while (tail < shortest - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++
  if (splits(before, before.length - tail) || splits(after, after.length - tail)) tail--
  return { at: head, remove: before.length - head - tail, insert: after.slice(head, after.length - tail) }
}

/** Whether a cut at `at` goes through a surrogate pair. */
function splits(text: string, at: number): boolean {
  return (
    at > 0 &&
    at < text.length &&
    isHigh(text.charCodeAt(at - 1)) &&
    !isHigh(text.charCodeAt(at)) &&
    text.charCodeAt(at) >= 0xd800 &&
    text.charCodeAt(at) < 0xe000
  )
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}
