/**
 * Entries as honest replicas write them: a node's stamp names one write of an address (I4). So what stands in it follows from
 * address, node and time; what can vary is the dot (re-dots of a later incarnation) and, once expired, whether it is a tombstone.
 */
import fc from 'fast-check'
import type { Entry, RegisterTable } from '../table/index.js'
import { entryFor, startMs, writerKey } from './table-kit.js'

export const nodes = ['b', 'c', 'd'] as const
const addresses = [
  ['p/1', ''],
  ['p/2', ''],
  ['p/2', 's'],
  ['p/3', 't']
] as const
/** Milliseconds after the start; the last two are beyond a skew of five minutes. */
const times = [1, 2, 3, 4, 500_000, 600_000] as const

export interface Draft {
  readonly address: number
  readonly node: number
  readonly time: number
  /** 0: the dot that the write was born with; 1: a later one of that incarnation; 2: one of the next incarnation. */
  readonly dot: number
  /** The form after its expiry, if it has one. */
  readonly buried: boolean
}

export function draftArbitrary(): fc.Arbitrary<Draft> {
  return fc.record({
    address: fc.nat(addresses.length - 1),
    node: fc.nat(nodes.length - 1),
    time: fc.nat(times.length - 1),
    dot: fc.nat(2),
    buried: fc.boolean()
  })
}

/** The entry of a draft, as `table` would decode it. */
export function entryOfDraft(table: RegisterTable, draft: Draft): Entry {
  const [path, slot] = addresses[draft.address]!
  const kind = (draft.address + 2 * draft.node + draft.time) % 5
  const expires = kind === 4
  return entryFor(table, {
    path,
    slot,
    value: kind === 0 || (expires && draft.buried) ? undefined : `${draft.address}${draft.node}${draft.time}`,
    atMs: times[draft.time]!,
    writer: writerKey(nodes[draft.node]!, draft.dot === 2 ? 1 : 0),
    seq: (draft.time * addresses.length + draft.address) * 2 + (draft.dot === 1 ? 2 : 1),
    expiresAtMs: expires ? startMs + 1_000 + draft.time : 0
  })
}
