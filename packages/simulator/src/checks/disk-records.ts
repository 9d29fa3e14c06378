/** What a simulated disk holds, record by record: for checks that look for what must not be there. */
import type { MemoryDisk } from '@selvedge/store'

export interface DiskRecord {
  readonly key: string
  readonly value: Uint8Array
}

export function* diskRecords(disk: MemoryDisk): IterableIterator<DiskRecord> {
  for (const [space, records] of disk.spaces) for (const [key, value] of records) yield { key: `${space} ${key}`, value }
}
