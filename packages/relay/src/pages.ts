/** The pages that a relay answers: for load balancers, for Prometheus, and no others. */
import type { NodeId } from '@selvedge/core'
import type { RelayMetrics } from './metrics.js'
import type { HttpAnswer } from './relay-options.js'
import type { NotReady } from './relay-status.js'

export interface PageSources {
  readonly node: NodeId
  readonly uptimeMs: () => number
  readonly notReady: () => readonly NotReady[]
  readonly metrics: Pick<RelayMetrics, 'text' | 'contentType'>
}

export async function answerPage(path: string, sources: PageSources): Promise<HttpAnswer | undefined> {
  switch (path) {
    case '/healthz':
      return json(200, { status: 'alive', node: sources.node, uptimeMs: Math.round(sources.uptimeMs()) })
    case '/readyz': {
      const reasons = sources.notReady()
      return reasons.length === 0 ? json(200, { status: 'ready' }) : json(503, { status: 'not ready', reasons })
    }
    case '/metrics':
      return { status: 200, contentType: sources.metrics.contentType, body: await sources.metrics.text() }
    default:
      return undefined
  }
}

function json(status: number, body: object): HttpAnswer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(body)}\n` }
}
