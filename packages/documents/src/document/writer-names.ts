/**
 * Writer keys in the messages of a channel. They are long, and the same few come in every message, so each is written out once for a
 * direction of a channel and named by its number from then on.
 *
 * Wire: 0 and a key; 1 and a key, which thereby gets the next number; or two more than a key's number.
 *
 * A number means something only to who has read all that was sent before. So messages that others overtake, which are the long ones,
 * are written without.
 */
import { limits, type ByteReader, type ByteWriter } from '@selvedge/core'
import { messageInvalid } from './errors.js'

const once = 0
const numbered = 1
const firstNumber = 2
/** Keys that are given a number in each direction; those of further writers are written out each time. */
const namesMax = 1_024

/** How the writers of a message are written. */
export type WriteName = (out: ByteWriter, key: string) => void
export type ReadName = (reader: ByteReader) => string

export const writeWholeName: WriteName = (out, key) => void out.uint(once).string(key)

export class WriterNames {
  private readonly keys: string[] = []
  private readonly numbers = new Map<string, number>()

  readonly write: WriteName = (out, key) => {
    const number = this.numbers.get(key)
    if (number !== undefined) out.uint(firstNumber + number)
    else if (this.add(key)) out.uint(numbered).string(key)
    else writeWholeName(out, key)
  }

  /** @throws SelvedgeError when it is malformed */
  readonly read: ReadName = reader => {
    const kind = reader.uint()
    if (kind >= firstNumber) {
      const key = this.keys[kind - firstNumber]
      if (key === undefined) throw messageInvalid(`writer ${kind - firstNumber} was never named`)
      return key
    }
    const key = reader.string(limits.slotBytesMax, 'a writer key')
    if (kind === numbered && !this.add(key)) throw messageInvalid(`more than ${namesMax} writers are named`)
    return key
  }

  private add(key: string): boolean {
    if (this.keys.length >= namesMax) return false
    this.numbers.set(key, this.keys.length)
    this.keys.push(key)
    return true
  }
}
