/**
 * Heal reports: what a merge after a partition changed, and which writes lost. A report is a register of its space, in a ring a
 * recorder, so that every node of the building can show what the trunk's holder merged, and so that it has the space's residency.
 */
import type { NodeId, Value } from '@selvedge/core'
import type { RegisterTable } from '@selvedge/documents'
import type { CatchUpReport } from '@selvedge/session'
import { ringCount, ringValues } from './ring-values.js'

const healPrefix = '@heal/'
const reportsKept = 32
const listedMax = 100

export interface HealReport {
  /** The replica that merged, and the one that it merged with. */
  readonly by: NodeId
  readonly peer: NodeId
  readonly peerRole: 'node' | 'relay'
  /** Wall milliseconds (trusted) at which the catch-up began. */
  readonly atMs: number
  readonly durationMs: number
  /** How long the two had not been in touch, when the recorder knows. */
  readonly apartMs: number | undefined
  readonly registersReceived: number
  readonly registersApplied: number
  readonly registersSent: number
  /** Conflicts judged in this merge; their losers are in the conflict log. */
  readonly conflicts: number
  /** Ids of documents that either side had changed, the first 100. */
  readonly documents: readonly string[]
  /** Addresses of deleted registers that a late returner brought back, the first 100. */
  readonly returned: readonly string[]
  /** Registers dropped because the peer had collected their deletes. */
  readonly dropped: number
}

export function recordHeal(table: RegisterTable, report: CatchUpReport, apartMs: number | undefined): HealReport {
  const heal: HealReport = {
    by: table.node,
    peer: report.peer,
    peerRole: report.role,
    atMs: Math.floor(report.startedAtMs),
    durationMs: Math.max(0, Math.round(report.durationMs)), // trusted time may step back while peers come in
    apartMs: apartMs === undefined ? undefined : Math.round(apartMs),
    registersReceived: report.registersReceived,
    registersApplied: report.registersApplied,
    registersSent: report.registersSent,
    conflicts: report.conflicts,
    documents: report.documents.slice(0, listedMax),
    returned: report.returned.slice(0, listedMax),
    dropped: report.dropped
  }
  const next = ringCount(table, `${healPrefix}${table.node}`) ?? 0
  table.batch(() => {
    table.set(`${healPrefix}${table.node}/${next % reportsKept}`, { ...heal, apartMs: heal.apartMs ?? null })
    table.set(`${healPrefix}${table.node}`, next + 1)
  })
  return heal
}

/** Reports of every recorder, newest first; those of one instant in the same order on every replica. */
export function readHeals(table: RegisterTable): HealReport[] {
  const reports: HealReport[] = []
  const recorders = new Set([...table.writers.values()].map(writer => writer.node))
  for (const node of [...recorders].sort()) {
    const next = ringCount(table, `${healPrefix}${node}`) ?? 0
    // From its newest on, around its ring.
    for (let back = 1; back <= reportsKept; back++) {
      const index = (((next - back) % reportsKept) + reportsKept) % reportsKept
      for (const value of ringValues(table, `${healPrefix}${node}/${index}`)) {
        const report = reportOf(value)
        if (report) reports.push(report)
      }
    }
  }
  return reports.sort((a, b) => b.atMs - a.atMs)
}

function reportOf(value: Value): HealReport | undefined {
  if (typeof value !== 'object' || value === null || !('peerRole' in value)) return undefined
  const fields = value as unknown as Record<string, unknown>
  const numbers = ['atMs', 'durationMs', 'registersReceived', 'registersApplied', 'registersSent', 'conflicts', 'dropped']
  if (
    numbers.some(name => typeof fields[name] !== 'number') ||
    ['by', 'peer'].some(name => typeof fields[name] !== 'string') ||
    ['documents', 'returned'].some(name => !isTexts(fields[name])) ||
    (fields['peerRole'] !== 'node' && fields['peerRole'] !== 'relay')
  )
    return undefined
  return { ...(fields as unknown as HealReport), apartMs: typeof fields['apartMs'] === 'number' ? fields['apartMs'] : undefined }
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(text => typeof text === 'string')
}
