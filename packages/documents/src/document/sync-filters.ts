/**
 * The Bloom filters of Automerge sync messages. A filter names how often each change is looked up in it, and Automerge makes room for
 * as many answers at once, change by change: a message of twenty bytes could take a gigabyte. Automerge's own looks seven times, and a
 * message of its own has one filter.
 *
 * Source: https://arxiv.org/abs/2012.00472 (the algorithm of the filters); the layout was read off Automerge 3's own messages.
 */
import { ByteReader } from '@selvedge/core'

const filtersMax = 16
const lookupsMax = 64

/** @throws Error when filters are many, or one of them can't be read, has no bits, or asks for many lookups */
export function checkFilters(filters: readonly Uint8Array[]): void {
  if (filters.length > filtersMax) throw new Error(`a sync message has ${filters.length} filters, at most ${filtersMax} are read`)
  for (const filter of filters) {
    if (filter.length === 0) continue
    const reader = new ByteReader(filter)
    const [entries, bitsPerEntry, lookups] = [reader.uint(), reader.uint(), reader.uint()]
    if (lookups > lookupsMax) throw new Error(`a filter asks for ${lookups} lookups, at most ${lookupsMax} are made`)
    if (entries > 0 && bitsPerEntry === 0) throw new Error('a filter has entries and no bits')
  }
}
