/** Pieces of messages that the parts of a space link share. */
import type { DotRuns } from '@selvedge/documents'
import type { Kind } from './frames.js'

/** A message to send: its kind and body. */
export interface Outgoing {
  readonly kind: Kind
  readonly body: Uint8Array
}

/** Entries of a vector in one message; a longer one goes in several. */
export const vectorSeqsPerFrame = 2_000

/** Lists of at most `size` each; one empty list for an empty one. */
export function chunk<T>(list: readonly T[], size: number): T[][] {
  const chunks: T[][] = []
  for (let i = 0; i < list.length; i += size) chunks.push(list.slice(i, i + size))
  return chunks.length > 0 ? chunks : [[]]
}

/** `have` lists of at most so many runs each. */
export function splitHave(have: readonly DotRuns[], haveRunsPerFrame: number): DotRuns[][] {
  const frames: DotRuns[][] = []
  let frame: DotRuns[] = []
  let room = haveRunsPerFrame
  for (const { writer, runs } of have)
    for (const part of chunk(runs, haveRunsPerFrame)) {
      if (part.length > room) {
        frames.push(frame)
        frame = []
        room = haveRunsPerFrame
      }
      frame.push({ writer, runs: part })
      room -= part.length
    }
  if (frame.length > 0) frames.push(frame)
  return frames
}

/** Consecutive numbers of an ascending list as [first, how many]. */
export function runsOf(seqs: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const seq of seqs) {
    const last = runs[runs.length - 1]
    if (last && last[0] + last[1] === seq) last[1]++
    else if (!last || last[0] + last[1] < seq) runs.push([seq, 1]) // a register dropped and received again stands twice in the list
  }
  return runs
}
