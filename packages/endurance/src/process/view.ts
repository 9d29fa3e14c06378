/** What a replica holds, whole or as digests, for those who compare replicas with one another and with the ledger. */
import { createHash } from 'node:crypto'
import type { Rest, Stamp, View } from './protocol.js'
import type { Served } from './served.js'

export function viewOf(served: Served): View {
  const { points, state, notes, config } = served
  const { table } = state.replica
  const values = new Map<string, Stamp & { value: unknown }>()
  const composites = { c: new Set<string>(), e: new Set<string>(), o: new Set<string>() }
  for (const register of table.all()) {
    const { path, value, time, writer } = register
    if (value === undefined || table.isExpired(register)) continue
    const kind = path.slice(0, path.indexOf('/'))
    if (kind === 'p' || kind === 's' || kind === 'd') values.set(path, { value, time, writer: writer.key })
    else if (kind === 'c' || kind === 'e' || kind === 'o') composites[kind].add(path)
  }
  return {
    points: values,
    counters: new Map([...composites.c].map(path => [path, points.counter(path).value])),
    sets: new Map([...composites.e].map(path => [path, points.elements(path).values().map(String)])),
    notes: notes.doc.getMap('latest').toJSON(),
    tokens: notes.doc.getArray<string>('tokens').toArray(),
    config: { ...config.current() },
    overrides: [...composites.o].reduce((sum, path) => sum + points.priority(path).levels().length, 0)
  }
}

export function restOf(served: Served, awaited: number): Rest {
  const documents = createHash('sha256')
    .update(JSON.stringify(sorted(served.notes.doc.getMap('latest').toJSON())))
    .update(JSON.stringify(served.notes.doc.getArray('tokens').toJSON()))
    .update(JSON.stringify(served.config.heads().slice().sort()))
    .digest('hex')
    .slice(0, 16)
  return {
    ...served.standing(),
    documents,
    receipts: awaited + served.pendingReceipts(),
    conflicts: served.state.replica.conflicts.count
  }
}

function sorted(record: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}
