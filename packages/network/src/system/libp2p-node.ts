/** libp2p set up for a mesh. What differs from its defaults differs for a measured reason, given beside it. */
import './promise-with-resolvers.js'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import { mdns } from '@libp2p/mdns'
import { tcp } from '@libp2p/tcp'
import { createLibp2p, type Libp2p } from 'libp2p'
import { nodeId, SelvedgeError, type NodeId } from '@selvedge/core'
import { connectionLimits } from '../connection-limits.js'
import { networkErrors } from '../errors.js'
import { leanEncrypter } from './lean-encrypter.js'
import type { NodeKey } from './node-key.js'

export interface Libp2pNodeOptions {
  readonly key: NodeKey
  readonly listen: readonly string[]
  readonly mdns: boolean
  /** Asked on both sides of every connection, once the other end has proved its key. */
  admits(node: NodeId): boolean
  discovered(node: NodeId, addresses: string[]): void
}

const mdnsIntervalMs = 5_000

/** Made, not started. */
export function createNode(options: Libp2pNodeOptions): Promise<Libp2p> {
  const denies = (peer: { toString(): string }) => !options.admits(nodeId(peer.toString()))
  return createLibp2p({
    start: false,
    privateKey: privateKeyFromRaw(options.key.privateKeyRaw),
    addresses: { listen: [...options.listen] },
    transports: [tcp()],
    connectionEncrypters: [leanEncrypter(noise())],
    streamMuxers: [
      yamux({
        maxInboundStreams: 16,
        maxOutboundStreams: 16,
        streamOptions: {
          // The default window (16 MiB) is larger than the read buffer (4 MiB): a paused reader would reset the stream.
          maxStreamWindowSize: 1024 * 1024,
          // The default has no bound. Ours closes first, with a reason; this one is the backstop.
          maxWriteBufferLength: 2 * connectionLimits.queueBytesMax
        }
      })
    ],
    connectionGater: {
      denyDialPeer: denies,
      denyInboundEncryptedConnection: denies,
      denyOutboundEncryptedConnection: denies
    },
    connectionManager: {
      // Counted per host: with the defaults (5 a second, 10 pending) a third of the dials of 12 nodes on one host were lost.
      inboundConnectionThreshold: 256,
      maxIncomingPendingConnections: 256,
      maxConnections: 2048,
      dialTimeout: 10_000,
      addressDialTimeout: 8_000,
      inboundUpgradeTimeout: 10_000,
      inboundStreamProtocolNegotiationTimeout: 5_000,
      outboundStreamProtocolNegotiationTimeout: 5_000,
      reconnectRetries: 0
    },
    // A silently dropped link is noticed in 1.0 to 1.6 s; with the defaults in 5 to 15 s.
    connectionMonitor: { pingInterval: 1_000, pingTimeout: { minTimeout: 1_000, maxTimeout: 2_000 } },
    ...(options.mdns ? { peerDiscovery: [discovery(options)] } : {})
  })
}

// libp2p tells of a peer once, when it is new: here every answer counts, so that a node with a new address is found again.
function discovery(options: Libp2pNodeOptions): ReturnType<typeof mdns> {
  const create = mdns({ interval: mdnsIntervalMs, serviceTag: '_selvedge._udp.local' })
  return components => {
    const service = create(components)
    service.addEventListener('peer', event => {
      const { id, multiaddrs } = event.detail
      options.discovered(
        nodeId(id.toString()),
        multiaddrs.map(address => `${address.toString()}/p2p/${id.toString()}`)
      )
    })
    return service
  }
}

/** @throws SelvedgeError `MESH_LISTEN_FAILED` */
export async function startNode(node: Libp2p, listen: readonly string[]): Promise<void> {
  try {
    await node.start()
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    const named = listen.filter(address => problem.includes(address))
    const addresses = named.length > 0 ? named : [...listen]
    throw new SelvedgeError(
      networkErrors.meshListenFailed,
      `the mesh can't listen on ${addresses.join(', ')}: ${listenAdvice(problem)}`,
      {
        cause,
        details: { addresses }
      }
    )
  }
}

// libp2p puts the stacks of all that failed into its message: the whole of it stays the cause.
function listenAdvice(problem: string): string {
  if (problem.includes('EADDRINUSE')) return 'another process listens there: stop it, or choose another port'
  if (problem.includes('EADDRNOTAVAIL')) return 'this machine has no such address'
  if (problem.includes('EACCES')) return 'this user may not listen there: choose a port above 1023'
  return problem.split('\n')[0]!.trim()
}
