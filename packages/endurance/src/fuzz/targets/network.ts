/** What the transports read: frames of the mesh, close reasons, the handshake of trunks, rosters and keys. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { below, isSelvedgeError, siteId, type CloseReason, type Random } from '@selvedge/core'
import {
  closeCodes,
  decoders,
  loadNodeKey,
  nodeKeyFromSeed,
  nodeOfPublicKey,
  parseRoster,
  parseRosters,
  publicKeyOfNode,
  Roster,
  rosterLimits,
  verify
} from '@selvedge/network'
import { decoding, hold, refused, type Input, type Outcome, type Target } from '../target.js'
import { holdSize, totalBytes } from '../weigh.js'
import { many, textOf, utf8 } from './sample-values.js'

const { encodeClose, encodeCloseReason, FrameDecoder, framePrefix, NodeHandshake, parseCloseReason, RelayHandshake } = decoders

const reasons: readonly CloseReason[] = [
  { code: 'CLOSED', message: 'closed' },
  { code: 'TRUNK_REFUSED_BUSY', message: 'too many; at once', retryAfterMs: 1_000 },
  { code: 'X', message: 'ä🌊'.repeat(150) }
]

function join_(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** What a decoder makes of a stream that arrives in these chunks. */
function decodeStream(chunks: Input): { messages: string[]; problem: CloseReason | undefined } {
  const decoder = new FrameDecoder()
  const messages: string[] = []
  let closed = false
  for (const chunk of chunks) {
    const problem = decoder.push(chunk, message => {
      messages.push(
        message.type === 'frame' ? `frame ${Buffer.from(message.frame).toString('hex')}` : JSON.stringify(message.reason)
      )
      closed = message.type === 'close'
      return !closed
    })
    if (problem || closed) return { messages, problem }
  }
  return { messages, problem: undefined }
}

const meshFrames: Target = {
  name: 'mesh-frames',
  from: 'libp2p streams, cut anywhere',
  reaches: ['FrameDecoder', 'parseCloseReason'],
  open: random => {
    const framed = (frame: Uint8Array) => join_([framePrefix(frame.length), frame])
    const corpus = many(20, i => [
      join_([
        ...many(i % 6, () => framed(random.bytes(below(random, 40)))),
        ...(i % 2 === 0 ? [encodeClose(reasons[i % 3]!)] : [])
      ])
    ])
    return {
      corpus,
      messagesMax: 12,
      mend: (input, source) => cutAnywhere(input, source),
      take(input) {
        const { messages, problem } = decodeStream(input)
        const whole = decodeStream([join_(input)])
        hold(
          JSON.stringify([messages, problem]) === JSON.stringify([whole.messages, whole.problem]),
          'the chunks make a difference'
        )
        hold(problem === undefined || Object.values<string>(closeCodes).includes(problem.code), 'it ends with a code of its own')
        holdSize(messages, totalBytes(input), 16)
        return problem ? 'refused' : 'decoded'
      }
    }
  }
}

function cutAnywhere(input: Input, random: Random): Input {
  const bytes = join_(input)
  const cuts = many(below(random, 8), () => below(random, bytes.length + 1)).sort((a, b) => a - b)
  return [...cuts, bytes.length].map((end, i) => bytes.slice(i === 0 ? 0 : cuts[i - 1], end))
}

const closeReasons: Target = {
  name: 'close-reason',
  from: 'close messages of mesh and trunk, refusals of a relay',
  reaches: ['parseCloseReason'],
  open: () => ({
    corpus: reasons.map(reason => [utf8(encodeCloseReason(reason, 512))]),
    take([bytes]) {
      const reason = parseCloseReason(textOf(bytes!))
      if (!reason) return 'refused'
      hold(/^[A-Z][A-Z0-9_]{0,63}$/.test(reason.code) && reason.message.length <= 300, 'a code or a message is out of bounds')
      hold(!/[\0-\x1f\x7f]/.test(reason.message), 'a message has control characters')
      hold(
        JSON.stringify(parseCloseReason(encodeCloseReason(reason, 4_096))) === JSON.stringify(reason),
        'the reason encodes to another'
      )
      return 'decoded'
    }
  })
}

const site = siteId('hq')
const nodeKey = nodeKeyFromSeed(new Uint8Array(32).fill(1))
const relayKey = nodeKeyFromSeed(new Uint8Array(32).fill(2))
const strangerKey = nodeKeyFromSeed(new Uint8Array(32).fill(3))
const roster = new Roster(site, [{ name: 'hq-1', node: nodeKey.node }], { name: 'cloud', node: relayKey.node })
// The same nonce for everybody, so that a recorded signature stays true.
const nonce = (length: number) => new Uint8Array(length).fill(7)

function conversation(key = nodeKey, relay = relayKey): { node: Input; relay: Input } {
  const atNode = new NodeHandshake(key, site, relay.node, verify, nonce)
  const atRelay = new RelayHandshake(relay, () => new Roster(site, [{ name: 'x', node: key.node }]), verify, nonce)
  const hello = atNode.hello()
  const challenge = atRelay.greeted(hello)
  const proof = atNode.challenged(challenge)
  return { node: [hello, proof], relay: [challenge, atRelay.welcome()] }
}

/** A handshake may be refused with codes of its own only. */
function refusedTrunk(error: unknown): Outcome {
  hold(isSelvedgeError(error) && error.code.startsWith('TRUNK_'), `a handshake failed with ${String(error)}`)
  return refused(error)
}

