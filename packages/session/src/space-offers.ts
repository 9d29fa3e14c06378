/**
 * Spaces that the peer announced and this side has not attached (yet): what was said of them waits, bounded, until the space is
 * attached or refused (SES-3).
 */
import { LazyMap, LazySet, SelvedgeError, type SpaceId } from '@selvedge/core'
import { sessionErrors } from './errors.js'
import type { Kind } from './frames.js'

const offersMax = 32
const messagesMax = 256

export interface SpaceOffer {
  /** The peer's index of the space. */
  readonly index: number
  readonly messages: { readonly kind: Kind; readonly body: Uint8Array }[]
}

export class SpaceOffers {
  private readonly offers = new LazyMap<SpaceId, SpaceOffer>()
  /** The peer's indexes of spaces that were refused. An index has a bound, and so has this. */
  private readonly refused = new LazySet<number>()

  /** Keeps a message; returns whether it is the first of its space. */
  keep(id: SpaceId, index: number, kind: Kind, body: Uint8Array): boolean {
    let offer = this.offers.get(id)
    const fresh = !offer
    if (!offer) {
      if (this.offers.size >= offersMax)
        throw new SelvedgeError(sessionErrors.overloaded, `more than ${offersMax} spaces offered`)
      this.offers.set(id, (offer = { index, messages: [] }))
    }
    if (offer.messages.length >= messagesMax)
      throw new SelvedgeError(sessionErrors.overloaded, `too long an announcement of ${id}`)
    offer.messages.push({ kind, body })
    return fresh
  }

  /** The space that the peer knows by `index`. */
  idOf(index: number): SpaceId | undefined {
    for (const [id, offer] of this.offers) if (offer.index === index) return id
    return undefined
  }

  /** Takes an offer out that is not wanted: what else comes of its space is passed over. */
  refuse(id: SpaceId): SpaceOffer | undefined {
    const offer = this.take(id)
    if (offer) this.refused.add(offer.index)
    return offer
  }

  /** A message of a refused space is of no interest. @throws SelvedgeError when the peer never announced that space */
  passOver(index: number): void {
    if (this.refused.has(index)) return
    throw new SelvedgeError(sessionErrors.protocolViolation, `a message of space ${index}, which was never announced`)
  }

  /** Takes an offer out, to be answered. */
  take(id: SpaceId): SpaceOffer | undefined {
    const offer = this.offers.get(id)
    this.offers.delete(id)
    return offer
  }
}
