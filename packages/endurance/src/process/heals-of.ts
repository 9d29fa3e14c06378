/** Heal reports in the few words that a run looks at. */
import type { HealReportWithConflicts } from '@selvedge/replica'
import type { Heal } from './protocol.js'

/** Newest first; those of one millisecond by their recorder. */
export function healsOf(reports: readonly HealReportWithConflicts[]): Heal[] {
  return reports.map(healOf).sort((a, b) => b.atMs - a.atMs || (a.by < b.by ? -1 : a.by > b.by ? 1 : 0))
}

function healOf(report: HealReportWithConflicts): Heal {
  const { by, peerRole, atMs, registersReceived, registersApplied, registersSent, conflicts, losers } = report
  return {
    by,
    peerRole,
    atMs,
    registersReceived,
    registersApplied,
    registersSent,
    conflicts,
    // Losers of one millisecond are listed in no order.
    loserPaths: losers.map(({ path }) => path).sort()
  }
}
