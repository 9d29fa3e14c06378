/**
 * Close reasons as they cross a wire: `CODE;retryAfterMs;message`, cut to what the transport can carry. What comes from outside is
 * checked: a code is SCREAMING_SNAKE, a retry is bounded, a message is plain text.
 */
import type { CloseReason } from '@selvedge/core'
import { closeCodes } from './errors.js'

const codePattern = /^[A-Z][A-Z0-9_]{0,63}$/
/** No other end can send us away for longer than this. */
export const retryAfterMsMax = 10 * 60_000

/** What a local `close()` without a reason means. */
export const closedReason: CloseReason = { code: closeCodes.closed, message: 'closed' }
/** The other end vanished without a word. */
export const lostReason: CloseReason = { code: closeCodes.lost, message: 'the connection was lost' }

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** At most `bytesMax` (64 or more) bytes of UTF-8; the message is cut, the code and the retry are not. */
export function encodeCloseReason(reason: CloseReason, bytesMax: number): string {
  const text = `${reason.code};${reason.retryAfterMs === undefined ? '' : Math.ceil(reason.retryAfterMs)};${reason.message}`
  const bytes = encoder.encode(text)
  // A character cut in half decodes to U+FFFD, which is longer than what was cut off: drop it.
  return bytes.length <= bytesMax ? text : decoder.decode(bytes.subarray(0, bytesMax)).replace(/\uFFFD+$/, '')
}

/** Reads what {@link encodeCloseReason} wrote; `undefined` for anything else. */
export function parseCloseReason(text: string): CloseReason | undefined {
  const first = text.indexOf(';')
  const second = text.indexOf(';', first + 1)
  if (first < 0 || second < 0 || !codePattern.test(text.slice(0, first))) return undefined
  const code = text.slice(0, first)
  const retry = text.slice(first + 1, second)
  if (!/^\d{0,9}$/.test(retry)) return undefined
  // A log line must not be forged from outside.
  const message = printable(text.slice(second + 1))
  return retry === '' ? { code, message } : { code, message, retryAfterMs: Math.min(Number(retry), retryAfterMsMax) }
}

/** `text` without control characters, at most 300 characters of it. */
export function printable(text: string): string {
  let out = ''
  for (const character of text.slice(0, 300)) out += character < ' ' || character === '\u007f' ? ' ' : character
  return out
}
