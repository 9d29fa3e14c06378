/** What chance decides on a link, as a function of the link and the time: a message left out disturbs no other's fate. */

/** A number from 0 up to, not including, 1, that looks random and is a function of its arguments. */
export function chanceAt(seed: number, atMs: number, draw: number): number {
  const time = Math.floor(atMs * 1_000)
  let bits =
    seed ^ Math.imul(time | 0, 0x9e3779b1) ^ Math.imul(Math.floor(time / 0x1_0000_0000), 0x85ebca6b) ^ Math.imul(draw, 0x27d4eb2f)
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad)
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97)
  return ((bits ^ (bits >>> 15)) >>> 0) / 0x1_0000_0000
}
