/** Decoders with the faults that fuzzing is there to find: they show that it does. Not among those that are listed. */
import { SelvedgeError } from '@selvedge/core'
import { decoding, type Target } from '../target.js'

const kept: number[][] = []
const madeUpCode = 'MADE_UP'

function faulty(name: string, from: string, decode: (bytes: Uint8Array) => void): Target {
  return {
    name,
    from,
    reaches: [],
    open: () => ({ corpus: [[Uint8Array.of(1, 2, 3, 4)]], take: ([bytes]) => decoding(() => decode(bytes!)) })
  }
}

export const faultyTargets: readonly Target[] = [
  faulty('faulty-type', 'a TypeError for a byte above 250', bytes => {
    if (bytes.some(byte => byte > 250)) (undefined as unknown as Uint8Array).at(0)
  }),
  faulty('faulty-code', 'a code that nobody explains', bytes => {
    if (bytes.length > 6) throw new SelvedgeError(madeUpCode, 'a code of its own')
  }),
  faulty('faulty-loop', 'no end for a byte above 250', bytes => {
    let at = 0
    while (bytes.some(byte => byte > 250)) at++
    kept.push([at])
  }),
  faulty('faulty-exit', 'the end of the process for a byte above 250', bytes => {
    if (bytes.some(byte => byte > 250)) process.abort()
  }),
  faulty('faulty-growth', 'memory that is never given back', bytes => {
    kept.push(Array.from({ length: 500 }, (_, i) => i + bytes.length))
  })
]
