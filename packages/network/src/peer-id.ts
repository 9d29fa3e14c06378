/**
 * libp2p PeerIds of Ed25519 keys, without libp2p: such an id *is* the public key (base58btc of an identity multihash over the
 * protobuf-coded key), so whoever knows a node's id can check its signatures.
 * Source: libp2p "Peer Ids and Keys" specification.
 */
import { nodeId, type NodeId } from '@selvedge/core'
import { base58btc } from 'multiformats/bases/base58'

/** Identity multihash of 36 bytes; key type Ed25519; 32 bytes of key. */
const prefix = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
const publicKeyBytes = 32
// The decoder itself passes over what is not of its alphabet in some places: one key would have several ids.
const base58Pattern = /^[1-9A-HJ-NP-Za-km-z]{1,64}$/

/** The node id of an Ed25519 public key of 32 bytes. */
export function nodeOfPublicKey(publicKey: Uint8Array): NodeId {
  const bytes = new Uint8Array(prefix.length + publicKeyBytes)
  bytes.set(prefix)
  bytes.set(publicKey, prefix.length)
  return nodeId(base58btc.encode(bytes).slice(1))
}

/** The public key that a node id holds; `undefined` when it is no PeerId of an Ed25519 key. */
export function publicKeyOfNode(node: string): Uint8Array | undefined {
  if (!base58Pattern.test(node)) return undefined
  let bytes: Uint8Array
  try {
    bytes = base58btc.decode(`z${node}`)
  } catch {
    return undefined
  }
  if (bytes.length !== prefix.length + publicKeyBytes || !prefix.every((byte, i) => bytes[i] === byte)) return undefined
  return bytes.slice(prefix.length)
}
