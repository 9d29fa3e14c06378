/**
 * What a document's engine must do for it to be stored and replicated; implemented for Yjs and for Automerge. An engine holds one
 * instance of one document in memory. Updates are opaque bytes: made by `join`, `apply` and `snapshot`, stored, sent and given back.
 *
 * Invariant: `apply` and `PullSide.receive` take bytes from peers. When those are malformed they throw `DOCUMENT_MESSAGE_INVALID` and
 * the document is as it was.
 */
import type { SyncState } from '@automerge/automerge'

export type EngineName = 'yjs' | 'automerge'

export interface Engine {
  readonly name: EngineName
  /** The author's position in the engine's own terms: Yjs client clock or Automerge seq. */
  readonly ownClock: number
  /** Whether every update applied so far found what it depends on. */
  readonly settled: boolean
  /** Applies updates read from the store, in order. Throws when one can't be read. */
  load(updates: readonly Uint8Array[]): void
  /** Applies an update from a peer; true when it was integrated, false when it is kept until what it depends on comes. */
  apply(update: Uint8Array): boolean
  /** One update with the effect of several local ones, in order. */
  join(updates: readonly Uint8Array[]): Uint8Array
  /** One update that holds the whole content, what is not settled included. */
  snapshot(): Uint8Array
  /** Begins to ask a peer for what is lacking here. */
  pull(): PullSide
  /** Answers a peer's request; `memory` belongs to that peer and document. `full` asks for everything, whatever the peer has. */
  answer(memory: AnswerMemory, request: Uint8Array, full: boolean): Answer
  destroy(): void
}

export interface PullSide {
  /** The next request, or `undefined` when there is nothing more to ask. */
  request(full: boolean): Uint8Array | undefined
  /** Applies an answer. `reached`: this document now holds everything that the answerer's held when it answered. */
  receive(answer: Answer): { update: Uint8Array | undefined; reached: boolean }
}

export interface Answer {
  readonly body: Uint8Array
  /** The answerer's position: an encoded Yjs state vector, or Automerge heads beside those of the changes in the body. */
  readonly target: Uint8Array
}

/** What an answerer remembers between the messages of one conversation. */
export interface AnswerMemory {
  sync?: SyncState
}

/** Loads every update that can be read; returns why the others could not. */
export function loadReadable(engine: Engine, updates: readonly Uint8Array[]): unknown[] {
  try {
    engine.load(updates)
    return []
  } catch {
    return updates.flatMap(update => {
      try {
        engine.load([update])
        return []
      } catch (error) {
        return [error]
      }
    })
  }
}
