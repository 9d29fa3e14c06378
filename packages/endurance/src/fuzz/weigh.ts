/** How much memory a decoded thing takes, roughly: that it stands in a fixed ratio to its input is a property of every decoder. */
import { hold } from './target.js'

/** About the bytes of a value and all that it holds; what is shared counts each time. */
export function weigh(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return 16 + value.length
    case 'object':
      break
    default:
      return 8
  }
  if (value === null) return 8
  if (ArrayBuffer.isView(value)) return 64 + value.byteLength
  let bytes = 32
  if (Array.isArray(value)) for (const item of value) bytes += weigh(item)
  else if (value instanceof Map) for (const [key, item] of value) bytes += 32 + weigh(key) + weigh(item)
  else if (value instanceof Set) for (const item of value) bytes += 32 + weigh(item)
  else for (const key of Object.keys(value)) bytes += 8 + weigh((value as Record<string, unknown>)[key])
  return bytes
}

/** Breaks unless what was decoded is at most `factor` times as large as its input, and something for itself. */
export function holdSize(decoded: unknown, inputBytes: number, factor: number): void {
  const bytes = weigh(decoded)
  hold(bytes <= 512 + factor * inputBytes, `${inputBytes} bytes of input became about ${bytes} bytes of memory`)
}

export function totalBytes(input: readonly Uint8Array[]): number {
  return input.reduce((sum, message) => sum + message.length, 0)
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
