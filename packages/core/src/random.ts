/**
 * Randomness as every part of Selvedge sees it. A fork by label draws a stream of its own, so that one subsystem's draws do not
 * disturb another's when a seeded run is replayed.
 */
export interface Random {
  /** An integer from 0 to 2^32 - 1. */
  uint32(): number
  /** A number from 0 up to, not including, 1. */
  float(): number
  bytes(length: number): Uint8Array
  fork(label: string): Random
}

/** An integer from 0 up to, not including, `bound`. */
export function below(random: Random, bound: number): number {
  return Math.floor(random.float() * bound)
}

/** `bytes` random bytes as lower-case hexadecimal. */
export function randomHex(random: Random, bytes: number): string {
  let hex = ''
  for (const byte of random.bytes(bytes)) hex += byte.toString(16).padStart(2, '0')
  return hex
}

/** A reproducible stream (splitmix-style, 32 bits of state): for tests and simulations, never for keys. */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
  return {
    uint32,
    float: () => uint32() / 0x1_0000_0000,
    bytes: length => Uint8Array.from({ length }, () => uint32() & 0xff),
    // The fork depends on the seed and the label alone, not on what was drawn before.
    fork: label => seededRandom(mix(seed, label))
  }
}

function mix(seed: number, label: string): number {
  let hash = seed ^ 0x9e3779b9
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193)
  return hash ^ (hash >>> 15)
}
