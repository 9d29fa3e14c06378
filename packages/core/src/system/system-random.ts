import type { Random } from '../random.js'

const chunkMax = 65_536

/** The machine's cryptographic random source (Web Crypto, in Node and in browsers); forks share it. */
export const systemRandom: Random = {
  uint32: () => globalThis.crypto.getRandomValues(new Uint32Array(1))[0]!,
  float: () => globalThis.crypto.getRandomValues(new Uint32Array(1))[0]! / 0x1_0000_0000,
  bytes(length) {
    const out = new Uint8Array(length)
    for (let at = 0; at < length; at += chunkMax)
      globalThis.crypto.getRandomValues(out.subarray(at, Math.min(length, at + chunkMax)))
    return out
  },
  fork: () => systemRandom
}
