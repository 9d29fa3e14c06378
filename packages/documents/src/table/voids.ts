/**
 * Voids (I5): a void is a register under `@void` that names another write by address and stamp. Merge and hash pass over what a
 * void names. It names the stamp and not the dot alone, because a re-dotted register keeps its stamp.
 */
import { hlcToHex, isHlcTime, type Value } from '@selvedge/core'
import { addressOf, type Entry } from './register.js'

export const voidPath = '@void'

type Named = Pick<Entry, 'path' | 'slot' | 'time' | 'writer'>

export class VoidList {
  private readonly named = new Set<string>()

  get size(): number {
    return this.named.size
  }

  has(entry: Named): boolean {
    return this.named.has(keyOf(addressOf(entry.path, entry.slot), entry.time, entry.writer.node))
  }

  /** Takes up a void register; returns the address that it names, or undefined when it is none that this version can read. */
  add(register: Pick<Entry, 'value'>): string | undefined {
    const named = readVoid(register)
    if (!named) return undefined
    this.named.add(keyOf(named.address, named.time, named.node))
    return named.address
  }

  /** The void register is overwritten or gone: what it named is merged again. A void can itself be beyond skew, and be voided. */
  remove(register: Pick<Entry, 'value'>): void {
    const named = readVoid(register)
    if (named) this.named.delete(keyOf(named.address, named.time, named.node))
  }

  /** The address that a void register names. */
  static addressIn(register: Pick<Entry, 'value'>): string | undefined {
    return readVoid(register)?.address
  }

  static valueOf(entry: Named): Value {
    return { path: entry.path, slot: entry.slot, time: entry.time, node: entry.writer.node }
  }

  /** A slot of bounded length, one for each write named. */
  static slotOf(entry: Named): string {
    let hash = 0x811c9dc5
    for (const unit of addressOf(entry.path, entry.slot)) hash = Math.imul(hash ^ unit.codePointAt(0)!, 0x01000193)
    return `${hlcToHex(entry.time)}-${entry.writer.node.slice(-40)}-${(hash >>> 0).toString(16)}`
  }
}

function readVoid(register: Pick<Entry, 'value'>): { address: string; time: number; node: string } | undefined {
  const value = register.value as Record<string, unknown> | undefined
  if (typeof value !== 'object' || value === null) return undefined
  const { path, slot, time, node } = value
  if (typeof path !== 'string' || typeof slot !== 'string' || typeof time !== 'number' || typeof node !== 'string')
    return undefined
  return isHlcTime(time) ? { address: addressOf(path, slot), time, node } : undefined
}

function keyOf(address: string, time: number, node: string): string {
  return `${time} ${node} ${address}`
}
