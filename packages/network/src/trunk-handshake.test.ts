import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom, siteId, type SiteId } from '@selvedge/core'
import { verify } from './system/node-key.js'
import { testKey, testRoster } from './testing/fixtures.js'
import { handshakeBytesMax, NodeHandshake, RelayHandshake } from './trunk-handshake.js'

const [node, relay, other] = [testKey(1), testKey(2), testKey(3)]
const roster = testRoster('hq', [node, other], relay)
const hq = siteId('hq')
const random = seededRandom(8)
const rosters = (site: SiteId) => (site === 'hq' || site === 'annex' ? roster : undefined)
const nodeEnd = (key = node, site = hq) => new NodeHandshake(key, site, relay.node, verify, length => random.bytes(length))
const relayEnd = (key = relay) => new RelayHandshake(key, rosters, verify, length => random.bytes(length))

test('both ends come to the same view, in small messages', () => {
  const [calling, answering] = [nodeEnd(), relayEnd()]
  const hello = calling.hello()
  const challenge = answering.greeted(hello)
  const proof = calling.challenged(challenge)
  expect(answering.proved(proof)).toEqual({ site: 'hq', entry: roster.get(node.node) })
  calling.welcomed(answering.welcome())
  for (const message of [hello, challenge, proof]) expect(message.length).toBeLessThan(handshakeBytesMax / 2)
})

test('a proof is good for one handshake only', () => {
  const first = nodeEnd()
  const proof = first.challenged(relayEnd().greeted(first.hello()))
  const again = relayEnd()
  again.greeted(first.hello())
  expect(() => again.proved(proof)).toThrow(expect.objectContaining({ code: 'TRUNK_REFUSED_PROOF' }))
})

test('a challenge is good for one handshake only', () => {
  const challenge = relayEnd().greeted(nodeEnd().hello())
  expect(() => nodeEnd().challenged(challenge)).toThrow(expect.objectContaining({ code: 'TRUNK_REFUSED_RELAY' }))
})

test("a relay's signature does not pass for a node's, even with one key for both", () => {
  const both = testRoster('hq', [relay], relay)
  const answering = new RelayHandshake(
    relay,
    () => both,
    verify,
    length => random.bytes(length)
  )
  const calling = nodeEnd(relay)
  const challenge = answering.greeted(calling.hello())
  const reflected = new Uint8Array([3, ...challenge.subarray(-64)])
  expect(() => answering.proved(reflected)).toThrow(expect.objectContaining({ code: 'TRUNK_REFUSED_PROOF' }))
})

test('a proof is bound to its site, its node and the versions offered', () => {
  const calling = nodeEnd()
  const hello = calling.hello()
  const versions = 1 + 1 + 'selvedge-trunk'.length
  const older = hello.slice()
  older[versions] = 0
  const answering = relayEnd()
  expect(() => calling.challenged(answering.greeted(older))).toThrow(expect.objectContaining({ code: 'TRUNK_REFUSED_RELAY' }))
  const elsewhere = relayEnd()
  const challenge = elsewhere.greeted(nodeEnd(node, siteId('annex')).hello())
  expect(() => calling.challenged(challenge)).toThrow(expect.objectContaining({ code: 'TRUNK_REFUSED_RELAY' }))
})

test('another version is told apart from garbage', () => {
  const hello = nodeEnd().hello()
  const versions = 1 + 1 + 'selvedge-trunk'.length
  hello.set([2, 9], versions)
  expect(() => relayEnd().greeted(hello)).toThrow(expect.objectContaining({ code: 'TRUNK_REFUSED_VERSION' }))
})

test('no bytes do more than end the handshake with a code', () => {
  const hello = nodeEnd().hello()
  const mangled = fc.tuple(fc.nat(hello.length - 1), fc.nat(255)).map(([at, byte]) => {
    const bytes = hello.slice()
    bytes[at] = byte
    return bytes
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mangled), bytes => {
      for (const act of [() => relayEnd().greeted(bytes), () => relayEnd().proved(bytes), () => nodeEnd().challenged(bytes)]) {
        try {
          act()
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^TRUNK_(PROTOCOL|REFUSED_)/) })
        }
      }
    })
  )
})
