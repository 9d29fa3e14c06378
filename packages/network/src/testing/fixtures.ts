/** Keys, rosters and a log to look at, for the tests of this package. */
import { seededRandom, siteId, type Logger } from '@selvedge/core'
import { Roster } from '../roster.js'
import { nodeKeyFromSeed, type NodeKey } from '../system/node-key.js'

/** The same key for the same number, every time. */
export function testKey(number: number): NodeKey {
  return nodeKeyFromSeed(seededRandom(number).bytes(32))
}

export function testRoster(site: string, nodes: readonly NodeKey[], relay?: NodeKey): Roster {
  return new Roster(
    siteId(site),
    nodes.map(({ node }, i) => ({ name: `${site}-${i + 1}`, node })),
    relay && { name: 'relay', node: relay.node }
  )
}

export interface LogLine {
  readonly details: Record<string, unknown>
  readonly message: string
}

/** A logger that keeps its lines. */
export function recordingLogger(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const keep = (details: object, message: string) => void lines.push({ details: { ...details }, message })
  const log = { lines, debug: keep, info: keep, warn: keep, error: keep, child: () => log }
  return log
}
