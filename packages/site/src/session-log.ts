/** What the log says of sessions with peers. */
import type { CloseReason, Logger } from '@selvedge/core'
import type { Peer } from '@selvedge/replica'

export class SessionLog {
  constructor(private readonly log: Logger) {}

  opened({ role, connection: { remote } }: Peer): void {
    this.log.info({ peer: remote.name, role, address: remote.address }, 'session open')
  }

  over({ role, connection: { remote } }: Peer, { code, message }: CloseReason): void {
    this.log.info({ peer: remote.name, role, code }, `session over: ${message}`)
  }

  /** Its hello never completed: nobody would hear of it otherwise. */
  failed({ role, connection: { remote } }: Peer, { code, message }: CloseReason): void {
    this.log.warn({ peer: remote.name, role, code }, `no session came about: ${message}`)
  }
}
