/**
 * The handshake of a trunk, without I/O. Both ends prove their keys before either believes a word:
 *
 * 1. node → relay  `hello`: versions, site, node, a nonce
 * 2. relay → node  `challenge`: version, relay, a nonce, the relay's signature
 * 3. node → relay  `proof`: the node's signature
 * 4. relay → node  `welcome`
 *
 * Each signs the whole transcript (both nonces, both ids, the site, the versions offered and taken) under a domain of its own, so
 * that no signature can be replayed, reflected or used elsewhere, and no older version be forced. The relay checks that the node
 * stands in the roster of that site, the node that the relay's key is the one of its own roster. On `ws://` what follows is
 * neither secret nor safe from change: production uses `wss://`.
 */
import { ByteReader, ByteWriter, isSelvedgeError, nodeId, SelvedgeError, siteId, type NodeId, type SiteId } from '@selvedge/core'
import { networkErrors } from './errors.js'
import type { Roster, RosterEntry } from './roster.js'

export const trunkVersion = 1
/** A longer handshake message closes the socket. */
export const handshakeBytesMax = 1024
const nonceBytes = 32
const signatureBytes = 64
const magic = 'selvedge-trunk'
const MessageType = { hello: 1, challenge: 2, proof: 3, welcome: 4 } as const

/** What the handshake needs of `system/node-key`. */
export interface HandshakeKey {
  readonly node: NodeId
  sign(bytes: Uint8Array): Uint8Array
}
export type VerifySignature = (node: NodeId, bytes: Uint8Array, signature: Uint8Array) => boolean

interface Transcript {
  versionMin: number
  versionMax: number
  version: number
  site: SiteId
  node: NodeId
  relay: NodeId
  nodeNonce: Uint8Array
  relayNonce: Uint8Array
}

function signedBytes(domain: 'node' | 'relay', transcript: Transcript): Uint8Array {
  const { versionMin, versionMax, version, site, node, relay, nodeNonce, relayNonce } = transcript
  const writer = new ByteWriter().string(`selvedge trunk handshake: ${domain}`).uint(versionMin).uint(versionMax).uint(version)
  return writer.string(site).string(node).string(relay).raw(nodeNonce).raw(relayNonce).finish()
}

/** The node's end: `hello()`, then `challenged()`, then `welcomed()`. */
export class NodeHandshake {
  private readonly nodeNonce: Uint8Array

  constructor(
    private readonly key: HandshakeKey,
    private readonly site: SiteId,
    private readonly relay: NodeId,
    private readonly verify: VerifySignature,
    randomBytes: (length: number) => Uint8Array
  ) {
    this.nodeNonce = randomBytes(nonceBytes)
  }

  hello(): Uint8Array {
    const writer = new ByteWriter().byte(MessageType.hello).string(magic).uint(trunkVersion).uint(trunkVersion)
    return writer.string(this.site).string(this.key.node).raw(this.nodeNonce).finish()
  }

  /** @returns the proof. @throws SelvedgeError `TRUNK_REFUSED_RELAY`, `TRUNK_REFUSED_VERSION`, `TRUNK_PROTOCOL` */
  challenged(bytes: Uint8Array): Uint8Array {
    const { version, relay, relayNonce, signature } = readMessage(bytes, MessageType.challenge, reader => ({
      version: reader.uint(),
      relay: nodeId(reader.string(64, 'the relay')),
      relayNonce: reader.raw(nonceBytes).slice(),
      signature: reader.raw(signatureBytes)
    }))
    if (version !== trunkVersion)
      throw new SelvedgeError(networkErrors.trunkRefusedVersion, `the relay answers with version ${version}`)
    const { site, nodeNonce } = this
    const transcript = {
      versionMin: trunkVersion,
      versionMax: trunkVersion,
      version,
      site,
      node: this.key.node,
      relay,
      nodeNonce,
      relayNonce
    }
    if (relay !== this.relay || !this.verify(relay, signedBytes('relay', transcript), signature))
      throw new SelvedgeError(networkErrors.trunkRefusedRelay, 'the relay at that address has not proved the key of the roster', {
        details: { expected: this.relay, found: relay }
      })
    return new ByteWriter()
      .byte(MessageType.proof)
      .raw(this.key.sign(signedBytes('node', transcript)))
      .finish()
  }

