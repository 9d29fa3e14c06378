import { expect, test } from 'vitest'
import { nodeOfPublicKey, publicKeyOfNode } from './peer-id.js'

test('a key has one id: text that the base58 decoder happens to take for it is none', () => {
  const node = nodeOfPublicKey(new Uint8Array(32).fill(9))
  expect(publicKeyOfNode(node)).toEqual(new Uint8Array(32).fill(9))
  for (let at = 0; at < node.length; at++)
    for (const character of [' ', '\u0000', 'ä', '\ufffd', '🌊', '0', '-']) {
      const other = node.slice(0, at) + character + node.slice(at + 1)
      const key = publicKeyOfNode(other)
      expect(key === undefined ? other : nodeOfPublicKey(key), JSON.stringify(other)).toBe(other)
    }
  for (const other of [` ${node}`, `${node} `, `1${node}`, '']) expect(publicKeyOfNode(other)).toBeUndefined()
})
