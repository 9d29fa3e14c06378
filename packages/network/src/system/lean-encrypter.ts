/**
 * Noise as libp2p runs it does needless work for every message, which at a few hundred small messages a second is a good part of what
 * a connection costs:
 * - it hands each message to the socket in parts (its length, then its body), and each part is written by itself: two system calls,
 *   and two wake-ups of the other end. Joined before they reach the socket they cost one;
 * - after each message it looks for the length of a next one, and where there is none it throws and catches an error, stack and all.
 */
import type { ConnectionEncrypter, MessageStream, SecuredConnection } from '@libp2p/interface'

/** More than a Noise message can have: whoever decodes waits for more bytes. */
const unreachableLength = 0xffff

/** What an encrypted connection keeps of its decoder. */
interface LengthDecoder {
  lengthDecoder(bytes: { readonly length: number }): number
}

/** An encrypter whose connections write each message with one call, and wait for the next one quietly. */
export function leanEncrypter<Components>(
  make: (components: Components) => ConnectionEncrypter
): (components: Components) => ConnectionEncrypter {
  return components => {
    const encrypter = make(components)
    const inbound = encrypter.secureInbound.bind(encrypter)
    const outbound = encrypter.secureOutbound.bind(encrypter)
    encrypter.secureInbound = async (connection, options) => quiet(await inbound(joined(connection), options))
    encrypter.secureOutbound = async (connection, options) => quiet(await outbound(joined(connection), options))
    return encrypter
  }
}

/** Makes a stream write what it is given in one call. */
export function joined<Stream extends MessageStream>(stream: Stream): Stream {
  const send = stream.send.bind(stream)
  stream.send = data => send(data instanceof Uint8Array ? data : data.subarray())
  return stream
}

function quiet(secured: SecuredConnection): SecuredConnection {
  const { decoder } = secured.connection as { decoder?: Partial<LengthDecoder> }
  if (typeof decoder?.lengthDecoder === 'function') waitQuietly(decoder as LengthDecoder)
  return secured
}

/** Makes a decoder of two-byte lengths wait for a length that is not there yet, rather than throw. */
export function waitQuietly(decoder: LengthDecoder): void {
  const decode = decoder.lengthDecoder.bind(decoder)
  decoder.lengthDecoder = bytes => (bytes.length < 2 ? unreachableLength : decode(bytes))
}
