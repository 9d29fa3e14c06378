/** Taking leave of many sites at once: storing and sending what is owed, within a limit, and telling each when to come back. */
import type { Clock, CloseReason, Random } from '@selvedge/core'
import type { Replica } from '@selvedge/replica'
import { relayErrors } from './errors.js'

const lookAgainMs = 20
/** No site is asked to stay away for less: whatever takes over must have come up. */
const retryAfterMsMin = 500
const spreadMsMin = 2_000
const defaultPerSecond = 50

/**
 * Stores what the spaces hold and waits until every session was sent it, both together for `timeoutMs` at most: what is left is sent
 * in the next session, and stored when the replica closes if the disk can.
 */
export async function settle(replica: Replica, clock: Clock, timeoutMs: number): Promise<void> {
  const end = clock.monotonicMs() + timeoutMs
  const unstored = new Set(replica.spaces.values())
  for (const space of unstored)
    space.persister.flushNow().then(
      () => unstored.delete(space),
      // What failed is told by the store's health.
      () => unstored.delete(space)
    )
  // At least one turn, so that acks of what was just stored go out.
  do await new Promise<void>(resolve => clock.setTimer(lookAgainMs, resolve))
  while ((unstored.size > 0 || isOwing(replica)) && clock.monotonicMs() < end)
}

function isOwing(replica: Replica): boolean {
  for (const { session } of replica.peers())
    if (session.spaces.some(link => link.remoteIndex !== undefined && link.backlog > 0)) return true
  return false
}

/** A reason with a time to come back that spreads `sessions` sites as thinly as the admission ramp takes them. */
export function drainReason(random: Random, sessions: number, perSecond = defaultPerSecond): CloseReason {
  const spreadMs = Math.max(spreadMsMin, (sessions / perSecond) * 1_000)
  return {
    code: relayErrors.draining,
    message: 'the relay is being shut down: come back, or go to another',
    retryAfterMs: Math.round(retryAfterMsMin + random.float() * spreadMs)
  }
}
