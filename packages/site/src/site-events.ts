import type { CloseReason, NodeId } from '@selvedge/core'
import type { HealReportWithConflicts, Health } from '@selvedge/replica'
import type { Readiness } from './presence.js'

/** Events of a site, by name. */
export interface SiteEvents {
  /** An alarm came, changed or went. */
  health: [Health]
  /** A catch-up after a partition, or after a start, is over. */
  heal: [HealReportWithConflicts & { readonly space: string }]
  readiness: [Readiness]
  peerUp: [{ readonly node: NodeId; readonly name: string; readonly role: 'node' | 'relay' }]
  peerDown: [{ readonly node: NodeId; readonly name: string; readonly role: 'node' | 'relay'; readonly reason: CloseReason }]
  /** The holder of the trunk changed; undefined: nobody holds it, as far as is known here. */
  trunk: [NodeId | undefined]
}
