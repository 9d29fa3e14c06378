/**
 * Metrics of the process: CPU, memory, event loop, garbage collection. Several relays can live in one process, and what observes the
 * process can't be taken back, so there is one registry of it, made when it is first asked for.
 */
import { collectDefaultMetrics, Registry } from 'prom-client'

let registry: Registry | undefined

export function processMetrics(): Promise<string> {
  if (!registry) {
    registry = new Registry()
    collectDefaultMetrics({ register: registry })
  }
  return registry.metrics()
}
