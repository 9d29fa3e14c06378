/**
 * A connection carries whole frames, in order, between two replicas that have proved their keys to one another. Over it runs one
 * session. Three kinds exist: mesh (libp2p), trunk (WebSocket), memory (tests and simulations).
 *
 * The conformance suite in `@selvedge/network` holds for every kind.
 */
import type { NodeId, SiteId } from './ids.js'

/** Who is at the other end, as proved in the handshake. */
export interface RemotePeer {
  readonly node: NodeId
  /** The site it belongs to; absent for a relay. */
  readonly site?: SiteId
  readonly role: 'node' | 'relay'
  /** For people: a name from the roster, or the id. */
  readonly name: string
  /** For logs: host and port, or what stands for them. */
  readonly address: string
}

export type ConnectionKind = 'mesh' | 'trunk' | 'memory'

/** Why a connection ended. `code` is stable and crosses the wire where the transport can carry it. */
export interface CloseReason {
  readonly code: string
  readonly message: string
  /** The other end asks not to be dialled again before this many milliseconds have passed. */
  readonly retryAfterMs?: number
}

export interface ConnectionHandlers {
  /** One whole frame; the bytes belong to the receiver. */
  frame(frame: Uint8Array): void
  /** `send` returned false before, and there is room again. */
  drain(): void
  /** Called exactly once, whichever end closed. */
  closed(reason: CloseReason): void
}

export interface Connection {
  readonly kind: ConnectionKind
  readonly remote: RemotePeer
  /** Whether this end dialled. */
  readonly outgoing: boolean
  /**
   * Queues a frame (at most `limits.frameBytesMax` and a small header). False: it was taken, but send nothing further before
   * `drain`. After close it does nothing and returns false.
   */
  send(frame: Uint8Array): boolean
  /** Sets the handlers; frames that came before are delivered in order after this call. Called once. */
  attach(handlers: ConnectionHandlers): void
  /** Idempotent. Frames already queued are sent if the transport can still do so. */
  close(reason?: CloseReason): void
  /** Bytes that this end has put on and taken off the wire, as the transport counts them. */
  readonly bytesOut: number
  readonly bytesIn: number
}
