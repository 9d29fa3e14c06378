/** A number for what a replica covers, the same for equal coverage: vectors compared at the price of a look at each writer. */
import type { SpaceLedger } from './space-ledger.js'
import type { Watched } from './observer.js'

/** `undefined`: it holds dots above its vector, so that its coverage does not tell what it holds. */
export function coverageFingerprint({ table, ledger }: Pick<Watched, 'table' | 'ledger'>): number | undefined {
  let a = 0
  let b = 0
  const anyClosed = table.closed.size > 0
  for (const writer of table.writers.values()) {
    if (anyClosed && table.isClosed(writer)) continue
    const { covered, newest } = writer
    if (newest !== undefined && newest.seq > covered) return undefined
    if (covered === 0) continue
    const part = mix(indexOf(ledger, writer), covered)
    a = (a + part) | 0
    b = (b + Math.imul(part ^ 0x5bd1e995, 0x2c1b3c6d)) | 0
  }
  if (anyClosed)
    for (const [node, time] of table.closed) {
      const part = mix(textMix(node), time)
      a = (a + part) | 0
      b = (b ^ Math.imul(part, 0x27d4eb2f)) | 0
    }
  return (a >>> 0) * 0x20_0000 + ((b >>> 0) & 0x1f_ffff)
}

function indexOf(ledger: SpaceLedger, writer: Parameters<SpaceLedger['author']>[0]): number {
  return ledger.author(writer).index + 1
}

function mix(index: number, value: number): number {
  let hash = Math.imul(index, 0x9e3779b1) ^ Math.imul(value | 0, 0x85ebca6b) ^ Math.imul((value / 0x1_0000_0000) | 0, 0xc2b2ae35)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  hash ^= hash >>> 12
  return Math.imul(hash, 0x297a2d39) ^ (hash >>> 15)
}

function textMix(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
