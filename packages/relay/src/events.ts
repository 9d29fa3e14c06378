/** What happens on a relay, told to those who asked for it. */
import type { CloseReason, Logger, NodeId, SiteId, SpaceId } from '@selvedge/core'
import type { HealReport, Health } from '@selvedge/replica'

interface SessionEvent {
  readonly site: SiteId
  readonly node: NodeId
  /** The node's name in its roster. */
  readonly name: string
}

export type RelayEvent =
  | (SessionEvent & { readonly type: 'session-opened' })
  | (SessionEvent & { readonly type: 'session-closed'; readonly reason: CloseReason })
  /** A catch-up with a site is over. */
  | { readonly type: 'healed'; readonly site: SiteId; readonly space: SpaceId; readonly report: HealReport }
  /** An alarm came, changed or went. */
  | { readonly type: 'health'; readonly health: Health }

export class RelayEvents {
  private readonly listeners = new Set<(event: RelayEvent) => void>()

  on(listener: (event: RelayEvent) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  /** A listener's mistake must stop neither the others nor what it was told of. */
  tell(event: RelayEvent, log: Logger): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(event)
      } catch (error) {
        log.error({ err: error, type: event.type }, 'a listener threw')
      }
    }
  }
}
