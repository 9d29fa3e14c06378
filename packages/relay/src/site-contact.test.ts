import { describe, expect, it } from 'vitest'
import { nodeId } from '@selvedge/core'
import { SiteContact, type ContactPeer } from './site-contact.js'

interface FakePeer extends ContactPeer {
  connection: { bytesIn: number; bytesOut: number }
  heardAtMs: number
  link: { remoteIndex: number | undefined; isCaughtUp: boolean }
}

function peerOf(name: string, heardAtMs: number): FakePeer {
  const link = { remoteIndex: 0 as number | undefined, isCaughtUp: false }
  const peer: FakePeer = {
    node: nodeId(name),
    connection: { bytesIn: 0, bytesOut: 0 },
    heardAtMs,
    link,
    session: { silentMs: now => now - peer.heardAtMs, spaces: [link] }
  }
  return peer
}

const at = (monotonicMs: number) => ({ monotonicMs, trustedMs: 1_000_000 + monotonicMs })

describe('contact with a site', () => {
  it('lag counts from the start, until a catch-up is over; then it is the silence of the session', () => {
    const contact = new SiteContact<FakePeer>(100)
    expect(contact.lagMs(at(600))).toBe(500)
    const peer = peerOf('a', 1_000)
    contact.opened(peer)
    expect(contact.lagMs(at(1_100))).toBe(1_000)
    peer.link.isCaughtUp = true
    expect(contact.lagMs(at(1_100))).toBe(100)
    peer.heardAtMs = 3_000
    expect(contact.lagMs(at(3_010))).toBe(10)
  })

  it('after a cut lag counts from when the site was last heard, and a catch-up that is not over changes nothing', () => {
    const contact = new SiteContact<FakePeer>(0)
    const peer = peerOf('a', 5_000)
    peer.link.isCaughtUp = true
    contact.opened(peer)
    contact.closed(peer, at(13_000))
    expect([contact.lagMs(at(13_000)), contact.lastSeenMs(at(13_000)), contact.connected]).toEqual([8_000, 1_005_000, false])
    const again = peerOf('a', 20_000)
    contact.opened(again)
    expect(contact.lagMs(at(20_000))).toBe(15_000)
    expect(contact.lastSeenMs(at(20_500))).toBe(1_020_000)
    contact.closed(again, at(20_600))
    expect(contact.lagMs(at(21_000))).toBe(16_000)
  })

  it('a space that the site does not have does not keep it from being caught up; a session without any space is not', () => {
    const contact = new SiteContact<FakePeer>(0)
    const peer = peerOf('a', 0)
    contact.opened(peer)
    peer.link.isCaughtUp = true
    expect(contact.caughtUp).toBe(true)
    peer.link.remoteIndex = undefined
    expect(contact.caughtUp).toBe(false)
    const unknown = { remoteIndex: undefined, isCaughtUp: false }
    const shared = { remoteIndex: 1, isCaughtUp: true }
    Object.assign(peer, { session: { ...peer.session, spaces: [unknown, shared] } })
    expect(contact.caughtUp).toBe(true)
  })

  it('gives the older sessions of the same node alone, and counts the bytes of all that ever were', () => {
    const contact = new SiteContact<FakePeer>(0)
    const [first, other, second] = [peerOf('a', 0), peerOf('b', 0), peerOf('a', 0)]
    expect([contact.opened(first), contact.opened(other), contact.opened(second)]).toEqual([[], [], [first]])
    expect(contact.session).toBe(second)
    Object.assign(first.connection, { bytesIn: 5, bytesOut: 7 })
    contact.closed(first, at(1))
    contact.closed(first, at(2))
    second.connection.bytesIn = 3
    expect([contact.bytesIn, contact.bytesOut, contact.sessions.size]).toEqual([8, 7, 2])
  })
})
