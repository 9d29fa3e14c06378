/** Lengths of time as scenarios say them. */
import { assert } from '@selvedge/core'

/** `'500ms'`, `'10s'`, `'15m'`, `'2h'`, `'60d'`; a number is milliseconds. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export function milliseconds(duration: Duration): number {
  if (typeof duration === 'number') return duration
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration) ?? []
  const ms = Number(amount) * unitsMs[unit ?? '']!
  assert(ms >= 0, `${duration} is no duration: use 500ms, 10s, 15m, 2h, 60d`)
  return ms
}

/** The largest unit in which it is short: `9h`, `1.5s`. */
export function shortly(ms: number): string {
  const [unit, size] = Object.entries(unitsMs).findLast(([, size]) => Math.abs(ms) >= size) ?? ['ms', 1]
  return `${Math.round((ms / size) * 100) / 100}${unit}`
}

/** A time since the start, as a story tells it: `2h 05m 00s`, `3.250s`. */
export function clockTime(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  const [d, h, m, s] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60
  ]
  const two = (value: number): string => String(value).padStart(2, '0')
  const fraction = String(Math.floor(ms % 1_000)).padStart(3, '0')
  return `${d > 0 ? `${d}d ` : ''}${two(h)}:${two(m)}:${two(s)}.${fraction}`
}
