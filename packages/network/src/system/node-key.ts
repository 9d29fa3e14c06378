/**
 * A node's Ed25519 key: its id, signatures with it, and its file (PKCS8 PEM, mode 0600). Only node:crypto's synchronous calls:
 * nothing waits in the thread pool behind disk work.
 *
 * @example
 * const { key, exposed } = loadNodeKey('/var/lib/selvedge/node.key')
 * verify(key.node, bytes, key.sign(bytes)) // true
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  verify as verifySignature,
  type KeyObject
} from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync
} from 'node:fs'
import { dirname } from 'node:path'
import { assert, SelvedgeError, type NodeId } from '@selvedge/core'
import { networkErrors } from '../errors.js'
import { nodeOfPublicKey, publicKeyOfNode } from '../peer-id.js'

export interface NodeKey {
  /** The PeerId, `12D3KooW…`. */
  readonly node: NodeId
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes: the seed, then the public key, as libp2p takes it. A secret: never log it. */
  readonly privateKeyRaw: Uint8Array
  /** PKCS8 PEM, as the key file holds it. A secret. */
  toPem(): string
  /** A signature of 64 bytes. Whoever calls this separates its domain: no two purposes may sign bytes that could be equal. */
  sign(bytes: Uint8Array): Uint8Array
}

export interface LoadedNodeKey {
  readonly key: NodeKey
  /** The file was not there and has been made. */
  readonly created: boolean
  /**
   * Others than the owner may read the file (never on Windows, where the mode says nothing). Told rather than refused: a node that
   * does not start after its files were restored with another mode would cost a building more. Warn, and `chmod 600` it.
   */
  readonly exposed: boolean
}

const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')
const fileBytesMax = 16 * 1024

/** A new key from the machine's cryptographic random source. */
export function generateNodeKey(): NodeKey {
  return nodeKeyOf(generateKeyPairSync('ed25519').privateKey)
}

/** The key of a seed of 32 bytes: for tests and simulations; a seed that was not drawn from a cryptographic source is no secret. */
export function nodeKeyFromSeed(seed: Uint8Array): NodeKey {
  assert(seed.length === 32, 'an Ed25519 seed has 32 bytes')
  return nodeKeyOf(createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' }))
}

/** Whether `signature` over `bytes` was made with the key of `node`. False, too, for an id that holds no key. */
export function verify(node: NodeId, bytes: Uint8Array, signature: Uint8Array): boolean {
  const publicKey = publicKeyOfNode(node)
  if (!publicKey || signature.length !== 64) return false
  const key = createPublicKey({ key: Buffer.concat([spkiPrefix, publicKey]), format: 'der', type: 'spki' })
  return verifySignature(null, bytes, key, signature)
}

/**
 * Loads the key of `file`, or makes one: written to a file beside it, fsynced, then put in place, so that a crash leaves either no
 * key or a whole one, and of two processes that start at once both get the same.
 * @throws SelvedgeError `KEY_INVALID` when the file holds no Ed25519 private key; `KEY_UNREADABLE` when it can't be read or made
 */
export function loadNodeKey(file: string): LoadedNodeKey {
  try {
    const found = readKeyFile(file)
    if (found) return { ...found, created: false }
    const created = createKeyFile(file, generateNodeKey().toPem())
    const made = readKeyFile(file)
    assert(made, 'a key file that was just put in place is there')
    return { ...made, created }
  } catch (cause) {
    if (cause instanceof SelvedgeError) throw cause
    throw new SelvedgeError(networkErrors.keyUnreadable, `the key file ${file} can't be read or made: ${messageOf(cause)}`, {
      cause,
      details: { file }
    })
  }
}

function readKeyFile(file: string): { key: NodeKey; exposed: boolean } | undefined {
  let handle: number
  try {
    handle = openSync(file, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const stat = fstatSync(handle)
    if (!stat.isFile() || stat.size > fileBytesMax) throw keyInvalid(file, 'it is not a small file')
    const exposed = process.platform !== 'win32' && (stat.mode & 0o077) !== 0
    return { key: parsePem(file, readFileSync(handle, 'utf8')), exposed }
  } finally {
    closeSync(handle)
  }
}

function parsePem(file: string, pem: string): NodeKey {
  let key: KeyObject
  try {
    key = createPrivateKey({ key: pem, format: 'pem' })
  } catch (cause) {
    // The cause is kept out of the message: a parser may quote its input.
    throw keyInvalid(file, 'it holds no private key in PKCS8 PEM', cause)
  }
  if (key.asymmetricKeyType !== 'ed25519') throw keyInvalid(file, `its key is of type ${key.asymmetricKeyType}, not ed25519`)
  return nodeKeyOf(key)
}

/** False when another process put its key there first. */
function createKeyFile(file: string, pem: string): boolean {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.${randomUUID()}.new`
  const handle = openSync(draft, 'wx', 0o600)
  try {
    writeSync(handle, pem)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  try {
    return putInPlace(draft, file)
  } finally {
    removeIfThere(draft)
    fsyncDirectory(dirname(file))
  }
}

function putInPlace(draft: string, file: string): boolean {
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    // File systems without hard links: a rename is atomic too, only the race of two first starts is lost.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error) ?? '')) throw error
    renameSync(draft, file)
    return true
  }
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

function fsyncDirectory(directory: string): void {
  // Windows can't open a directory, and needs no fsync of it.
  if (process.platform === 'win32') return
  const handle = openSync(directory, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function nodeKeyOf(privateKey: KeyObject): NodeKey {
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32))
  const privateKeyRaw = new Uint8Array(64)
  privateKeyRaw.set(seed)
  privateKeyRaw.set(publicKey, 32)
  return {
    node: nodeOfPublicKey(publicKey),
    publicKey,
    privateKeyRaw,
    toPem: () => privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    sign: bytes => new Uint8Array(sign(null, bytes, privateKey))
  }
}

function keyInvalid(file: string, problem: string, cause?: unknown): SelvedgeError {
  return new SelvedgeError(networkErrors.keyInvalid, `the key file ${file}: ${problem}`, {
    details: { file },
    ...(cause === undefined ? {} : { cause })
  })
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
