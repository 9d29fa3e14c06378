/** Bounds of the document half; each says what happens when it is reached. */
import { limits } from '@selvedge/core'

export const documentLimits = {
  /** Bytes of one document's content. A local edit beyond it is neither stored nor sent (`DOCUMENT_TOO_LARGE`); merges still are. */
  documentBytesMax: limits.documentBytesMax,
  /** Bytes of one message after reassembly: more than one document, since a merge of two sides may exceed the limit of each. */
  transferBytesMax: 4 * limits.documentBytesMax,
  /** Bytes of one message on the wire. Longer ones travel in fragments. */
  fragmentBytesMax: 128 * 1024,
  /** Bytes of live updates that wait for a session's credit. Beyond it they are dropped and the peer pulls instead. */
  pushQueueBytesMax: 4 * 1024 * 1024,
  /** Bytes of live updates that wait for a document to be read from the store. Beyond it they are dropped and pulled. */
  loadingBytesMax: 4 * 1024 * 1024,
  /** Pulls under way in one channel; further documents wait. */
  pullsInFlightMax: 16,
  /** Pull requests that a peer may have waiting here; one more is a bad message. */
  pullsWaitingMax: 16,
  /** Messages of one Automerge sync conversation before the whole document is asked for. */
  syncRoundsMax: 4,
  /** How long an edit that the catalogue lists is given to arrive as a live update before it is pulled. */
  liveGraceMs: 100,
  /** While a pull makes no progress for this long, another peer is asked beside. */
  pullStallMs: 3_000,
  /** A pull without progress for this long is given up. */
  pullTimeoutMs: 60_000,
  /** How long after a document could not be read from the disk it is tried again, when somebody has it open or a pull waits. */
  readAgainDelayMs: 5_000,
  /** Documents kept in memory though nobody has them open; the longest unused goes first. */
  idleInstancesMax: 64,
  /** Update records of one document before they are compacted into a snapshot. */
  updateRecordsMax: 64,
  /** Bytes of update records, and more than the snapshot's, before they are compacted. */
  updateRecordBytesMax: 256 * 1024,
  /** Live updates applied before what they follow; beyond it the oldest is forgotten and its document pulled. */
  floatingMax: 64,
  /** Documents that one peer can be owed a notice or an acknowledgement for; beyond it the oldest is forgotten. */
  noticesMax: 10_000,
  /** How long after a channel opens the peer is asked to acknowledge own edits that it did not pull by then. */
  confirmDelayMs: 500,
  /** How long a receipt waits for a relay's acknowledgement of an own edit before peers are asked for it. */
  seekDelayMs: 5_000,
  /** Writers of one document whose edits are sought at relays. Those of further ones are not: their receipts go on waiting. */
  soughtWritersMax: 1_000,
  /** Relays that acknowledgements of one document are remembered of, and passed on. Those of further ones are ignored. */
  relaysMax: 16,
  /** Documents of one space. Live updates of further ones are refused. */
  documentsMax: 100_000,
  /** How long content may be held whose catalogue entry is missing before this replica writes the entry itself. */
  relistDelayMs: 10_000
}

export type DocumentLimits = { readonly [Name in keyof typeof documentLimits]: number }
