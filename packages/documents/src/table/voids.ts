/**
 * Voids (I5): a void is a register under `@void` that names another write by address and stamp. Merge and hash pass over what a
 * void names. It names the stamp and not the dot alone, because a re-dotted register keeps its stamp.
 *
 * The node whose clock was ahead has obeyed what it wrote: there the void takes out a register, and what that had overwritten is
 * gone. So a void also carries what stands beneath the shadow where it was discarded, to be put back.
 */
import { decodeValue, encodeValue, hlcToHex, isHlcTime, isSelvedgeError, limits, pathProblem, type Value } from '@selvedge/core'
import { addressOf, type Entry, slotProblem, type WriterLog } from './register.js'
import { isWriterKey } from './writer-key.js'

/** More than a void takes without the value beneath: a path, a slot, writer keys, numbers and names. */
const namedBytesMax = 1_024

type Named = Pick<Entry, 'path' | 'slot' | 'time' | 'writer'>

/** The writes that are void: those that the void registers of a table name at present. */
export class VoidList {
  private readonly named = new Set<string>()

  get size(): number {
    return this.named.size
  }

  has(entry: Named): boolean {
    return this.named.has(keyOf(addressOf(entry.path, entry.slot), entry.time, entry.writer.node))
  }

  /** Takes up a void register; returns the address that it names, or undefined when it is none that this version can read. */
  add(voiding: Pick<Entry, 'value'>): string | undefined {
    const named = readVoid(voiding)
    if (!named) return undefined
    const address = addressOf(named.path, named.slot)
    this.named.add(keyOf(address, named.time, named.node))
    return address
  }

  /** The void register is overwritten or gone: what it named is merged again. A void can itself be beyond skew, and be voided. */
  remove(voiding: Pick<Entry, 'value'>): void {
    const named = readVoid(voiding)
    if (named) this.named.delete(keyOf(addressOf(named.path, named.slot), named.time, named.node))
  }
}

/** The value of the void that names `entry`; `beneath` is left out when the two together are too large for a value. */
export function valueOfVoid(entry: Named, beneath: Entry | undefined): Value {
  const named = { path: entry.path, slot: entry.slot, time: entry.time, node: entry.writer.node }
  if (!beneath) return named
  const { time, writer, seq, quality, expiresAtMs } = beneath
  // As bytes: a value within a value would be nested deeper than a value may be.
  const value = beneath.value === undefined ? null : encodeValue(beneath.value)
  const whole = { ...named, beneath: { value, time, writer: writer.key, seq, quality, expiresAtMs } }
  return (value?.length ?? 0) + namedBytesMax <= limits.valueBytesMax ? whole : named
}

/** A slot of bounded length, one for each write named. */
export function slotOfVoid(entry: Named): string {
  let hash = 0x811c9dc5
  for (const unit of addressOf(entry.path, entry.slot)) hash = Math.imul(hash ^ unit.codePointAt(0)!, 0x01000193)
  return `${hlcToHex(entry.time)}-${entry.writer.node.slice(-40)}-${(hash >>> 0).toString(16)}`
}

/** What stood beneath the write that a void names, where it was discarded; undefined when the void does not say it soundly. */
export function beneathVoid(voiding: Pick<Entry, 'value'>, intern: (key: string) => WriterLog): Entry | undefined {
  const named = readVoid(voiding)
  const beneath = fieldsOf(named?.beneath)
  if (!named || !beneath || pathProblem(named.path) || (named.slot !== '' && slotProblem(named.slot))) return undefined
  const { time, writer, seq, quality, expiresAtMs } = beneath
  if (
    !isInteger(time) ||
    !isInteger(seq) ||
    !isInteger(quality) ||
    !isInteger(expiresAtMs) ||
    seq < 1 ||
    quality < 0 ||
    quality > 255
  )
    return undefined
  if (typeof writer !== 'string' || !isWriterKey(writer)) return undefined
  const held = readBeneath(beneath['value'])
  return (
    held && { path: named.path, slot: named.slot, ...held, time, writer: intern(writer), seq, quality, expiresAtMs, batch: 0 }
  )
}

function readBeneath(bytes: unknown): { readonly value: Value | undefined } | undefined {
  if (bytes === null) return { value: undefined }
  if (!(bytes instanceof Uint8Array)) return undefined
  try {
    return { value: decodeValue(bytes) }
  } catch (error) {
    if (isSelvedgeError(error)) return undefined
    throw error
  }
}

interface Void {
  readonly path: string
  readonly slot: string
  readonly time: number
  readonly node: string
  readonly beneath: unknown
}

function readVoid(voiding: Pick<Entry, 'value'>): Void | undefined {
  const fields = fieldsOf(voiding.value)
  if (!fields) return undefined
  const { path, slot, time, node, beneath } = fields
  if (typeof path !== 'string' || typeof slot !== 'string' || typeof node !== 'string' || !isInteger(time)) return undefined
  return { path, slot, time, node, beneath }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}

// Safe integers: hybrid times among them.
function isInteger(value: unknown): value is number {
  return typeof value === 'number' && isHlcTime(value)
}

function keyOf(address: string, time: number, node: string): string {
  return `${time} ${node} ${address}`
}
