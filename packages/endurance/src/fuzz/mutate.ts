/**
 * Inputs from inputs: a few random changes of the kinds that find mistakes in decoders. Everything follows from the random source,
 * so that a seed and a number name one input.
 */
import { below, type Random } from '@selvedge/core'
import type { Input, OpenTarget } from './target.js'

const oversizedBytes = 300 * 1024

/** The next input: a valid one mutated, one made by the target, or noise. */
export function nextInput(target: OpenTarget, random: Random): Input {
  const made = freshInput(target, random)
  return target.mend ? target.mend(made, random) : made
}

function freshInput(target: OpenTarget, random: Random): Input {
  const roll = below(random, 100)
  if (roll < 3 || target.corpus.length === 0) return [noise(random, target.bytesMax ?? 4_096)]
  if (roll < 25 && target.generate)
    return below(random, 3) === 0 ? mutated(target.generate(random), target, random) : target.generate(random)
  return mutated(pick(target.corpus, random), target, random)
}

function mutated(input: Input, target: OpenTarget, random: Random): Input {
  const messages = [...input]
  const messagesMax = target.messagesMax ?? 1
  if (messagesMax > 1) reorder(messages, messagesMax, target, random)
  // One change is the likeliest, so that what it breaks is found alone; now and then none, when messages changed places.
  let changes = below(random, messagesMax > 1 ? 5 : 4) === 0 && messagesMax > 1 ? 0 : 1
  while (changes > 0 && changes < 16 && below(random, 2) === 0) changes++
  for (; changes > 0; changes--) {
    const at = below(random, messages.length)
    messages[at] = change(messages[at]!, target, random)
  }
  return messages
}

function reorder(messages: Uint8Array[], max: number, { corpus }: OpenTarget, random: Random): void {
  for (let steps = below(random, 4); steps > 0; steps--) {
    const at = below(random, messages.length)
    const other = below(random, messages.length)
    switch (below(random, 5)) {
      case 0:
        if (messages.length > 1) messages.splice(at, 1)
        break
      case 1:
        if (messages.length < max) messages.splice(other, 0, messages[at]!)
        break
      case 2:
        ;[messages[at], messages[other]] = [messages[other]!, messages[at]!]
        break
      case 3:
        if (messages.length < max) messages.splice(at, 0, pick(pick(corpus, random), random))
        break
      default:
        messages.length = at + 1
    }
  }
}

/** One message with one change. */
function change(bytes: Uint8Array, target: OpenTarget, random: Random): Uint8Array {
  const at = below(random, bytes.length + 1)
  const inside = Math.min(at, Math.max(bytes.length - 1, 0))
  switch (below(random, 18)) {
    case 0:
      return withByte(bytes, inside, byte => byte ^ (1 << below(random, 8)))
    case 1:
      return withByte(bytes, inside, () => random.uint32() & 0xff)
    case 2:
      return withByte(bytes, inside, byte => byte + (below(random, 2) === 0 ? 1 : -1))
    case 3:
      return withByte(bytes, inside, () => pick(interestingBytes, random))
    case 4:
      return bytes.slice(0, at)
    case 5:
      return splice(bytes, bytes.length, 0, noise(random, 64))
    case 6:
      return splice(bytes, at, 0, noise(random, 16))
    case 7:
      return splice(bytes, at, 1 + below(random, 16))
    case 8:
      return splice(bytes, at, 0, bytes.subarray(at, at + 1 + below(random, 32)))
    case 9:
      return splice(bytes, at, 1 + below(random, 2), pick(varints, random))
    case 10:
      return splice(bytes, at, below(random, 2) * 8, pick(integers, random))
    case 11:
      return splice(bytes, at, below(random, 2), pick(brokenUtf8, random))
    case 12:
      return repeat(bytes, at, 1 + below(random, 12), 1 + below(random, 64), target)
    case 13:
      return crossed(bytes, at, pick(pick(target.corpus, random), random), random)
    case 14:
      return target.tokens?.length
        ? splice(bytes, at, below(random, 2) * below(random, 8), pick(target.tokens, random))
        : swapped(bytes, at, random)
    case 15:
      return filled(bytes, at, 1 + below(random, 16), below(random, 2) === 0 ? 0 : 0xff)
    case 16:
      return swapped(bytes, at, random)
    default:
      return below(random, 500) === 0
        ? repeat(bytes, 0, Math.max(bytes.length, 1), 1 + Math.ceil(oversizedBytes / Math.max(bytes.length, 1)), undefined)
        : withByte(bytes, inside, byte => byte ^ 0x80)
  }
}

