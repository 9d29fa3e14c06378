/**
 * libp2p hands each Noise message to the socket in parts (its length, then its body), and writes each part by itself: two system calls,
 * and two wake-ups of the other end. Joined before they reach the socket they cost one.
 */
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'

/** An encrypter whose connections write each message with one call. */
export function joinedWrites<Components>(
  make: (components: Components) => ConnectionEncrypter
): (components: Components) => ConnectionEncrypter {
  return components => {
    const encrypter = make(components)
    const inbound = encrypter.secureInbound.bind(encrypter)
    const outbound = encrypter.secureOutbound.bind(encrypter)
    encrypter.secureInbound = (connection, options) => inbound(joined(connection), options)
    encrypter.secureOutbound = (connection, options) => outbound(joined(connection), options)
    return encrypter
  }
}

function joined<Stream extends MessageStream>(stream: Stream): Stream {
  const send = stream.send.bind(stream)
  stream.send = data => send(data instanceof Uint8Array ? data : data.subarray())
  return stream
}
