/** What a running replica takes from outside. Everything below `site` and `relay` gets these and asks no global. */
import type { Clock } from './clock.js'
import type { Random } from './random.js'

export interface Environment {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

/** Structured logging in pino's shape: details first, then a constant sentence. */
export interface Logger {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
  child(bindings: Record<string, unknown>): Logger
}

/** Drops everything: the default of tests. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger
}
