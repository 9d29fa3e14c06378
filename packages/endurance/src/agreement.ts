/** Waits until replicas at rest are equal: hashes, documents, nothing owed, nothing awaited. */
import type { Rest, View } from './process/protocol.js'
import type { ReplicaProcess } from './replica-process.js'

const askEveryMs = 20

export interface Agreement {
  readonly tookMs: number
  readonly states: ReadonlyMap<string, Rest>
}

/** @throws Error that tells in what the replicas still differ when the time is over */
export async function agreement(
  processes: readonly ReplicaProcess[],
  options: { readonly withinMs: number; readonly nodes: number; readonly signal?: AbortSignal | undefined }
): Promise<Agreement> {
  const startedMs = performance.now()
  for (;;) {
    options.signal?.throwIfAborted()
    const states = new Map(await Promise.all(processes.map(async each => [each.name, await each.ask('state')] as const)))
    const problem = disagreement(states, options.nodes)
    const tookMs = performance.now() - startedMs
    if (problem === undefined) return { tookMs, states }
    if (tookMs > options.withinMs) throw new Error(`after ${(tookMs / 1_000).toFixed(1)} s of rest: ${problem}`)
    await new Promise(resolve => setTimeout(resolve, askEveryMs))
  }
}

/** In what replicas differ, or are not at rest; undefined: in nothing. */
export function disagreement(states: ReadonlyMap<string, Rest>, nodes: number): string | undefined {
  const problems: string[] = []
  for (const space of new Set([...states.values()].flatMap(({ hashes }) => Object.keys(hashes)))) {
    const told = [...states].map(([name, { hashes }]) => `${name} ${hashes[space] ?? 'has none'}`)
    if (new Set([...states.values()].map(({ hashes }) => hashes[space])).size > 1)
      problems.push(`hashes of ${space} differ (${told.join(', ')})`)
  }
  if (new Set([...states.values()].map(({ documents }) => documents)).size > 1) problems.push('the content of documents differs')
  for (const [name, state] of states) {
    if (state.backlog > 0) problems.push(`${name} has a backlog of ${state.backlog}`)
    if (state.receipts > 0) problems.push(`${name} has ${state.receipts} receipts that are not resolved`)
    if (!state.caughtUp) problems.push(`${name} has not caught up`)
    // A node has a session with each other node, the relay with the building.
    if (state.sessions < (name === 'relay' ? 1 : nodes - 1)) problems.push(`${name} has ${state.sessions} sessions`)
  }
  return problems.length === 0 ? undefined : problems.join('; ')
}

/** What each replica holds. */
export async function views(processes: readonly ReplicaProcess[]): Promise<Map<string, View>> {
  return new Map(await Promise.all(processes.map(async each => [each.name, await each.ask('view')] as const)))
}
