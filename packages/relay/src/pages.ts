/** The pages that a relay answers: for load balancers, for Prometheus, and no others. */
import type { RelayMetrics } from './metrics.js'
import type { HttpAnswer } from './relay-options.js'
import type { RelayStatus } from './relay-status.js'

export interface PageSources {
  readonly status: () => Pick<RelayStatus, 'node' | 'uptimeMs' | 'notReady'>
  readonly metrics: Pick<RelayMetrics, 'text' | 'contentType'>
}

export async function answerPage(path: string, { status, metrics }: PageSources): Promise<HttpAnswer | undefined> {
  switch (path) {
    case '/healthz': {
      const { node, uptimeMs } = status()
      return json(200, { status: 'alive', node, uptimeMs })
    }
    case '/readyz': {
      const { notReady } = status()
      return notReady.length === 0 ? json(200, { status: 'ready' }) : json(503, { status: 'not ready', reasons: notReady })
    }
    case '/metrics':
      return { status: 200, contentType: metrics.contentType, body: await metrics.text() }
    default:
      return undefined
  }
}

function json(status: number, body: object): HttpAnswer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(body)}\n` }
}