const interestingBytes = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 63, 64, 65, 127, 128, 129, 192, 224, 240, 254, 255]

/** LEB128: the largest of each length, the largest safe integer and its neighbours, too long, not in the shortest form. */
const varints = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(length => Uint8Array.of(...Array<number>(length - 1).fill(0xff), 0x7f)),
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f),
  Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f),
  Uint8Array.of(0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f),
  Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10),
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f),
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07),
  Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10),
  Uint8Array.of(0x80, 0x80, 0x10),
  Uint8Array.of(0x80, 0x80, 0x04),
  Uint8Array.of(0x80, 0x00),
  Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)
]

/** Fixed-width integers and floats at the edges, of either byte order. */
const integers = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff].flatMap(value => {
  const big = Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
  return [big, Uint8Array.from(big).reverse()]
})
for (const value of [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -0,
  5e-324,
  Number.MAX_VALUE,
  2 ** 53,
  -(2 ** 53),
  0.1
]) {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value, true)
  integers.push(bytes)
}

const brokenUtf8 = [
  Uint8Array.of(0xc0, 0x80),
  Uint8Array.of(0xed, 0xa0, 0x80),
  Uint8Array.of(0xed, 0xbf, 0xbf),
  Uint8Array.of(0xf4, 0x90, 0x80, 0x80),
  Uint8Array.of(0xf0, 0x9f, 0x8c),
  Uint8Array.of(0xf0, 0x9f, 0x8c, 0x8a),
  Uint8Array.of(0xef, 0xbb, 0xbf),
  Uint8Array.of(0xef, 0xbf, 0xbd),
  Uint8Array.of(0x80),
  Uint8Array.of(0xfe),
  Uint8Array.of(0x00),
  Uint8Array.of(0x1b),
  Uint8Array.of(0x2f, 0x2f)
]

function pick<T>(list: readonly T[], random: Random): T {
  return list[below(random, list.length)]!
}

function noise(random: Random, bytesMax: number): Uint8Array {
  // Short noise is the likeliest: long noise fails at its start like short noise does.
  const length = below(random, 1 + below(random, 4) * below(random, Math.max(2, bytesMax / 4)))
  return random.bytes(below(random, 4) === 0 ? length : Math.min(length, 48))
}

function withByte(bytes: Uint8Array, at: number, to: (byte: number) => number): Uint8Array {
  if (bytes.length === 0) return bytes
  const copy = bytes.slice()
  copy[at] = to(copy[at]!)
  return copy
}

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array = empty): Uint8Array {
  const rest = Math.min(bytes.length, at + remove)
  const joined = new Uint8Array(at + insert.length + bytes.length - rest)
  joined.set(bytes.subarray(0, at))
  joined.set(insert, at)
  joined.set(bytes.subarray(rest), at + insert.length)
  return joined
}

const empty = new Uint8Array(0)

function repeat(bytes: Uint8Array, at: number, length: number, times: number, target: OpenTarget | undefined): Uint8Array {
  const piece = bytes.length === 0 ? Uint8Array.of(0xff) : bytes.subarray(at, at + length)
  const bytesMax = target ? (target.bytesMax ?? 4_096) : oversizedBytes * 2
  const count = Math.min(times, Math.floor(bytesMax / Math.max(1, piece.length)))
  const run = new Uint8Array(piece.length * count)
  for (let i = 0; i < count; i++) run.set(piece, i * piece.length)
  return splice(bytes, at, 0, run)
}

function crossed(bytes: Uint8Array, at: number, other: Uint8Array, random: Random): Uint8Array {
  const from = below(random, other.length + 1)
  const piece = other.subarray(from, below(random, 2) === 0 ? other.length : from + 1 + below(random, 64))
  return below(random, 2) === 0 ? splice(bytes.subarray(0, at), at, 0, piece) : splice(bytes, at, piece.length, piece)
}

function filled(bytes: Uint8Array, at: number, length: number, byte: number): Uint8Array {
  return bytes.slice().fill(byte, at, at + length)
}

function swapped(bytes: Uint8Array, at: number, random: Random): Uint8Array {
  const length = 1 + below(random, 8)
  const from = below(random, bytes.length + 1)
  const copy = bytes.slice()
  copy.set(bytes.subarray(from, Math.min(from + length, bytes.length - at + from)), at)
  return copy
}
