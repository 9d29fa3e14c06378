/**
 * Decides which documents to pull and from which channel. A document is in one of three states: not behind; behind (it is being pulled,
 * waits for its turn, or there is nobody to ask); incomplete: every open channel was asked and none had what is missing.
 */
import type { Clock, DocumentId, Timer } from '@selvedge/core'
import type { Channel } from './channel.js'
import type { DocumentCopy } from './document-copy.js'
import type { Included } from './included.js'

export class PullPlanner {
  private readonly channels = new Set<Channel>()
  private readonly behind = new Map<DocumentId, DocumentCopy>()
  private readonly incomplete = new Map<DocumentId, DocumentCopy>()
  /** Pulls under way of a document: more than one only while all but the latest make no progress. */
  private readonly pulling = new Map<DocumentId, number>()
  /** Documents whose latest pull makes no progress. */
  private readonly stuck = new Set<DocumentId>()
  private readonly graced = new Map<DocumentId, DocumentCopy>()
  private timer: Timer | undefined
  private graceTimer: Timer | undefined
  private ended = false

  constructor(
    private readonly clock: Clock,
    private readonly liveGraceMs: number,
    /** What the catalogue lists and the document's content does not include. */
    private readonly missing: (copy: DocumentCopy) => Included
  ) {}

  /** Whether every open channel was asked for what is missing, in vain. */
  isIncomplete(id: DocumentId): boolean {
    return this.incomplete.has(id)
  }

  /** Something changed about a document, or about what a peer has of it. */
  reconsider(copy: DocumentCopy): void {
    this.incomplete.delete(copy.id)
    if (this.missing(copy).size === 0) this.behind.delete(copy.id)
    else {
      this.behind.set(copy.id, copy)
      this.schedule()
    }
  }

  /** The catalogue lists other edits now. They may be on their way as live updates: only after a while are they pulled. */
  listed(copy: DocumentCopy): void {
    if (this.missing(copy).size === 0) {
      this.reconsider(copy)
      return
    }
    this.graced.set(copy.id, copy)
    this.graceTimer ??= this.clock.setTimer(this.liveGraceMs, () => {
      this.graceTimer = undefined
      const graced = [...this.graced.values()]
      this.graced.clear()
      for (const waiting of graced) this.reconsider(waiting)
    })
  }

  /** A pull makes no progress: another peer may be asked beside. */
  stalled(copy: DocumentCopy): void {
    this.stuck.add(copy.id)
    this.reconsider(copy)
  }

  /** A pull is over, whatever came of it. */
  finished(copy: DocumentCopy): void {
    const left = (this.pulling.get(copy.id) ?? 0) - 1
    if (left > 0) this.pulling.set(copy.id, left)
    else {
      this.pulling.delete(copy.id)
      this.stuck.delete(copy.id)
    }
    this.reconsider(copy)
    if (this.behind.size > 0) this.schedule()
  }

  opened(channel: Channel): void {
    this.channels.add(channel)
    this.askAgain()
  }

  closed(channel: Channel): void {
    this.channels.delete(channel)
    if (this.channels.size === 0) this.askAgain()
    this.schedule()
  }

  forget(id: DocumentId): void {
    this.behind.delete(id)
    this.incomplete.delete(id)
    this.graced.delete(id)
    this.stuck.delete(id)
  }

  close(): void {
    this.ended = true
    this.timer?.cancel()
    this.graceTimer?.cancel()
  }

  private askAgain(): void {
    for (const [id, copy] of this.incomplete) this.behind.set(id, copy)
    this.incomplete.clear()
    this.schedule()
  }

  private schedule(): void {
    if (this.ended || this.timer) return
    this.timer = this.clock.soon(() => {
      this.timer = undefined
      this.run()
    })
  }

  private run(): void {
    for (const [id, copy] of this.behind) {
      if (![...this.channels].some(channel => channel.pulling.free)) return
      if (this.pulling.has(id) && !this.stuck.has(id)) continue
      const missing = this.missing(copy)
      if (missing.size === 0) {
        this.behind.delete(id)
        continue
      }
      const useful = [...this.channels].filter(channel => channel.pulling.useful(copy, missing))
      const free = useful.filter(channel => channel.pulling.free)
      // Who said that it has it, before who may.
      const asked = free.find(channel => channel.pulling.knows(copy, missing)) ?? free[0]
      if (asked) {
        this.pulling.set(id, (this.pulling.get(id) ?? 0) + 1)
        this.stuck.delete(id)
        asked.pulling.start(copy, missing)
      } else if (useful.length === 0 && !this.pulling.has(id)) {
        this.behind.delete(id)
        this.incomplete.set(id, copy)
      }
    }
  }
}
