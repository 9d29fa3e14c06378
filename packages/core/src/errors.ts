/**
 * The one error class of Selvedge. A failure that a caller may want to catch carries a stable `code`; every code stands under a
 * heading of its own in the README of the package that throws it, and a test compares the two lists.
 *
 * @example
 * try { await site.close() } catch (error) { if (isSelvedgeError(error, 'STORE_LOCKED')) … }
 */
export class SelvedgeError extends Error {
  /** Stable, machine-readable: never changes its meaning between versions. */
  readonly code: string
  /** What the message speaks of, for logs and programs: plain JSON-like data, never secrets. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: string, message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'SelvedgeError'
    this.code = code
    this.details = options.details ?? {}
  }

  toJSON(): { code: string; message: string; details: Readonly<Record<string, unknown>> } {
    return { code: this.code, message: this.message, details: this.details }
  }
}

/** True for a {@link SelvedgeError}, and, when `code` is given, only for one of that code. */
export function isSelvedgeError(error: unknown, code?: string): error is SelvedgeError {
  return error instanceof SelvedgeError && (code === undefined || error.code === code)
}

/** Guards what only a programmer's mistake can break; never used for input from outside. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}

/** Codes that this package throws. */
export const coreErrors = {
  idInvalid: 'ID_INVALID',
  pathInvalid: 'PATH_INVALID',
  valueInvalid: 'VALUE_INVALID',
  valueTooLarge: 'VALUE_TOO_LARGE',
  codecTruncated: 'CODEC_TRUNCATED',
  codecInvalid: 'CODEC_INVALID',
  codecOverflow: 'CODEC_OVERFLOW',
  hlcOverflow: 'HLC_OVERFLOW'
} as const
