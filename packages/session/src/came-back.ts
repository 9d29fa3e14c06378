/**
 * Registers that came back (I6, SES-23): what was covered here and not held, or may have been deleted here and forgotten, and was merged
 * all the same. Others may cover it too and not hold it, or hold the delete that answers it: so it goes on to every peer, whatever that
 * covers, and each that takes it does likewise.
 */
import type { Register } from '@selvedge/documents'

/** Of further ones the first are forgotten, and left to a full compare. */
const keptMax = 65_536

export class CameBack {
  /** With the change that brought each: a later form of the register is one like any other. */
  private readonly forms = new Map<Register, number>()

  constructor(private readonly max = keptMax) {}

  note(register: Register): void {
    this.forms.delete(register)
    this.forms.set(register, register.changeIndex)
    if (this.forms.size <= this.max) return
    const [oldest] = this.forms.keys()
    this.forms.delete(oldest!)
  }

  has(register: Register): boolean {
    return this.forms.size > 0 && this.forms.get(register) === register.changeIndex
  }
}
