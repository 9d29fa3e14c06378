import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { generateKeyPairSync } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeId } from '@selvedge/core'
import { publicKeyOfNode } from '../peer-id.js'
import { testKey } from '../testing/fixtures.js'
import { generateNodeKey, loadNodeKey, nodeKeyFromSeed, verify } from './node-key.js'

let directory: string
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'selvedge-key-'))))
afterEach(() => rmSync(directory, { recursive: true }))

test('the node id is the PeerId that libp2p gives the same key', () => {
  for (let number = 0; number < 20; number++) {
    const key = testKey(number)
    expect(privateKeyFromRaw(key.privateKeyRaw).publicKey.toString()).toBe(key.node)
    expect(publicKeyOfNode(key.node)).toEqual(key.publicKey)
  }
})

test('signatures verify with the id alone, and only what was signed by that node', () => {
  const [key, other] = [generateNodeKey(), generateNodeKey()]
  const bytes = Uint8Array.of(1, 2, 3)
  const signature = key.sign(bytes)
  expect(signature.length).toBe(64)
  expect(verify(key.node, bytes, signature)).toBe(true)
  expect(verify(other.node, bytes, signature)).toBe(false)
  expect(verify(key.node, Uint8Array.of(1, 2, 4), signature)).toBe(false)
  expect(verify(key.node, bytes, signature.subarray(1))).toBe(false)
  expect(verify(nodeId('not-a-peer-id'), bytes, signature)).toBe(false)
})

test('a seed gives the same key every time', () => {
  const seed = new Uint8Array(32).fill(9)
  expect(nodeKeyFromSeed(seed).node).toBe(nodeKeyFromSeed(seed).node)
  expect(() => nodeKeyFromSeed(new Uint8Array(31))).toThrow('assertion failed')
})

test('a missing file is made, private and alone, and loaded again later', () => {
  const file = join(directory, 'deep', 'node.key')
  const first = loadNodeKey(file)
  expect([first.created, first.exposed]).toEqual([true, false])
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(join(directory, 'deep'))).toEqual(['node.key'])
  const second = loadNodeKey(file)
  expect([second.created, second.key.node]).toEqual([false, first.key.node])
  expect(readFileSync(file, 'utf8')).toBe(first.key.toPem())
})

test('a file that others may read is loaded and reported', () => {
  const file = join(directory, 'node.key')
  loadNodeKey(file)
  chmodSync(file, 0o640)
  expect(loadNodeKey(file).exposed).toBe(true)
})

test.each([
  ['garbage', 'garbage'],
  ['an empty file', ''],
  ['a public key', generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }).toString()],
  ['a key of another type', generateKeyPairSync('x25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()]
])('%s is refused and left as it is', (_, content) => {
  const file = join(directory, 'node.key')
  writeFileSync(file, content)
  expect(() => loadNodeKey(file)).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }))
  expect(readFileSync(file, 'utf8')).toBe(content)
})

test('a place where no file can be is told', () => {
  writeFileSync(join(directory, 'file'), '')
  expect(() => loadNodeKey(join(directory, 'file', 'node.key'))).toThrow(expect.objectContaining({ code: 'KEY_UNREADABLE' }))
  expect(() => loadNodeKey(directory)).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }))
})
