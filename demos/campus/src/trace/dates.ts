/**
 * Dates as trend exports write them, mostly local time without a zone. Only the time between rows matters here, so a local time is
 * counted as if every day had 24 hours; an offset that is written is obeyed.
 *
 * Known: `2015-02-04 17:51:00`, `2015/02/04T17:51Z`, `8/28/2007 0:00`, `8/28/07 12:05 AM`, `28.08.2007 00:00`, `28-Aug-2007 1:05:00 PM EDT`.
 */

/** Which number comes first in `3/11/2017`. */
export type DateOrder = 'month-first' | 'day-first'

const time = String.raw`(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:\s*([AaPp])\.?[Mm]\.?)?)?`
// A zone's name says too little to be obeyed: it is passed over.
const zone = String.raw`\s*(Z|[+-]\d{2}:?\d{2}|[A-Z]{2,5})?`
const yearFirst = new RegExp(String.raw`^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})${time}${zone}$`)
const yearLast = new RegExp(String.raw`^(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})${time}${zone}$`)
const monthNamed = new RegExp(String.raw`^(\d{1,2})[- ]([A-Za-z]{3})[a-z]*[- ](\d{4}|\d{2})${time}${zone}$`)
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** Milliseconds on a scale where only differences mean something, or undefined when `text` is no date. */
export function parseTraceDate(text: string, order: DateOrder): number | undefined {
  const iso = yearFirst.exec(text)
  if (iso) return assemble(Number(iso[1]), Number(iso[2]), Number(iso[3]), iso.slice(4))
  const slashed = yearLast.exec(text)
  if (slashed) {
    // 28.08.2007 and 28-08-2007 are written where the day comes first.
    const dayFirst = slashed[2] !== '/' || order === 'day-first'
    const [first, second] = [Number(slashed[1]), Number(slashed[3])]
    return assemble(fullYear(slashed[4]!), dayFirst ? second : first, dayFirst ? first : second, slashed.slice(5))
  }
  const named = monthNamed.exec(text)
  if (named) return assemble(fullYear(named[3]!), months.indexOf(named[2]!.toLowerCase()) + 1, Number(named[1]), named.slice(4))
  return undefined
}

function fullYear(text: string): number {
  const year = Number(text)
  return text.length === 4 ? year : year < 70 ? 2000 + year : 1900 + year
}

function assemble(year: number, month: number, day: number, rest: readonly (string | undefined)[]): number | undefined {
  const [hours, minutes = '0', seconds = '0', fraction = '0', half, offset] = rest
  const hour = hourOf(Number(hours ?? '0'), half)
  const midnight = Date.UTC(year, month - 1, day)
  const date = new Date(midnight)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  if (hour === undefined || Number(minutes) > 59 || Number(seconds) > 60) return undefined
  const ofDay = ((hour * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Math.round(Number(`0.${fraction}`) * 1000)
  return midnight + ofDay - offsetMs(offset)
}

function hourOf(hour: number, half: string | undefined): number | undefined {
  if (half === undefined) return hour <= 24 ? hour : undefined // some loggers end a day at 24:00
  if (hour < 1 || hour > 12) return undefined
  return (hour % 12) + (half.toLowerCase() === 'p' ? 12 : 0)
}

function offsetMs(offset: string | undefined): number {
  const parts = offset === undefined ? null : /^([+-])(\d{2}):?(\d{2})$/.exec(offset)
  if (!parts) return 0
  return (parts[1] === '-' ? -1 : 1) * (Number(parts[2]) * 60 + Number(parts[3])) * 60_000
}

/**
 * The order in which a file's slashed dates are written, from a sample of them: a number above 12 is a day; failing that, of two
 * numbers the one that rises by one from a date to the next is. Month first where nothing tells.
 */
export function dateOrderOf(sample: Iterable<string>): DateOrder {
  let before: { first: number; second: number } | undefined
  let risen: DateOrder | undefined
  for (const text of sample) {
    const slashed = yearLast.exec(text)
    if (slashed?.[2] !== '/') continue
    const [first, second] = [Number(slashed[1]), Number(slashed[3])]
    if (first > 12) return 'day-first'
    if (second > 12) return 'month-first'
    if (before && !risen) {
      if (first === before.first + 1 && second === before.second) risen = 'day-first'
      else if (second === before.second + 1 && first === before.first) risen = 'month-first'
    }
    before = { first, second }
  }
  return risen ?? 'month-first'
}