const atRelay: Target = {
  name: 'trunk-relay',
  from: 'whoever dials a relay, before it has proved anything',
  reaches: ['RelayHandshake'],
  open: () => ({
    corpus: [conversation().node],
    messagesMax: 3,
    generate: source =>
      below(source, 2) === 0 ? conversation(strangerKey).node : [conversation().node[0]!, conversation(strangerKey).node[1]!],
    take([hello, ...proofs]) {
      const handshake = new RelayHandshake(relayKey, of => (of === site ? roster : undefined), verify, nonce)
      let outcome: Outcome = 'refused'
      try {
        handshake.greeted(hello!)
        for (const proof of proofs) {
          const { entry } = handshake.proved(proof)
          hold(entry.node === nodeKey.node, 'somebody else was admitted')
          outcome = 'decoded'
        }
        return outcome
      } catch (error) {
        return refusedTrunk(error)
      }
    }
  })
}

const atNode: Target = {
  name: 'trunk-node',
  from: 'whoever answers where the relay is looked for',
  reaches: ['NodeHandshake'],
  open: () => {
    const trueSignature = conversation().relay[0]!
    return {
      corpus: [conversation().relay],
      messagesMax: 3,
      generate: () => conversation(nodeKey, strangerKey).relay,
      take([challenge, ...rest]) {
        const handshake = new NodeHandshake(nodeKey, site, relayKey.node, verify, nonce)
        try {
          handshake.challenged(challenge!)
          hold(Buffer.compare(challenge!, trueSignature) === 0, 'a challenge passed that the relay has not signed')
          for (const message of rest) handshake.welcomed(message)
          return 'decoded'
        } catch (error) {
          return refusedTrunk(error)
        }
      }
    }
  }
}

const rosterText = JSON.stringify({
  site: 'hq',
  nodes: [
    { name: 'hq-1', node: nodeKey.node },
    { name: 'Gebäude 2', node: strangerKey.node }
  ],
  relay: { name: 'cloud', node: relayKey.node }
})

const rosters: Target = {
  name: 'roster',
  from: 'roster files',
  reaches: ['parseRoster', 'parseRosters', 'publicKeyOfNode'],
  open: () => ({
    corpus: [rosterText, `[${rosterText}]`, '{"site":"hq","nodes":[]}', '[]'].map(text => [utf8(text)]),
    tokens: [
      '"__proto__":1,',
      '{"site":"a","nodes":[]},',
      '[[[[',
      '"nodes":[',
      'null',
      '1e999',
      '"\\ud800"',
      nodeKey.node,
      ',"relay":{}',
      '{}'
    ].map(utf8),
    take([bytes]) {
      const text = textOf(bytes!)
      const one = decoding(
        () => parseRoster(text),
        parsed => {
          hold(parsed.nodes.length <= rosterLimits.nodesMax, 'it has too many nodes')
          const { site: id, nodes, relay } = parsed
          for (const entry of nodes) hold(publicKeyOfNode(entry.node)?.length === 32, 'a node has no key')
          hold(
            JSON.stringify(parseRoster(JSON.stringify({ site: id, nodes, relay }))) === JSON.stringify(parsed),
            'the roster is written as another'
          )
        }
      )
      const list = decoding(() => parseRosters(text))
      return one === 'decoded' || list === 'decoded' ? 'decoded' : 'refused'
    }
  })
}

const peerIds: Target = {
  name: 'peer-id',
  from: 'rosters and handshakes',
  reaches: ['publicKeyOfNode'],
  open: () => ({
    corpus: [nodeKey, relayKey, strangerKey].map(({ node }) => [utf8(node)]),
    take([bytes]) {
      const text = textOf(bytes!)
      const key = publicKeyOfNode(text)
      if (!key) return 'refused'
      hold(key.length === 32 && nodeOfPublicKey(key) === text, 'an id stands for the key of another')
      return 'decoded'
    }
  })
}

const keyFile: Target = {
  name: 'node-key',
  from: 'the key file of a data directory',
  reaches: ['loadNodeKey'],
  open: () => {
    const directory = mkdtempSync(join(tmpdir(), 'selvedge-fuzz-key-'))
    const file = join(directory, 'node.key')
    return {
      corpus: [nodeKey, strangerKey].map(key => [utf8(key.toPem())]),
      tokens: [
        '-----BEGIN PRIVATE KEY-----\n',
        '-----END PRIVATE KEY-----\n',
        '-----BEGIN ENCRYPTED PRIVATE KEY-----\n',
        '-----BEGIN EC PRIVATE KEY-----\n',
        '\n',
        '=',
        'MC4CAQAwBQYDK2VwBCIEIA'
      ].map(utf8),
      take([bytes]) {
        writeFileSync(file, bytes!, { mode: 0o600 })
        return decoding(
          () => loadNodeKey(file),
          ({ key, created }) => {
            hold(!created, 'a file that was there was made anew')
            hold(verify(key.node, nonce(8), key.sign(nonce(8))), 'the key does not sign as the node that it names')
          }
        )
      },
      close: () => rmSync(directory, { recursive: true, force: true })
    }
  }
}

export const networkTargets: readonly Target[] = [meshFrames, closeReasons, atRelay, atNode, rosters, peerIds, keyFile]
