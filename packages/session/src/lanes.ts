/**
 * What a session sends next of its spaces, by priority (SES-19): acks and signals, live changes, documents, long cuts, members'
 * vectors. Nothing waits here but signals: the rest is worked out from the links when there is room to send it.
 */
import { LazyMap } from '@selvedge/core'
import { bodyOf, Kind } from './frames.js'
import type { Outgoing } from './messages.js'
import type { SpaceLink } from './space-link.js'

/** Topics that may wait; beyond it the one that waits longest is lost, as signals may be. */
const topicsMax = 1_024

const lanes: readonly ((link: SpaceLink, now: number) => Outgoing | undefined)[] = [
  (link, now) => link.sender.nextLive(now),
  link => documentMessage(link),
  (link, now) => link.sender.nextBulk(now)
]

export class Lanes {
  private readonly signals = new LazyMap<string, Uint8Array>()
  private turn = 0

  constructor(private readonly links: readonly SpaceLink[]) {}

  /** The latest of a topic wins while it waits. */
  signal(topic: string, payload: Uint8Array): void {
    this.signals.delete(topic)
    this.signals.set(topic, payload)
    if (this.signals.size > topicsMax) this.takeSignal()
  }

  nextAck(now: number): Outgoing | undefined {
    for (const link of this.links) {
      const ack = link.durability.nextAck(now)
      if (ack) return ack
    }
    return undefined
  }

  // Spaces take turns, so that a long catch-up of one does not starve another.
  nextData(now: number): Outgoing | undefined {
    const signal = this.takeSignal()
    if (signal) return signal
    const count = this.links.length
    for (const lane of lanes)
      for (let i = 0; i < count; i++) {
        const link = this.links[(this.turn + i) % count]!
        const message = link.remoteIndex === undefined ? undefined : lane(link, now)
        if (!message) continue
        this.turn = (this.turn + i + 1) % count
        return message
      }
    return undefined
  }

  nextMembers(now: number): Outgoing | undefined {
    for (const link of this.links) {
      const members = link.durability.nextMembers(now)
      if (members) return members
    }
    return undefined
  }

  /** When something that waits for its time may be sent: an ack, members' vectors, registers left to their writers. */
  dueInMs(now: number): number | undefined {
    let next = Number.POSITIVE_INFINITY
    // What is due already waits for room, not for time.
    const note = (at: number): void => {
      if (at > now && at < next) next = at
    }
    for (const { durability, sender } of this.links) {
      note(durability.ackDueAt)
      note(durability.membersDueAt)
      if (sender.dueAt !== undefined) note(sender.dueAt)
    }
    return next === Number.POSITIVE_INFINITY ? undefined : Math.max(1, next - now)
  }

  private takeSignal(): Outgoing | undefined {
    const oldest = this.signals[Symbol.iterator]().next()
    if (oldest.done) return undefined
    const [topic, payload] = oldest.value
    this.signals.delete(topic)
    return { kind: Kind.Signal, body: bodyOf(out => out.string(topic).bytes(payload)) }
  }
}

function documentMessage(link: SpaceLink): Outgoing | undefined {
  if (!link.ready) return undefined
  const message = link.documents?.next()
  return message && { kind: Kind.Document, body: bodyOf(out => out.uint(link.index).raw(message)) }
}
