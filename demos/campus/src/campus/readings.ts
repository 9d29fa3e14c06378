/** What the story reads out of processes' reports, and what it writes. */
import type { Child } from './child.js'
import type { NodeReport, Write } from './protocol.js'

export const commissioned = 40
export const sharedPoints = 20

export function reportOf(child: Child): NodeReport | undefined {
  return child.nodeReport
}

/** The first of the nodes to say that it holds the trunk. */
export function heldBy(nodes: readonly Child[]): Promise<Child> {
  return Promise.any(
    nodes.map(node => node.until(() => reportOf(node)?.status.trunk?.held === true, 20_000, 'the trunk').then(() => node))
  )
}

export function holderOf(nodes: readonly Child[]): string {
  return nodes.find(node => reportOf(node)?.status.trunk?.held)?.name ?? 'nobody'
}

export function meshPeers(child: Child): number {
  return reportOf(child)?.status.peers.filter(({ role }) => role === 'node').length ?? 0
}

export function hashOf(child: Child, site: string, space: string): string | undefined {
  const spaces = child.relayReport
    ? child.relayReport.status.sites.find(other => other.site === site)?.spaces
    : child.nodeReport?.status.spaces
  return spaces?.find(other => other.space === space)?.hash
}

export function setpoints(value: number): Write[] {
  return Array.from({ length: sharedPoints }, (_, i) => ({ path: `zone/${i + 1}/setpoint`, value: value + i / 100 }))
}

export function commissioning(batch: string): Write[] {
  return Array.from({ length: commissioned }, (_, i) => ({ path: `commissioning/${batch}-${i + 1}`, value: i + 1 }))
}

export function percentile(values: readonly number[], at: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((x, y) => x - y)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))]! * 10) / 10
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
