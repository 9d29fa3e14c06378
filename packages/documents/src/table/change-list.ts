/**
 * All registers of a table by their latest change. A reader that remembers the index up to which it has seen everything takes the
 * list's tail; one that falls behind costs nothing, since a register stands in the list once however often it changes.
 */
import type { Register } from './register.js'

export class ChangeList {
  private last: Register | undefined
  private changes = 0

  /** Number of the latest change. */
  get index(): number {
    return this.changes
  }

  /** Moves a register to the tail, or adds it there, as the latest change. */
  touch(register: Register): void {
    if (this.last !== register) {
      const { last } = this
      if (register.changeIndex !== 0) this.unlink(register)
      register.changedBefore = last
      register.changedAfter = undefined
      if (last !== undefined) last.changedAfter = register
      this.last = register
    }
    register.changeIndex = ++this.changes
  }

  unlink(register: Register): void {
    const { changedBefore, changedAfter } = register
    if (changedAfter !== undefined) changedAfter.changedBefore = changedBefore
    else if (this.last === register) this.last = changedBefore
    if (changedBefore !== undefined) changedBefore.changedAfter = changedAfter
    register.changedBefore = undefined
    register.changedAfter = undefined
  }

  /** Registers changed after `index`, oldest change first. Costs O(changed). */
  since(index: number): Register[] {
    const changed: Register[] = []
    for (let at = this.last; at && at.changeIndex > index; at = at.changedBefore) changed.push(at)
    return changed.reverse()
  }
}
