/**
 * Reads the column of paths, each written as what it shares with the one before, and the rest. A path becomes one flat string out of
 * a buffer that keeps the shared part: strings joined from pieces cost the engine twice the time and memory as keys of a map.
 */
import { coreErrors, limits, pathProblem, SelvedgeError, type ByteReader } from '@selvedge/core'
import { tableErrors } from './errors.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const slash = 47

/** The path that its owner, a reader by its id, read last, as UTF-8. All readers share it: one block is read after the other. */
const scratch = new Uint8Array(2 * limits.pathBytesMax)
const starts = Array.from({ length: limits.pathBytesMax + 1 }, (_, length) => scratch.subarray(0, length))
let owner = 0
let readers = 0

export class PathReader {
  private readonly id = ++readers
  private path = ''

  /** @throws SelvedgeError `ENTRY_INVALID` or a codec error */
  read(column: ByteReader): string {
    const shared = column.uintUpTo(this.path.length, 'the shared part of a path')
    const length = shared + column.uintUpTo(Math.min(limits.pathBytesMax, column.remaining), 'the length of a path')
    if (owner !== this.id && shared > 0) return this.join(shared, column, length - shared)
    column.copy(length - shared, scratch, shared)
    owner = this.id
    if (!isPlain(shared, length)) return this.join(shared, undefined, length - shared)
    return (this.path = decoder.decode(starts[length]))
  }

  /** In characters where a path has others than ASCII. */
  private join(shared: number, column: ByteReader | undefined, length: number): string {
    const rest = column?.raw(length) ?? scratch.subarray(shared, shared + length)
    this.path = this.path.slice(0, shared) + text(rest)
    const problem = pathProblem(this.path)
    if (problem) throw new SelvedgeError(tableErrors.entryInvalid, `a path is not valid: ${problem}`)
    // Where a character is not a byte, the scratch is of no use to the next path.
    owner = encoder.encodeInto(this.path, scratch).written === this.path.length ? this.id : 0
    return this.path
  }
}

/** Whether the scratch holds a valid path of ASCII characters, given that what comes before `from` was part of one. */
function isPlain(from: number, length: number): boolean {
  if (length === 0 || length > limits.pathBytesMax || scratch[length - 1] === slash) return false
  let last = from === 0 ? slash : scratch[from - 1]
  for (let i = from; i < length; i++) {
    const byte = scratch[i]!
    if (byte < 32 || byte > 127 || (byte === slash && last === slash)) return false
    last = byte
  }
  return true
}

function text(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new SelvedgeError(coreErrors.codecInvalid, 'a path is not valid UTF-8', { cause })
  }
}
