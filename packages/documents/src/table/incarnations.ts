/**
 * New dots for what this node wrote in another incarnation (REG-6): stamp and value stay, and so does the hash.
 *
 * A stray is a register of a former incarnation that peers gave back and no seal has covered. It went ahead of its seal, and its writer
 * died before either was sealed or stored: whether there were writes below it nobody knows, so no vector will ever cover that dot. Its
 * node alone may say so, and writes it as its own anew.
 */
import type { NodeId } from '@selvedge/core'
import type { Coverage } from './coverage.js'
import type { Holdings } from './holdings.js'
import type { Register, WriterLog } from './register.js'

/** Gives registers of this node new dots of `writer`, in their order. */
export function renewDots(registers: readonly Register[], writer: WriterLog, holdings: Holdings, coverage: Coverage): void {
  for (const register of registers) holdings.redot(register, writer, coverage.next(writer))
}

/** What a writer wrote and is held, oldest first. */
export function writtenBy(writer: WriterLog, isLeft: (seq: number) => boolean = () => false): Register[] {
  const registers: Register[] = []
  for (let at = writer.newest; at && !isLeft(at.seq); at = at.older) registers.push(at)
  return registers.reverse()
}

/** Strays of `node`, those of one writer oldest first. */
export function straysOf(node: NodeId, own: WriterLog | undefined, coverage: Coverage): Register[] {
  const strays: Register[] = []
  for (const writer of coverage.writers.values())
    if (writer.node === node && writer !== own) strays.push(...writtenBy(writer, seq => coverage.covers(writer, seq)))
  return strays
}
