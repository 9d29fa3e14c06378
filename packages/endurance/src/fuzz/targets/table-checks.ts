/** What must hold of a register table whatever it was fed. */
import { ByteReader, ByteWriter } from '@selvedge/core'
import {
  addressOf,
  decodeEntries,
  EntryEncoder,
  hashesEqual,
  Register,
  type RegisterTable,
  WriterDictionary
} from '@selvedge/documents'
import { hold } from '../target.js'
import { newTable } from './sample-values.js'

/** Its hash is that of its registers, its writers' lists are in order, and all of it can be sent. */
export function holdSound(table: RegisterTable): void {
  const held = new Set<Register>([...table.all(), ...table.shadows.values()])
  let listed = 0
  for (const writer of table.writers.values()) {
    for (let at = writer.newest; at; at = at.older) {
      listed++
      hold(held.has(at), 'a writer lists a register that the table does not hold')
      hold(at.writer === writer, 'a writer lists a register of another')
      hold(!at.older || (at.older.seq <= at.seq && at.older.newer === at), 'a list of a writer is out of order')
    }
  }
  hold(listed === held.size, `the writers list ${listed} registers, the table holds ${held.size}`)
  for (const register of table.all())
    hold(table.peekAddress(addressOf(register.path, register.slot)) === register, 'a register is not found at its address')

  const copy = newTable(2, table.node)
  copy.beginLoad().all(
    [...held].map(register => {
      const same = new Register(register.path, register.slot, { ...fieldsOf(register), writer: copy.writer(register.writer.key) })
      same.shadow = register.shadow
      return same
    })
  )
  hold(hashesEqual(copy.hash(), table.hash()), 'the hash kept up to date is not the hash of what is held')
  holdSendable(held, copy)
}

function holdSendable(registers: Iterable<Register>, table: RegisterTable): void {
  const encoder = new EntryEncoder(new WriterDictionary())
  for (const register of registers) encoder.add(register)
  const count = encoder.entries
  const out = new ByteWriter()
  encoder.finish(out)
  const decoded = decodeEntries(new ByteReader(out.finish()), new WriterDictionary(), key => table.writer(key))
  hold(decoded.length === count, 'not every register can be sent')
}

function fieldsOf({ path, slot, value, time, writer, seq, quality, expiresAtMs, batch }: Register) {
  return { path, slot, value, time, writer, seq, quality, expiresAtMs, batch }
}
