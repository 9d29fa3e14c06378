/** Values and times as people read them. What comes from other nodes can't move the cursor nor colour the terminal. */

/** `text` with control characters spelled out. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, character =>
    character === '\u200d' ? character : `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`
  )
}

/** A register's value in one line: texts as they are, bytes as their number, everything else as JSON. */
export function shownValue(value: unknown, lengthMax = Number.POSITIVE_INFINITY): string {
  const text = printable(typeof value === 'string' ? value : value === undefined ? '–' : shownObject(value))
  if (text.length <= lengthMax) return text
  const characters = Array.from(segmenter.segment(text), ({ segment }) => segment)
  return characters.length <= lengthMax ? text : `${characters.slice(0, lengthMax - 1).join('')}…`
}

const segmenter = new Intl.Segmenter()

/** Characters as people count them; those that a terminal draws double are rare in paths and names. */
export function width(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : Array.from(segmenter.segment(text)).length
}

function shownObject(value: unknown): string {
  if (typeof value === 'object' && value !== null && '$bytes' in value && typeof value.$bytes === 'string') {
    const bytes = Buffer.from(value.$bytes, 'base64')
    return `${bytes.length} bytes ${bytes.subarray(0, 8).toString('hex')}${bytes.length > 8 ? '…' : ''}`
  }
  return JSON.stringify(value)
}

const steps = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000]
] as const

/** `3 s`, `2 min`, `5 h`, `12 d`; below a second `250 ms`. */
export function shownDuration(ms: number): string {
  const [unit, size] = steps.find(([, stepMs]) => Math.abs(ms) >= stepMs) ?? ['ms', 1]
  return `${Math.round(ms / size)} ${unit}`
}

export function shownAge(ageMs: number): string {
  return ageMs < 1_000 ? 'just now' : `${shownDuration(ageMs)} ago`
}

/** Local time: `14:05:09`, with the day when it was not today. */
export function shownTime(atMs: number, nowMs: number): string {
  const at = new Date(atMs)
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(part => String(part).padStart(2, '0')).join(':')
  return at.toDateString() === new Date(nowMs).toDateString() ? time : `${day(at)} ${time}`
}

function day(at: Date): string {
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(part => String(part).padStart(2, '0')).join('-')
}

export function shownBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(1)} GB`
}
