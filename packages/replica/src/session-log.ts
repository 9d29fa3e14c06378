/** What a log says of sessions with peers, on a node and on a relay. */
import type { CloseReason, Logger } from '@selvedge/core'
import type { Peer } from './replica.js'

/** Reasons by which this side or the other lets go in good order: no news that a session never came about. */
const inOrder = new Set(['CLOSED', 'TRUNK_DRAINED', 'TRUNK_DISABLED', 'RELAY_DRAINING'])

export class SessionLog {
  constructor(private readonly log: Logger) {}

  opened(peer: Peer): void {
    this.log.info(named(peer), 'session open')
  }

  over(peer: Peer, { code, message }: CloseReason): void {
    this.log.info({ ...named(peer), code }, `session over: ${message}`)
  }

  /** Its hello never completed: nobody would hear of it otherwise. */
  failed(peer: Peer, { code, message }: CloseReason): void {
    this.log[inOrder.has(code) ? 'debug' : 'warn']({ ...named(peer), code }, `no session came about: ${message}`)
  }
}

function named({ node, role, connection: { remote } }: Peer): object {
  return { ...(remote.site ? { site: remote.site } : {}), peer: remote.name, node, role, address: remote.address }
}
