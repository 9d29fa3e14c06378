/** Two replicas of 1,000 documents that are cut off from each other, edited, and connected again. */

export interface Reconnect {
  /** From the dial until both sides' open documents had shown every edit of the other. */
  readonly ms: number
  /** What crossed the wire until it was quiet again, both ways, without the edits' own updates. */
  readonly overheadBytes: number
}

export interface Pair {
  /** One round: `edited` documents, half on each side. */
  reconnect(edited: number): Promise<Reconnect>
  close(): Promise<void>
}

/** Which documents a round edits: others each time, and known beforehand. */
export function editedIn(round: number, edited: number, documents: number): number[] {
  return Array.from({ length: edited }, (_, i) => (round * 101 + i * Math.floor(documents / edited)) % documents)
}
