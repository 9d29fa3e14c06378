/**
 * How many columns of a terminal a text takes, and cutting it to fit. Counted by what a reader sees as one character: an accent
 * takes none, East Asian characters and emoji take two.
 */
const characters = new Intl.Segmenter('en', { granularity: 'grapheme' })
// Printable ASCII: nearly every text here.
const plain = /^[\x20-\x7e]*$/
const takesNone = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]+$/u
const takesTwo =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u
const escapes = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(\u0007|\u001b\\)|\u001b[@-Z\\-_]/g

/** `text` without escape sequences and control characters: what may be written to a terminal whoever made it. */
export function printable(text: string): string {
  return plain.test(text)
    ? text
    : text.replace(escapes, '').replace(/[\p{Control}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
}

/** Columns that a printable text takes. */
export function textWidth(text: string): number {
  if (plain.test(text)) return text.length
  let width = 0
  for (const { segment } of characters.segment(text)) width += characterWidth(segment)
  return width
}

function characterWidth(character: string): number {
  if (takesNone.test(character)) return 0
  return takesTwo.test(character) ? 2 : 1
}

/** The longest beginning of a printable text that takes at most `columns`, ending in `…` where something was cut off. */
export function truncate(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text
  if (columns <= 0) return ''
  let kept = ''
  let width = 0
  for (const { segment } of characters.segment(text)) {
    const next = width + characterWidth(segment)
    if (next > columns - 1) break
    kept += segment
    width = next
  }
  return `${kept}…`
}

/** Cuts or fills with blanks to exactly `columns`. */
export function fit(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const cut = truncate(text, columns)
  const blanks = ' '.repeat(Math.max(0, columns - textWidth(cut)))
  return align === 'left' ? cut + blanks : blanks + cut
}
