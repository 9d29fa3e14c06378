/**
 * The digest of a set of records: their number and two sums over their mixed checksums. Adding and removing a record cost the same
 * whatever the size of the set, and the order does not matter. A record missing, doubled or replaced by an older one changes it.
 */
export class SetDigest {
  count = 0
  /** Two sums modulo 2^32 of differently mixed checksums: 64 bits against sets that cancel out by chance. */
  low = 0
  high = 0

  add(checksum: number): void {
    this.count++
    this.low = (this.low + mix(checksum)) >>> 0
    this.high = (this.high + mix(checksum ^ highSeed)) >>> 0
  }

  remove(checksum: number): void {
    this.count--
    this.low = (this.low - mix(checksum)) >>> 0
    this.high = (this.high - mix(checksum ^ highSeed)) >>> 0
  }

  equals(other: Readonly<SetDigest>): boolean {
    return this.count === other.count && this.low === other.low && this.high === other.high
  }

  static of(checksums: Iterable<number>): SetDigest {
    const digest = new SetDigest()
    for (const checksum of checksums) digest.add(checksum)
    return digest
  }
}

const highSeed = 0x9e37_79b9

// The finalizer of MurmurHash3: CRC-32 is linear, so that without mixing two changes could cancel out.
function mix(value: number): number {
  let hash = value | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
