/** What a simulated disk holds, record by record: for checks that look for what must not be there. */
import type { SimulatedDisk } from '../disk/simulated-disk.js'

export interface DiskRecord {
  readonly key: string
  readonly value: Uint8Array
}

export function* diskRecords(disk: SimulatedDisk): IterableIterator<DiskRecord> {
  const cursor = disk.entries.cursor()
  for (let entry = cursor.next(); entry; entry = cursor.next()) yield { key: entry[0], value: entry[1] }
}
