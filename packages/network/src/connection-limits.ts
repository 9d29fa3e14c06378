/** Bounds of every connection; what happens at each stands beside it. */
import { limits } from '@selvedge/core'

export const connectionLimits = {
  /** A longer frame: sending one is a programmer's mistake (assert); receiving one closes with `FRAME_TOO_LARGE`. */
  frameBytesMax: limits.frameBytesMax + 1024,
  /** Bytes queued in this process at which `send` answers false. */
  highWaterBytes: 1024 * 1024,
  /** Bytes queued in this process at or below which `drain` is told. */
  lowWaterBytes: 256 * 1024,
  /** A sender that goes on in spite of false: with more than this queued the connection closes with `CONNECTION_OVERFLOW`. */
  queueBytesMax: 8 * 1024 * 1024,
  /** Bytes held for a connection without handlers, from which on the transport stops reading (it may go over by what was under way). */
  heldBytesMax: 1024 * 1024,
  /** Time a closing connection has to send what is queued; then it is cut. */
  closeTimeoutMs: 2_000
} as const
