/**
 * The floor: libp2p with the mesh's own configuration (TCP, Noise, Yamux), one long-lived stream a pair, one length-prefixed message
 * an update with what a write carries (path, value, time), put into a Map at the receiver. No merge, no store, no acknowledgement.
 */
import { ByteReader, ByteWriter } from '@selvedge/core'
import { multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from 'libp2p'
import { createBareNode } from './libp2p-floor.js'
import { arrived, takePart, writeLoad, type Load } from './part.js'

const protocol = '/fan-out-floor/1'
const prefixBytes = 4
let node: Libp2p | undefined
type Stream = Awaited<ReturnType<Libp2p['dialProtocol']>>
const streams: Stream[] = []
const held = new Map<string, { value: number; time: number }>()

/** Length-prefixed messages out of chunks cut anywhere. */
class Messages {
  private rest = new Uint8Array(0)

  push(chunk: Uint8Array, each: (message: Uint8Array) => void): void {
    let bytes = chunk
    if (this.rest.length > 0) {
      bytes = new Uint8Array(this.rest.length + chunk.length)
      bytes.set(this.rest)
      bytes.set(chunk, this.rest.length)
    }
    let at = 0
    while (bytes.length - at >= prefixBytes) {
      const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0)
      if (bytes.length - at - prefixBytes < length) break
      each(bytes.subarray(at + prefixBytes, at + prefixBytes + length))
      at += prefixBytes + length
    }
    this.rest = bytes.slice(at)
  }
}

function take(message: Uint8Array): void {
  const reader = new ByteReader(message)
  const path = reader.string()
  const value = reader.float64()
  held.set(path, { value, time: reader.int() })
  arrived(path, value)
}

const body = new ByteWriter()

function send(path: string, value: number): void {
  body.clear()
  body.string(path).float64(value).int(Date.now())
  const bytes = body.peek()
  const message = new Uint8Array(prefixBytes + bytes.length)
  new DataView(message.buffer).setUint32(0, bytes.length)
  message.set(bytes, prefixBytes)
  for (const stream of streams) stream.send(message)
}

takePart({
  open: async () => {
    node = await createBareNode()
    await node.handle(protocol, stream => {
      const messages = new Messages()
      stream.addEventListener('message', ({ data }) => {
        for (const chunk of data instanceof Uint8Array ? [data] : data) messages.push(chunk, take)
      })
    })
    return node.getMultiaddrs().map(address => address.toString())
  },
  connect: async (addresses: readonly string[]) => {
    for (const address of addresses) streams.push(await node!.dialProtocol(multiaddr(address), protocol))
  },
  write: (load: Load) => writeLoad(load, send),
  close: () => node!.stop()
})
