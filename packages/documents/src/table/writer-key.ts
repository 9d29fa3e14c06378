/** Writer keys: the name of an incarnation of a node, unique by its creation time and random bits (I4). */
import { coreErrors, hlcToHex, randomHex, SelvedgeError, type HlcTime, type NodeId, type Random } from '@selvedge/core'

/** `<node>~<incarnation>`: sorts by node, then by the incarnation's creation. */
export type WriterKey = string

/** A node id as core takes it, then the incarnation: 14 digits of a hybrid time in range, 8 random ones. */
const writerKeyPattern = /^[A-Za-z0-9_-]{1,64}~(?!0{14})[0-3][0-9a-f]{21}$/

/** A fresh writer key for `node`: unique by its creation time and random bits. */
export function makeWriterKey(node: NodeId, createdAt: HlcTime, random: Random): WriterKey {
  return `${node}~${hlcToHex(createdAt)}${randomHex(random, 4)}`
}

/** Whether text from outside is a writer key. */
export function isWriterKey(text: string): boolean {
  return writerKeyPattern.test(text)
}

/** @throws SelvedgeError `ID_INVALID` for text from outside that is not a writer key */
export function checkWriterKey(text: string): WriterKey {
  if (!isWriterKey(text))
    throw new SelvedgeError(coreErrors.idInvalid, `writer key ${JSON.stringify(text.slice(0, 100))} is not valid`)
  return text
}