  /** @throws SelvedgeError `TRUNK_PROTOCOL` */
  welcomed(bytes: Uint8Array): void {
    readMessage(bytes, MessageType.welcome, () => undefined)
  }
}

/** The relay's end: `greeted()`, then `proved()`, then the `welcome` message. */
export class RelayHandshake {
  private transcript: Transcript | undefined
  private entry: RosterEntry | undefined

  constructor(
    private readonly key: HandshakeKey,
    private readonly rosters: (site: SiteId) => Roster | undefined,
    private readonly verify: VerifySignature,
    private readonly randomBytes: (length: number) => Uint8Array
  ) {}

  /** @returns the challenge. @throws SelvedgeError `TRUNK_REFUSED_VERSION`, `_SITE`, `_NODE`, `TRUNK_PROTOCOL` */
  greeted(bytes: Uint8Array): Uint8Array {
    const hello = readMessage(bytes, MessageType.hello, reader => {
      if (reader.string(64, 'the magic') !== magic) throw protocolError('it is not a trunk that calls')
      const versionMin = reader.uint()
      const versionMax = reader.uint()
      if (trunkVersion < versionMin || trunkVersion > versionMax)
        throw new SelvedgeError(
          networkErrors.trunkRefusedVersion,
          `this relay speaks version ${trunkVersion}, the node ${versionMin} to ${versionMax}`
        )
      const site = siteId(reader.string(64, 'the site'))
      const node = nodeId(reader.string(64, 'the node'))
      return { versionMin, versionMax, site, node, nodeNonce: reader.raw(nonceBytes).slice() }
    })
    const roster = this.rosters(hello.site)
    if (!roster) throw new SelvedgeError(networkErrors.trunkRefusedSite, `site ${hello.site} is not known here`)
    this.entry = roster.get(hello.node)
    if (!this.entry)
      throw new SelvedgeError(networkErrors.trunkRefusedNode, `the node is not in the roster of site ${hello.site}`)
    this.transcript = { ...hello, version: trunkVersion, relay: this.key.node, relayNonce: this.randomBytes(nonceBytes) }
    const writer = new ByteWriter()
      .byte(MessageType.challenge)
      .uint(trunkVersion)
      .string(this.key.node)
      .raw(this.transcript.relayNonce)
    return writer.raw(this.key.sign(signedBytes('relay', this.transcript))).finish()
  }

  /** @returns who called, proved. @throws SelvedgeError `TRUNK_REFUSED_PROOF`, `TRUNK_PROTOCOL` */
  proved(bytes: Uint8Array): { site: SiteId; entry: RosterEntry } {
    const { transcript, entry } = this
    if (!transcript || !entry) throw protocolError('a proof came before hello')
    const signature = readMessage(bytes, MessageType.proof, reader => reader.raw(signatureBytes))
    if (!this.verify(transcript.node, signedBytes('node', transcript), signature))
      throw new SelvedgeError(networkErrors.trunkRefusedProof, 'the node has not proved its key')
    return { site: transcript.site, entry }
  }

  welcome(): Uint8Array {
    return Uint8Array.of(MessageType.welcome)
  }
}

function readMessage<T>(bytes: Uint8Array, type: number, read: (reader: ByteReader) => T): T {
  try {
    const reader = new ByteReader(bytes)
    if (reader.byte() !== type) throw protocolError('a handshake message of another kind was due')
    const message = read(reader)
    reader.finish('a handshake message')
    return message
  } catch (cause) {
    if (isSelvedgeError(cause) && cause.code.startsWith('TRUNK_')) throw cause
    throw protocolError(cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function protocolError(problem: string, cause?: unknown): SelvedgeError {
  return new SelvedgeError(
    networkErrors.trunkProtocol,
    `the handshake broke off: ${problem}`,
    cause === undefined ? {} : { cause }
  )
}
