/** What becomes of an entry that loses (REG-2, REG-13). */
import { type Entry, type Register, sameDot } from './register.js'
import type { MergeOutcome } from './table-options.js'
import type { PeerView } from './version-vector.js'

export function outcomeAgainst(winner: Register, entry: Entry, sender: PeerView | undefined): MergeOutcome {
  if (sameDot(winner, entry)) return 'duplicate'
  return sender?.covers(winner.writer, winner.seq) ? 'rebut' : 'lost'
}
