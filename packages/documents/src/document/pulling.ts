/** The asking half of a channel: pulls documents that are behind, one conversation each, and remembers what the peer is known to have. */
import { LazyMap, type Clock, type DocumentId, type Timer } from '@selvedge/core'
import type { DocumentCopy } from './document-copy.js'
import type { DocumentLimits } from './document-limits.js'
import type { PullSide } from './engine.js'
import { missingFrom, raise, raised, type Included } from './included.js'
import type { AnswerMessage, PullMessage } from './messages.js'

interface Pull {
  readonly number: number
  readonly copy: DocumentCopy
  readonly needs: Included
  side: PullSide | undefined
  rounds: number
  full: boolean
  timer: Timer | undefined
  progressMs: number
  stalled: boolean
}

interface PeerView {
  /** What this peer has been asked for; asking again is of no use until it says that it has more. */
  asked: Included
  /**
   * What it said that it has, and has not been asked for since. Its words count until a pull puts them to the test; those that come
   * during a pull (a short message overtakes a long answer) count for the next.
   */
  known: Map<string, number>
}

export interface PullingHost {
  readonly clock: Clock
  readonly limits: DocumentLimits
  send(message: PullMessage): void
  /** A conversation is over: there may be more to ask for, here or elsewhere. */
  finished(copy: DocumentCopy): void
  /** For a while nothing has come of a conversation: another may be begun beside it. */
  stalled(copy: DocumentCopy): void
  /** The content and included edits of an answer were taken over; `news` are those that were not on disk here. */
  adopted(copy: DocumentCopy, news: Included): void
}

export class Pulling {
  private readonly pulls = new LazyMap<number, Pull>()
  private readonly views = new LazyMap<DocumentId, PeerView>()
  private lastNumber = 0
  private closed = false

  constructor(private readonly host: PullingHost) {}

  /** Whether another pull may start. */
  get free(): boolean {
    return !this.closed && this.pulls.size < this.host.limits.pullsInFlightMax
  }

  /** Whether this peer may have some of what `copy` is missing. */
  useful(copy: DocumentCopy, missing: Included): boolean {
    const view = this.views.get(copy.id)
    if (!view) return true
    for (const [writer, count] of missing) if (count > (view.asked.get(writer) ?? 0)) return true
    return this.knows(copy, missing)
  }

  /** Whether the peer said that it has some of what `copy` is missing. */
  knows({ id, included }: DocumentCopy, missing: Included): boolean {
    const known = this.views.get(id)?.known
    if (!known || known.size === 0) return false
    for (const [writer, count] of missing) if (Math.min(known.get(writer) ?? 0, count) > (included.get(writer) ?? 0)) return true
    return false
  }

  /** The peer said that it has this. */
  heard(id: DocumentId, included: Included): void {
    raise(this.view(id).known, included)
  }

  start(copy: DocumentCopy, missing: Included): void {
    const number = ++this.lastNumber
    const pull: Pull = {
      number,
      copy,
      needs: new Map(missing),
      side: undefined,
      rounds: 0,
      full: false,
      timer: undefined,
      progressMs: this.host.clock.monotonicMs(),
      stalled: false
    }
    this.pulls.set(number, pull)
    const view = this.view(copy.id)
    const { asked, known } = view
    view.asked = raised(asked, missing)
    view.known = new Map()
    copy.pin()
    this.watch(pull)
    copy.use().then(
      engine => {
        if (!this.pulls.has(number)) return
        pull.side = engine.pull()
        this.ask(pull)
      },
      () => {
        // The disk here could not be read, so that the peer was never asked: it still may be.
        view.asked = asked
        view.known = raised(known, view.known)
        if (!this.pulls.has(number)) return
        pull.timer?.cancel()
        pull.timer = this.host.clock.setTimer(this.host.limits.readAgainDelayMs, () => this.finish(pull))
      }
    )
  }

  /** @throws SelvedgeError when its content is malformed */
  receive(answer: AnswerMessage): void {
    const pull = this.pulls.get(answer.pull)
    // An answer may come after its pull was given up.
    if (!pull?.side) return
    if (!answer.found) {
      this.finish(pull)
      return
    }
    const news = missingFrom(pull.copy.durable, answer.included)
    const reached = pull.copy.applyAnswer(pull.side, answer, answer.included)
    if (reached) {
      this.host.adopted(pull.copy, news)
      this.finish(pull)
    } else this.ask(pull)
  }

  /** An answer arrives, or a part of one: whoever waits behind it goes on waiting. */
  progressed(): void {
    const now = this.host.clock.monotonicMs()
    for (const pull of this.pulls.values()) pull.progressMs = now
  }

  close(): void {
    this.closed = true
    for (const pull of [...this.pulls.values()]) this.finish(pull)
  }

  private ask(pull: Pull): void {
    const first = pull.rounds === 0
    let body = pull.rounds < this.host.limits.syncRoundsMax ? pull.side!.request(false) : undefined
    if (body === undefined) {
      if (pull.full) {
        // Even everything that the peer has did not reach what it claims.
        this.finish(pull)
        return
      }
      pull.full = true
      body = pull.side!.request(true) ?? new Uint8Array()
    }
    pull.rounds++
    const { id, engineName, included } = pull.copy
    this.host.send({
      kind: 'pull',
      pull: pull.number,
      first,
      full: pull.full,
      id,
      engine: engineName!,
      included: new Map(included),
      needs: pull.needs,
      body
    })
  }

  private watch(pull: Pull): void {
    const { clock, limits } = this.host
    const silentMs = (): number => clock.monotonicMs() - pull.progressMs
    const leftMs = (pull.stalled ? limits.pullTimeoutMs : limits.pullStallMs) - silentMs()
    pull.timer = clock.setTimer(Math.max(1, leftMs), () => {
      if (silentMs() >= limits.pullTimeoutMs) return this.finish(pull)
      const stalls = !pull.stalled && silentMs() >= limits.pullStallMs
      if (stalls) pull.stalled = true
      this.watch(pull)
      if (stalls) this.host.stalled(pull.copy)
    })
  }

  private finish(pull: Pull): void {
    if (!this.pulls.delete(pull.number)) return
    pull.timer?.cancel()
    pull.copy.unpin()
    this.host.finished(pull.copy)
  }

  private view(id: DocumentId): PeerView {
    let view = this.views.get(id)
    if (!view) {
      view = { asked: new Map(), known: new Map() }
      this.views.set(id, view)
    }
    return view
  }
}
