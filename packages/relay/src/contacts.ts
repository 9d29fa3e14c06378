/** The relay's contacts with all of its sites, and what they amount to. A site that leaves the rosters keeps its bytes in the sums. */
import type { NodeId, SiteId } from '@selvedge/core'
import { SiteContact } from './site-contact.js'

export class Contacts {
  private readonly bySite = new Map<SiteId, SiteContact>()

  constructor(private readonly startedMonotonicMs: number) {}

  of(site: SiteId): SiteContact {
    const known = this.bySite.get(site)
    if (known) return known
    const contact = new SiteContact(this.startedMonotonicMs)
    this.bySite.set(site, contact)
    return contact
  }

  entries(): IterableIterator<[SiteId, SiteContact]> {
    return this.bySite.entries()
  }

  get sessions(): number {
    return this.sum(({ sessions }) => sessions.size)
  }

  get bytesIn(): number {
    return this.sum(({ bytesIn }) => bytesIn)
  }

  get bytesOut(): number {
    return this.sum(({ bytesOut }) => bytesOut)
  }

  /**
   * Whether a node of a site is there; undefined: not known. Of a site that is cut off the relay knows nothing, and what its nodes said
   * last is stale; of one that is not, it knows who holds the trunk.
   */
  isPresent(site: SiteId, node: NodeId): boolean | undefined {
    const { sessions } = this.of(site)
    if (sessions.size === 0) return false
    for (const peer of sessions) if (peer.node === node) return true
    return undefined
  }

  private sum(valueOf: (contact: SiteContact) => number): number {
    let sum = 0
    for (const contact of this.bySite.values()) sum += valueOf(contact)
    return sum
  }
}
