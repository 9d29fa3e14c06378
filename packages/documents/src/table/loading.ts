/**
 * Fills an empty table from what was stored: entries in the order in which they were stored, a later form of an address taking the
 * place of an earlier one. Nothing is in step but the places until {@link TableLoading.finish}: so a million registers cost one pass
 * over what was stored, and one over what stands.
 */
import { assert, type Hlc } from '@selvedge/core'
import type { Holdings } from './holdings.js'
import type { DecodedEntry } from './entry-codec.js'
import { addressOf, Register } from './register.js'

export class TableLoading {
  constructor(
    private readonly holdings: Holdings,
    private readonly hlc: Hlc
  ) {
    assert(holdings.changes.index === 0, 'a table is loaded once, before it is used')
  }

  /** Loads all there is. */
  all(stored: Iterable<DecodedEntry>): void {
    const registers = new Set<Register>()
    for (const entry of stored) registers.add(this.put(entry))
    this.finish([[...registers]])
  }

  /** Puts an entry in its place; gives the register of the place, which may have stood there with an earlier form. */
  put(entry: DecodedEntry): Register {
    const places = this.places(entry.shadow)
    const address = entry.slot === '' ? entry.path : addressOf(entry.path, entry.slot)
    let register = places.get(address)
    if (register) register.become(entry)
    else {
      register = new Register(entry.path, entry.slot, entry)
      register.shadow = entry.shadow
      places.set(address, register)
    }
    return register
  }

  /** Empties a place; gives the register that stood there. */
  drop(address: string, shadow: boolean): Register | undefined {
    const places = this.places(shadow)
    const register = places.get(address)
    if (!register) return undefined
    register.gone = true
    places.delete(address)
    return register
  }

  /** Everything is in its place. `inOrder` gives every register that stands, best in the order of their writers' seqs. */
  finish(inOrder: Iterable<readonly Register[]>): void {
    this.hlc.observe(this.holdings.admitLoaded(inOrder))
  }

  private places(shadow: boolean): Map<string, Register> {
    return shadow ? this.holdings.shadows : this.holdings.registers
  }
}
