/** A connection that passes everything on: for tests that change one thing about it. */
import type { CloseReason, Connection, ConnectionHandlers } from '@selvedge/core'

export class WrappedConnection implements Connection {
  readonly kind
  readonly remote
  readonly outgoing

  constructor(protected readonly inner: Connection) {
    this.kind = inner.kind
    this.remote = inner.remote
    this.outgoing = inner.outgoing
  }

  get bytesOut(): number {
    return this.inner.bytesOut
  }

  get bytesIn(): number {
    return this.inner.bytesIn
  }

  send(frame: Uint8Array): boolean {
    return this.inner.send(frame)
  }

  attach(handlers: ConnectionHandlers): void {
    this.inner.attach(handlers)
  }

  close(reason?: CloseReason): void {
    this.inner.close(reason)
  }
}
