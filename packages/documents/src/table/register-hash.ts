/**
 * The incremental multiset hash of a table (I7): the sum, in two 32-bit lanes, of one hash per (address, stamp, value). Sums
 * commute, so tables that hold the same registers have the same hash whatever the order they came in. It finds divergence by
 * fault; it is no defence against a forger, whom sessions keep out.
 */
import { encodeValue } from '@selvedge/core'
import { addressOf, type Register } from './register.js'

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)

let laneA = 0
let laneB = 0

function mixWord(word: number): void {
  laneA = Math.imul(laneA ^ word, 0x85ebca6b)
  laneA ^= laneA >>> 13
  laneB = Math.imul(laneB ^ word, 0xc2b2ae35)
  laneB ^= laneB >>> 16
}

function mixString(text: string): void {
  mixWord(text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    laneA = Math.imul(laneA ^ unit, 0x01000193)
    laneB = Math.imul(laneB ^ unit, 0x5bd1e995) ^ (laneB >>> 15)
  }
}

function mixNumber(value: number): void {
  float[0] = value
  mixWord(words[0]!)
  mixWord(words[1]!)
}

/** Computes a register's contribution and stores it on the register. */
export function hashRegister(register: Register): void {
  laneA = 0x2545f491
  laneB = 0x9e3779b9
  mixString(addressOf(register.path, register.slot))
  mixNumber(register.time)
  mixString(register.writer.node)
  const value = register.value
  if (typeof value === 'number') mixNumber(value)
  else if (typeof value === 'string') {
    mixWord(5)
    mixString(value)
  } else if (typeof value === 'boolean') mixWord(value ? 2 : 1)
  else if (value !== undefined) for (const byte of encodeValue(value)) mixWord(byte)
  register.hashA = finish(laneA ^ laneB)
  register.hashB = finish(laneB)
}

// Signed: half of all unsigned 32-bit numbers are too large for V8 to hold within a field.
function finish(lane: number): number {
  lane ^= lane >>> 16
  lane = Math.imul(lane, 0x7feb352d)
  lane ^= lane >>> 15
  lane = Math.imul(lane, 0x846ca68b)
  return lane ^ (lane >>> 16)
}

/** A table's hash: two lanes and how many registers were summed. */
export interface TableHash {
  readonly a: number
  readonly b: number
  readonly count: number
}

export function hashText(hash: TableHash): string {
  return hexOf(hash.a) + hexOf(hash.b)
}

function hexOf(lane: number): string {
  return (lane >>> 0).toString(16).padStart(8, '0')
}

export function hashesEqual(a: TableHash, b: TableHash): boolean {
  return a.a === b.a && a.b === b.b && a.count === b.count
}
